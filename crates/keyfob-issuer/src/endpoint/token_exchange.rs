//! The token exchange grant of `/oauth/token`, in words (RFC 8693 §2).

use crate::app::App;
use crate::config::ApiKeyExchange as Setting;
use crate::error::ApiError;
use crate::parameters::{Parameters, ParametersError};
use keyfob_issuer_core::operation::{
    ApiKeyExchange, ChildExchange, ChildToken, ExchangeTokenError, SubjectRefusal, WorkloadExchange,
};
use keyfob_issuer_core::workspace::AllowedWorkspaces;
use keyfob_jose::{KeySet, read_unverified};
use keyfob_oauth::{AccessToken, ClientId, IdToken, Scope};
use serde::Serialize;

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
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
}

pub(super) async fn exchange(
    app: &App,
    client_id: ClientId,
    mut parameters: Parameters,
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
    let Wish { scope, resource } = Wish::read(&mut parameters)?;
    let child = ChildExchange { client_id, subject_token, scope, resource, allowed };
    Ok(app.issuer.exchange_for_child(child).await?.into())
}

/// What a client wants for the token it brings.
struct Wish {
    scope: Option<Scope>,
    /// RFC 8693 §2.1: a server by its address, or by its name, which is the same here.
    resource: Option<String>,
}

impl Wish {
    fn read(parameters: &mut Parameters) -> Result<Self, ParametersError> {
        let asks_for_another_kind =
            parameters.take("requested_token_type")?.is_some_and(|requested| requested != ACCESS_TOKEN);
        if asks_for_another_kind {
            return Err(ParametersError::Malformed);
        }
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
        }
    }
}
