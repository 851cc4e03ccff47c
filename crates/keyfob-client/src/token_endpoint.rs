//! The one post to the token endpoint, and the one reader of its answers.

use crate::failpoint::Failpoint;
use crate::http::{HttpClient, HttpError};
use keyfob_codex::errors::RefreshRejection;
use keyfob_oauth::request::{HANDOFF_TOKEN, TokenRequest};
use keyfob_oauth::token::InvalidTokenResponse;
use keyfob_oauth::{ErrorCode, HandoffCode, TokenResponse, text};
use reqwest::header::HeaderValue;
use std::io;
use std::time::Duration;

/// The token endpoint gave no tokens.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The code or refresh token is refused for good.
    #[error("the issuer rejected it: {}", reason_text(*.0))]
    Rejected(Option<RefreshRejection>),
    /// The issuer refused the request in another way.
    #[error("the issuer refused the request ({status}{})", detail(.code.as_deref(), .description.as_deref()))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Its error code, made printable.
        code: Option<String>,
        /// Its sentence, made printable.
        description: Option<String>,
        /// How long it asks us to wait.
        retry_after: Option<Duration>,
    },
    /// The issuer answered with something that is no token response.
    #[error("the issuer's answer cannot be used")]
    Unusable(#[source] InvalidTokenResponse),
    /// The issuer did not answer.
    #[error("the issuer did not answer")]
    Unreachable(#[source] HttpError),
}

impl TokenError {
    /// Whether nothing is where the issuer was asked, so that nothing was done there.
    pub(crate) fn is_elsewhere(&self) -> bool {
        matches!(self, Self::Refused { status: 404 | 405, .. })
    }

    /// The connection broke with this error.
    pub(crate) fn broken(error: &io::Error) -> Self {
        Self::Unreachable(HttpError::NoAnswer { why: error.to_string() })
    }
}

fn reason_text(reason: Option<RefreshRejection>) -> &'static str {
    match reason {
        Some(RefreshRejection::Expired) => "it has expired",
        Some(RefreshRejection::Reused) => "it was already used",
        Some(RefreshRejection::Invalidated) => "it was revoked or is unknown",
        Some(RefreshRejection::Superseded) => "a newer one has been stored",
        None => "it is not valid",
    }
}

fn detail(code: Option<&str>, description: Option<&str>) -> String {
    [code, description].into_iter().flatten().fold(String::new(), |all, part| format!("{all}: {part}"))
}

/// Tokens, and whether the issuer can give the same ones again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redeemed {
    /// The tokens.
    pub tokens: TokenResponse,
    /// Whether the issuer took in the attempt id, and so wants to hear that the tokens are stored.
    pub recoverable: bool,
}

/// Posts `request` to `endpoint` with one header more than usual; an issuer that sends it back is one that can give
/// the same answer again.
pub(crate) async fn redeem(
    http: &HttpClient,
    endpoint: &str,
    request: &TokenRequest,
    header: Option<(&'static str, &str)>,
) -> Result<Redeemed, TokenError> {
    let broken = |error| TokenError::broken(&error);
    Failpoint::HttpPost.reach().map_err(broken)?;
    let answer = http.post_form(endpoint, &request.form(), header).await.map_err(TokenError::Unreachable)?;
    Failpoint::HttpDone.reach().map_err(broken)?;
    if answer.status != 200 {
        return Err(without_echo(refusal(answer.status, &answer.body, answer.retry_after()), request));
    }
    let recoverable = header.is_some_and(|(name, sent)| {
        answer.headers.get(name).map(HeaderValue::as_bytes) == Some(sent.as_bytes())
    });
    let tokens = TokenResponse::parse(&answer.body).map_err(TokenError::Unusable)?;
    Ok(Redeemed { tokens, recoverable })
}

/// Posts a request for what another machine redeems; returns it, and for how long it works (RFC 8693 §2.2.1).
pub(crate) async fn redeem_handoff(
    http: &HttpClient,
    endpoint: &str,
    request: &TokenRequest,
) -> Result<(HandoffCode, Duration), TokenError> {
    let answer = http.post_form(endpoint, &request.form(), None).await.map_err(TokenError::Unreachable)?;
    if answer.status != 200 {
        return Err(without_echo(refusal(answer.status, &answer.body, answer.retry_after()), request));
    }
    let given: Handoff = serde_json::from_slice(&answer.body)
        .map_err(|_| TokenError::Unusable(InvalidTokenResponse::NotJson))?;
    if given.issued_token_type != HANDOFF_TOKEN {
        return Err(TokenError::Unusable(InvalidTokenResponse::OtherTokenType));
    }
    Ok((HandoffCode::new(given.access_token), Duration::from_secs(given.expires_in)))
}

/// RFC 8693 has whatever is issued in a member of this name.
#[derive(serde::Deserialize)]
struct Handoff {
    access_token: String,
    issued_token_type: String,
    expires_in: u64,
}

/// Reads an error of RFC 6749 §5.2, or the nested one of the Codex dialect.
///
/// Only an error that names the grant is for good: a bare 401, a page of HTML or a 5xx may be a fault on the way
/// (security C-58).
pub(crate) fn refusal(status: u16, body: &[u8], retry_after: Option<Duration>) -> TokenError {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let member = |pointer: &str| body.pointer(pointer).and_then(serde_json::Value::as_str);
    let reason = member("/code").or_else(|| member("/error/code")).and_then(RefreshRejection::from_wire);
    let code = member("/error").or_else(|| member("/error/code"));
    let names_the_grant = reason.is_some() || code == Some(ErrorCode::InvalidGrant.as_str());
    if names_the_grant && matches!(status, 400 | 401) {
        return TokenError::Rejected(reason);
    }
    TokenError::Refused {
        status,
        code: code.map(text::printable),
        description: member("/error_description").or_else(|| member("/error/message")).map(text::printable),
        retry_after,
    }
}

/// A server may repeat what it was sent; that must not be shown or logged (security C-46).
fn without_echo(error: TokenError, request: &TokenRequest) -> TokenError {
    let TokenError::Refused { status, code, description, retry_after } = error else { return error };
    let form = request.form();
    let is_echo = |said: &String| {
        let secrets = form.iter().filter(|(name, _)| SECRET_FIELDS.contains(name));
        secrets.map(|(_, value)| value.get(..TELLING).unwrap_or(value)).any(|mark| said.contains(mark))
    };
    let unless_echo = |said: Option<String>| said.filter(|said| !is_echo(said));
    TokenError::Refused {
        status,
        code: unless_echo(code),
        description: unless_echo(description),
        retry_after,
    }
}

/// The fields of a token request that nobody else may see.
const SECRET_FIELDS: [&str; 5] = ["code", "code_verifier", "refresh_token", "device_code", "subject_token"];
/// So much of a secret tells which it is.
const TELLING: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_58_only_an_error_that_names_the_grant_is_for_good() {
        let for_good = |status: u16, body: &str| match refusal(status, body.as_bytes(), None) {
            TokenError::Rejected(reason) => Some(reason),
            _ => None,
        };

        assert_eq!(for_good(400, r#"{"error":"invalid_grant"}"#), Some(None));
        let nested = r#"{"error":{"code":"refresh_token_reused","message":"m"}}"#;
        assert_eq!(for_good(401, nested), Some(Some(RefreshRejection::Reused)));
        let beside = r#"{"error":"invalid_grant","code":"refresh_token_expired"}"#;
        assert_eq!(for_good(400, beside), Some(Some(RefreshRejection::Expired)));
        for (status, body) in [
            (401, ""),
            (401, "<html>captive portal</html>"),
            (403, r#"{"error":"invalid_grant"}"#),
            (500, r#"{"error":"invalid_grant"}"#),
            (400, r#"{"error":"invalid_client"}"#),
            (429, r#"{"error":{"code":"slow_down"}}"#),
        ] {
            assert_eq!(for_good(status, body), None, "{status} {body}");
        }
    }

    #[test]
    fn c_46_a_secret_that_the_issuer_repeats_is_not_repeated() {
        let request = TokenRequest::Refresh {
            client_id: keyfob_oauth::ClientId::new("app"),
            refresh_token: keyfob_oauth::RefreshToken::new("rt-0123456789-abcdef"),
        };
        let told = |body: &str| without_echo(refusal(400, body.as_bytes(), None), &request).to_string();

        let echo =
            r#"{"error":"bad_rt-0123456789-abc","error_description":"unknown token rt-0123456789-abcdef"}"#;
        assert_eq!(told(echo), "the issuer refused the request (400)");
        let other = r#"{"error":"slow_down","error_description":"not now"}"#;
        assert_eq!(told(other), "the issuer refused the request (400: slow_down: not now)");
    }

    #[test]
    fn c_52_what_the_issuer_says_is_shown_without_control_characters() {
        let error =
            refusal(403, b"{\"error\":\"no\\u001b[2J\",\"error_description\":\"go\\u202eaway\"}", None);

        assert_eq!(error.to_string(), "the issuer refused the request (403: no[2J: goaway)");
    }
}
