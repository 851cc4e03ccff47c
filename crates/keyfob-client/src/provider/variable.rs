//! Credentials in the environment: which variables hold them, and whether restrictions let one be used (security C-53,
//! design D9).

use crate::network::Network;
use crate::status::TokenFacts;
use crate::who_is::{WhoIsError, who_is};
use crate::why::Source;
use keyfob_oauth::{AccessToken, IssuerUrl, WorkspaceId};
use keyfob_settings::{Broken, Judgement, Origin, Presented, Restrictions, Workspace};
use std::ffi::OsStr;

/// What is in a variable is not used; what is stored stays.
#[derive(Debug, thiserror::Error)]
pub enum VariableError {
    /// It breaks a restriction.
    #[error("{0}")]
    Restricted(Broken),
    /// Whether it breaks one cannot be said now.
    #[error("whose token it is cannot be verified now")]
    Unverified {
        /// Where the restriction is.
        origin: Origin,
        /// Why not.
        #[source]
        source: Option<Box<WhoIsError>>,
    },
}

/// Returns what restrictions say of what is in the variable of `source`, without asking anybody; `token` is what it holds.
pub fn judge(source: Source, token: Option<&AccessToken>, restrictions: &Restrictions) -> Judgement {
    match source {
        Source::StoredLogin => Judgement::Allowed,
        Source::CodexApiKey => restrictions.judge(Presented::Key),
        // The token does not say what it is bound to, or nobody has verified what it says.
        Source::CodexAccessToken => {
            let named = token.and_then(|token| TokenFacts::unverified(token).issuer);
            restrictions
                .judge(Presented::Account { issuer: named.as_ref(), workspace: Workspace::Unverified })
        }
    }
}

/// Refuses what restrictions exclude; whose a token is, `here` is asked if that matters: where people sign in.
pub async fn admit(
    source: Source,
    token: Option<&AccessToken>,
    restrictions: &Restrictions,
    here: Option<&IssuerUrl>,
    network: &Network,
) -> Result<(), VariableError> {
    let origin = match judge(source, token, restrictions) {
        Judgement::Allowed => return Ok(()),
        Judgement::Broken(broken) => return Err(VariableError::Restricted(broken)),
        Judgement::Unverified(origin) => origin,
    };
    let unverified = |source| VariableError::Unverified { origin: origin.clone(), source };
    let (Some(token), Some(here)) = (token, here) else { return Err(unverified(None)) };
    // A token goes to nobody but its own issuer (security C-23); one that names none is of where people sign in here.
    if TokenFacts::unverified(token).issuer.is_some_and(|named| named != *here) {
        return Err(unverified(None));
    }
    let whose = who_is(network, here, token).await.map_err(|error| unverified(Some(Box::new(error))))?;
    let workspace = WorkspaceId::new(whose.chatgpt_account_id);
    let presented = Presented::Account { issuer: Some(here), workspace: Workspace::Of(&workspace) };
    match restrictions.judge(presented) {
        Judgement::Allowed => Ok(()),
        Judgement::Broken(broken) => Err(VariableError::Restricted(broken)),
        Judgement::Unverified(_) => Err(unverified(None)),
    }
}

/// Whether a variable of this name holds a secret, going by its name.
pub fn is_secret(name: &OsStr) -> bool {
    const ENDINGS: [&str; 10] = [
        "_API_KEY",
        "_TOKEN",
        "_SECRET",
        "PASSWORD",
        "_ACCESS_KEY",
        "_SECRET_KEY",
        "_PRIVATE_KEY",
        "_PASSPHRASE",
        "_PAT",
        "_CREDENTIALS",
    ];
    let name = name.to_string_lossy().to_ascii_uppercase();
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Whether it is one of the Codex CLI's or of OpenAI's libraries: they hold credentials, or say where those go.
pub fn steers_credentials(name: &OsStr) -> bool {
    const HARMLESS: [&str; 2] = ["CODEX_HOME", "CODEX_CA_CERTIFICATE"];
    let name = name.to_string_lossy().to_ascii_uppercase();
    ["CODEX_", "OPENAI_"].iter().any(|start| name.starts_with(start)) && !HARMLESS.contains(&name.as_str())
}
