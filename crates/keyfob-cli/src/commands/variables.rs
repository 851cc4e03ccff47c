//! Credentials in the environment: what is there, and whether restrictions let it be used (security C-53, design D9).

use super::{Acting, on_runtime};
use crate::environment::variable;
use crate::error::{CommandError, Failure};
use keyfob_client::why::{Asked, Found, Places, Source};
use keyfob_client::{TokenFacts, who_is};
use keyfob_codex::client::UNNAMED_ISSUER;
use keyfob_codex::config::LoginMethod;
use keyfob_oauth::{AccessToken, IssuerUrl, WorkspaceId};
use keyfob_settings::{Broken, Judgement, Presented, Settings, Workspace};

/// Looks at the variables alone, as if nothing were stored.
pub(super) fn look(asked: Asked) -> Places {
    Places {
        asked,
        codex_api_key: Found::api_key(variable(Source::CodexApiKey.as_str()).as_deref()),
        codex_access_token: Found::access_token(variable(Source::CodexAccessToken.as_str()).as_deref()),
        stored_login: Found::Absent,
    }
}

/// Returns what restrictions say of what is in the variable, without asking anybody.
pub(super) fn judge(source: Source, settings: &Settings) -> Judgement {
    let restrictions = settings.restrictions();
    match source {
        Source::StoredLogin => Judgement::Allowed,
        Source::CodexApiKey => restrictions.judge(Presented::Key),
        // The token does not say what it is bound to, or nobody has verified what it says.
        Source::CodexAccessToken => {
            let named = token(source).and_then(|token| TokenFacts::unverified(&token).issuer);
            restrictions
                .judge(Presented::Account { issuer: named.as_ref(), workspace: Workspace::Unverified })
        }
    }
}

/// Refuses what restrictions exclude; whose a token is, its issuer is asked if that matters. What is stored stays.
pub(super) fn admit(source: Source, acting: &Acting) -> Result<(), CommandError> {
    let name = source.as_str();
    let refused = |broken: Broken| Err(Failure::VariableRestricted { name, broken }.into());
    let origin = match judge(source, &acting.settings) {
        Judgement::Allowed => return Ok(()),
        Judgement::Broken(broken) => return refused(broken),
        Judgement::Unverified(origin) => origin,
    };
    let unverified = |source| Failure::VariableUnverified { name, origin: origin.clone(), source };
    let token = token(source).ok_or_else(|| unverified(None))?;
    let here = issuer(&acting.settings).ok_or_else(|| unverified(None))?;
    // A token goes to nobody but its own issuer (security C-23); one that names none is of where people sign in here.
    if TokenFacts::unverified(&token).issuer.is_some_and(|named| named != here) {
        return Err(unverified(None).into());
    }
    let whose = on_runtime(async { Ok(who_is(acting.logins.network(), &here, &token).await) })?;
    let whose = whose.map_err(|error| unverified(Some(Box::new(error))))?;
    let workspace = WorkspaceId::new(whose.chatgpt_account_id);
    let presented = Presented::Account { issuer: Some(&here), workspace: Workspace::Of(&workspace) };
    match acting.settings.restrictions().judge(presented) {
        Judgement::Allowed => Ok(()),
        Judgement::Broken(broken) => refused(broken),
        Judgement::Unverified(_) => Err(unverified(None).into()),
    }
}

fn token(source: Source) -> Option<AccessToken> {
    let text = variable(source.as_str())?.into_string().ok()?;
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
