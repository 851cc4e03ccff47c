//! Credentials in the environment: what is there, and whether restrictions let it be used (security C-53, design D9).

use super::{Acting, on_runtime};
use crate::environment;
use crate::error::{CommandError, Failure};
use keyfob_client::provider::variable::{self, VariableError};
use keyfob_client::why::{Asked, Found, Places, Source};
use keyfob_codex::client::UNNAMED_ISSUER;
use keyfob_codex::config::LoginMethod;
use keyfob_oauth::{AccessToken, IssuerUrl};
use keyfob_settings::{Judgement, Settings};

/// Looks at the variables alone, as if nothing were stored.
pub(super) fn look(asked: Asked) -> Places {
    Places {
        asked,
        codex_api_key: Found::api_key(environment::variable(Source::CodexApiKey.as_str()).as_deref()),
        codex_access_token: Found::access_token(
            environment::variable(Source::CodexAccessToken.as_str()).as_deref(),
        ),
        stored_login: Found::Absent,
    }
}

/// Returns what restrictions say of what is in the variable, without asking anybody.
pub(super) fn judge(source: Source, settings: &Settings) -> Judgement {
    variable::judge(source, token(source).as_ref(), settings.restrictions())
}

/// Refuses what restrictions exclude; whose a token is, its issuer is asked if that matters. What is stored stays.
pub(super) fn admit(source: Source, acting: &Acting) -> Result<(), CommandError> {
    let name = source.as_str();
    let (token, here) = (token(source), issuer(&acting.settings));
    let (restrictions, network) = (acting.settings.restrictions(), acting.logins.network());
    if judge(source, &acting.settings) == Judgement::Allowed {
        return Ok(());
    }
    let admitted = on_runtime(async {
        Ok(variable::admit(source, token.as_ref(), restrictions, here.as_ref(), network).await)
    })?;
    admitted.map_err(|error| match error {
        VariableError::Restricted(broken) => Failure::VariableRestricted { name, broken }.into(),
        VariableError::Unverified { origin, source } => {
            Failure::VariableUnverified { name, origin, source }.into()
        }
    })
}

fn token(source: Source) -> Option<AccessToken> {
    let text = environment::variable(source.as_str())?.into_string().ok()?;
    Some(AccessToken::new(text))
}

/// Whether an account may be used at all, for a command that shows no more.
pub(super) fn may_be_shown(settings: &Settings) -> bool {
    settings.restrictions().may_use(LoginMethod::Chatgpt).is_ok()
}

/// Returns where people sign in here.
fn issuer(settings: &Settings) -> Option<IssuerUrl> {
    let configured = settings.issuer().map(|issuer| issuer.value.clone());
    configured.or_else(|| IssuerUrl::parse(UNNAMED_ISSUER).ok())
}
