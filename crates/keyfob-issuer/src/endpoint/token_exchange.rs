//! The token exchange grant of `/oauth/token`, in words (RFC 8693 §2).

use crate::app::App;
use crate::config::ApiKeyExchange as Setting;
use crate::error::ApiError;
use crate::parameters::{Parameters, ParametersError};
use keyfob_issuer_core::claims::IssuedTokens;
use keyfob_issuer_core::login_session::{Origin, SessionName};
use keyfob_issuer_core::operation::{
    ApiKeyExchange, ChildExchange, ChildToken, ExchangeTokenError, HandOver, SubjectRefusal, TakeOver,
    WorkloadExchange,
};
use keyfob_issuer_core::workspace::AllowedWorkspaces;
use keyfob_jose::{KeySet, read_unverified};
use keyfob_oauth::request::{HANDOFF_TOKEN as HANDOFF, REQUESTED_LIFE};
use keyfob_oauth::{AccessToken, ClientId, HandoffCode, IdToken, RefreshToken, Scope};
use serde::Serialize;
use std::num::NonZeroU64;
use std::time::Duration;

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const REFRESH_TOKEN: &str = "urn:ietf:params:oauth:token-type:refresh_token";
/// What the Codex CLI asks for at the end of a sign-in (contract §1.8).
const API_KEY: &str = "openai-api-key";

/// The body of a successful answer (RFC 8693 §2.2.1).
#[derive(Serialize)]
pub(crate) struct Exchanged {
    access_token: String,
    issued_token_type: &'static str,
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u64>,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
}

pub(super) async fn exchange(
    app: &App,
    client_id: ClientId,
    mut parameters: Parameters,
    origin: Origin,
) -> Result<Exchanged, ApiError> {
    let subject_token = parameters.require("subject_token")?;
    let subject_type = parameters.require("subject_token_type")?;
    let allowed = parameters.take_allowed_workspaces()?;
    // RFC 8693 §2.1: nobody but the client itself acts here.
    if parameters.take("actor_token")?.is_some() {
        return Err(ParametersError::Malformed.into());
    }
    match (parameters.take("requested_token")?.as_deref(), &*subject_type) {
        (None, ACCESS_TOKEN) => {
            for_child(app, client_id, AccessToken::new(subject_token), allowed, parameters).await
        }
        (None, REFRESH_TOKEN) => {
            hand_over(app, client_id, RefreshToken::new(subject_token), allowed, parameters).await
        }
        (None, HANDOFF) => {
            asked_for(&mut parameters, ACCESS_TOKEN)?;
            let code = HandoffCode::new(subject_token);
            Ok(app.issuer.take_over(TakeOver { client_id, code, allowed, origin }).await?.into())
        }
        (None, ID_TOKEN | JWT) => {
            for_workload(app, client_id, IdToken::new(subject_token), &allowed, parameters).await
        }
        (Some(API_KEY), ID_TOKEN) if app.api_key_exchange == Setting::Allowed => {
            let subject_token = IdToken::new(subject_token);
            let made =
                app.issuer.exchange_for_api_key(ApiKeyExchange { client_id, subject_token, allowed }).await?;
            Ok(Exchanged {
                access_token: made.secret.expose().to_owned(),
                issued_token_type: ACCESS_TOKEN,
                token_type: "Bearer",
                expires_in: made.key.expires_at.map(|end| end.since(made.key.created_at).as_secs()),
                scope: made.key.scope.to_string(),
                refresh_token: None,
                id_token: None,
            })
        }
        (Some(API_KEY), ID_TOKEN) => Err(ApiError::NO_API_KEYS),
        (_, _) => Err(ParametersError::Malformed.into()),
    }
}

/// Takes the token of a workload whose issuer a rule names.
async fn for_workload(
    app: &App,
    client_id: ClientId,
    subject_token: IdToken,
    allowed: &AllowedWorkspaces,
    mut parameters: Parameters,
) -> Result<Exchanged, ApiError> {
    let wish = Wish::read(&mut parameters)?;
    let named = read_unverified(subject_token.expose());
    let named = named.as_ref().and_then(|claims| claims.text("iss")).unwrap_or_default();
    let refused = ExchangeTokenError::Refused(SubjectRefusal::Invalid);
    let issuer = app.workloads.issuer(named).ok_or(refused)?;
    let now = app.issuer.now();
    let exchange = async |keys: &KeySet| {
        let exchange = WorkloadExchange {
            client_id: client_id.clone(),
            subject_token: &subject_token,
            issuer: &issuer.url,
            keys,
            rules: &issuer.rules,
            scope: wish.scope.clone(),
            allowed,
            resource: wish.resource.clone(),
        };
        app.issuer.exchange_for_workload(&exchange).await
    };
    let mut exchanged = exchange(&*issuer.keys(now).await?).await;
    if matches!(exchanged, Err(ExchangeTokenError::Refused(SubjectRefusal::UnknownKey)))
        && let Some(newer) = issuer.newer_keys(now).await?
    {
        exchanged = exchange(&newer).await;
    }
    Ok(exchanged?.into())
}

async fn for_child(
    app: &App,
    client_id: ClientId,
    subject_token: AccessToken,
    allowed: AllowedWorkspaces,
    mut parameters: Parameters,
) -> Result<Exchanged, ApiError> {
    let life = parameters.take(REQUESTED_LIFE)?.map(|text| text.parse::<NonZeroU64>()).transpose();
    let life = life.map_err(|_| ParametersError::Malformed)?.map(|life| Duration::from_secs(life.get()));
    let Wish { scope, resource } = Wish::read(&mut parameters)?;
    let child = ChildExchange { client_id, subject_token, scope, resource, life, allowed };
    Ok(app.issuer.exchange_for_child(child).await?.into())
}

/// Makes a code for another machine; the session's own tokens stay as they are.
async fn hand_over(
    app: &App,
    client_id: ClientId,
    refresh_token: RefreshToken,
    allowed: AllowedWorkspaces,
    mut parameters: Parameters,
) -> Result<Exchanged, ApiError> {
    if parameters.take("requested_token_type")?.as_deref() != Some(HANDOFF) {
        return Err(ParametersError::Malformed.into());
    }
    let name = parameters.take("session_name")?.and_then(|name| SessionName::parse(&name));
    let handed = app.issuer.hand_over(HandOver { client_id, refresh_token, name, allowed }).await?;
    Ok(Exchanged {
        access_token: handed.code.expose().to_owned(),
        issued_token_type: HANDOFF,
        // RFC 8693 §2.2.1: it opens nothing, and is no access token.
        token_type: "N_A",
        expires_in: Some(handed.expires_in.as_secs()),
        scope: handed.scope.to_string(),
        refresh_token: None,
        id_token: None,
    })
}

/// Refuses to be asked for another kind of token than `kind`.
fn asked_for(parameters: &mut Parameters, kind: &str) -> Result<(), ParametersError> {
    match parameters.take("requested_token_type")? {
        Some(requested) if requested != kind => Err(ParametersError::Malformed),
        Some(_) | None => Ok(()),
    }
}

/// What a client wants for the token it brings.
struct Wish {
    scope: Option<Scope>,
    /// RFC 8693 §2.1: a server by its address, or by its name, which is the same here.
    resource: Option<String>,
}

impl Wish {
    fn read(parameters: &mut Parameters) -> Result<Self, ParametersError> {
        asked_for(parameters, ACCESS_TOKEN)?;
        let scope = parameters.take("scope")?.map(|text| Scope::parse(&text)).transpose();
        Ok(Self {
            scope: scope.map_err(|_| ParametersError::Malformed)?,
            resource: parameters.take("resource")?.or(parameters.take("audience")?),
        })
    }
}

impl From<ChildToken> for Exchanged {
    fn from(token: ChildToken) -> Self {
        Self {
            access_token: token.access_token.expose().to_owned(),
            issued_token_type: ACCESS_TOKEN,
            token_type: "Bearer",
            expires_in: Some(token.expires_in.as_secs()),
            scope: token.scope.to_string(),
            refresh_token: None,
            id_token: None,
        }
    }
}

impl From<IssuedTokens> for Exchanged {
    fn from(tokens: IssuedTokens) -> Self {
        Self {
            access_token: tokens.access_token.expose().to_owned(),
            issued_token_type: ACCESS_TOKEN,
            token_type: "Bearer",
            expires_in: Some(tokens.expires_in.as_secs()),
            scope: tokens.scope.to_string(),
            refresh_token: Some(tokens.refresh_token.expose().to_owned()),
            id_token: Some(tokens.id_token.expose().to_owned()),
        }
    }
}
