//! `/oauth/token`: codes, device codes and refresh tokens are redeemed, other tokens exchanged.

use crate::app::App;
use crate::endpoint::{device_grant, public_client, token_exchange};
use crate::error::ApiError;
use crate::guard::network;
use crate::parameters::{BodyKind, Parameters};
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderName, header};
use keyfob_issuer_core::attempt::RefreshAttempt;
use keyfob_issuer_core::claims::IssuedTokens;
use keyfob_issuer_core::login_session::Origin;
use keyfob_issuer_core::operation::{CodeExchange, Refresh};
use keyfob_oauth::request::GrantType;
use keyfob_oauth::{AuthorizationCode, ClientId, CodeVerifier, RefreshToken};
use std::sync::Arc;

/// By which a retry of a refresh is known to be one (security §7.3).
const ATTEMPT_HEADER: &str = "x-refresh-attempt";
/// What a client calls the machine it runs on; only for the list of a person's sessions.
const MACHINE_HEADER: HeaderName = HeaderName::from_static("x-session-machine");

pub(crate) async fn redeem(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let attempt = attempt(request.headers());
    let mut headers = HeaderMap::new();
    // Says that the attempt was taken in, and so that the client's acknowledgement is awaited.
    if let (Some(_), Some(value)) = (&attempt, request.headers().get(ATTEMPT_HEADER)) {
        headers.insert(ATTEMPT_HEADER, value.clone());
    }
    let origin = origin(&app, &request);
    let (head, body) = request.into_parts();
    let (mut parameters, kind) = Parameters::from_parts(&head, body).await?;
    let word = parameters.require("grant_type")?;
    let grant_type = GrantType::ALL.into_iter().find(|grant_type| grant_type.as_str() == word);
    let grant_type = grant_type.ok_or(ApiError::UNSUPPORTED_GRANT_TYPE)?;
    let client_id = public_client::id(&head.headers, &mut parameters)?;
    let tokens = match grant_type {
        GrantType::AuthorizationCode => exchange_code(&app, client_id, parameters, origin).await?,
        GrantType::RefreshToken => refresh(&app, client_id, parameters, kind, attempt).await?,
        GrantType::DeviceCode => device_grant::redeem(&app, client_id, parameters, origin).await?,
        GrantType::TokenExchange => {
            return Ok(
                Json(token_exchange::exchange(&app, client_id, parameters, origin).await?).into_response()
            );
        }
    };
    Ok((headers, answer(&tokens)).into_response())
}

async fn exchange_code(
    app: &App,
    client_id: ClientId,
    mut parameters: Parameters,
    origin: Origin,
) -> Result<IssuedTokens, ApiError> {
    let exchange = CodeExchange {
        client_id,
        code: AuthorizationCode::new(parameters.require("code")?),
        redirect_uri: parameters.require("redirect_uri")?,
        // What is no verifier cannot be the right one; the answer is the same (I-37).
        code_verifier: parameters.take("code_verifier")?.and_then(|text| CodeVerifier::parse(&text).ok()),
        resource: parameters.take("resource")?,
        origin,
    };
    Ok(app.issuer.exchange_code(exchange).await?)
}

/// Returns what a request tells of where it comes from.
fn origin(app: &App, request: &Request) -> Origin {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let place = network::address_of(request.extensions(), request.headers(), &app.trusted_proxies);
    Origin::new(text(header::USER_AGENT), text(MACHINE_HEADER), place)
}

/// Returns the attempt id; one that is repeated or malformed counts as absent.
fn attempt(headers: &HeaderMap) -> Option<RefreshAttempt> {
    let mut values = headers.get_all(ATTEMPT_HEADER).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().and_then(RefreshAttempt::parse),
        (_, _) => None,
    }
}

async fn refresh(
    app: &App,
    client_id: ClientId,
    mut parameters: Parameters,
    kind: BodyKind,
    attempt: Option<RefreshAttempt>,
) -> Result<IssuedTokens, ApiError> {
    let refresh = Refresh {
        client_id,
        refresh_token: RefreshToken::new(parameters.require("refresh_token")?),
        resource: parameters.take("resource")?,
        allowed: parameters.take_allowed_workspaces()?,
        attempt,
    };
    app.issuer.refresh(refresh).await.map_err(|error| ApiError::refresh(error, kind))
}

/// Returns a successful answer (RFC 6749 §5.1).
///
/// Nothing in it has to be escaped, and to look for what has to would take longer than all the rest: our tokens are base64
/// with dots and underscores, and no word of a scope holds a quotation mark or a backslash (RFC 6749 §3.3).
fn answer(tokens: &IssuedTokens) -> Response {
    let body = format!(
        r#"{{"access_token":"{}","token_type":"Bearer","expires_in":{},"refresh_token":"{}","id_token":"{}","scope":"{}"}}"#,
        tokens.access_token.expose(),
        tokens.expires_in.as_secs(),
        tokens.refresh_token.expose(),
        tokens.id_token.expose(),
        tokens.scope,
    );
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyfob_oauth::{AccessToken, IdToken, Scope};
    use serde_json::{Value, json};
    use std::time::Duration;

    #[tokio::test]
    async fn an_answer_is_json_of_everything_that_was_issued() {
        let tokens = IssuedTokens {
            access_token: AccessToken::new("eyJ.eyJ-_.x"),
            expires_in: Duration::from_mins(10),
            refresh_token: RefreshToken::new("kfr_a-_"),
            id_token: IdToken::new("eyJ.eyJ.y"),
            scope: Scope::parse("openid urn:x/y!#[]~'").unwrap(),
        };

        let body = axum::body::to_bytes(answer(&tokens).into_body(), usize::MAX).await.unwrap();

        let expected = json!({
            "access_token": "eyJ.eyJ-_.x",
            "token_type": "Bearer",
            "expires_in": 600,
            "refresh_token": "kfr_a-_",
            "id_token": "eyJ.eyJ.y",
            "scope": "openid urn:x/y!#[]~'",
        });
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), expected);
    }
}
