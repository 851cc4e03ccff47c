//! What restrictions say of a stored login, or of one that is about to be stored (security C-53, C-54).

use crate::account::Account;
use crate::home::Home;
use crate::login::{Brought, LoginError};
use crate::store::Slot;
use crate::token_of;
use crate::written_here;
use keyfob_codex::auth_file::{AccountTokens, Login};
use keyfob_settings::{Judgement, Presented, Restrictions, Workspace};

/// Judges what is stored, without asking anybody.
///
/// What a login says of its workspace counts if this home stored it as its issuer gave it, and nobody has changed it
/// since. Of a kind that we do not use nothing is said.
pub(crate) fn judge(restrictions: &Restrictions, home: &Home, slot: &Slot) -> Judgement {
    let Slot::Holds { digest, record } = slot else { return Judgement::Allowed };
    match record.login() {
        Login::Foreign(_) => Judgement::Allowed,
        Login::ApiKey => restrictions.judge(Presented::Key),
        Login::AccessToken(_) => match token_of::read(home, *digest) {
            Some(of) => {
                let workspace = Workspace::Of(&of.workspace);
                restrictions.judge(Presented::Account { issuer: Some(&of.issuer), workspace })
            }
            None => restrictions.judge(NOBODY_KNOWS),
        },
        Login::Account(tokens) => {
            let account = Account::of_readable(&tokens.id_token);
            let workspace = match &account {
                Some(account) if written_here::is(home, *digest) => {
                    account.workspace.as_ref().map_or(Workspace::None, Workspace::Of)
                }
                // What cannot be read is no reason to end a session (users' H3).
                Some(_) | None => Workspace::Unverified,
            };
            judge_account(restrictions, &tokens, workspace)
        }
    }
}

/// Refuses what a person brings and may not be stored here.
pub(crate) fn admit_brought(restrictions: &Restrictions, brought: &Brought) -> Result<(), LoginError> {
    let judgement = match brought {
        Brought::ApiKey(_) => restrictions.judge(Presented::Key),
        Brought::AccessToken { issuer, workspace, .. } => {
            let workspace = Workspace::Of(workspace);
            restrictions.judge(Presented::Account { issuer: Some(issuer), workspace })
        }
        // Whoever copied it may have changed it.
        Brought::Copy(record) => match record.login() {
            Login::Account(tokens) => judge_account(restrictions, &tokens, Workspace::Unverified),
            Login::ApiKey => restrictions.judge(Presented::Key),
            Login::AccessToken(_) | Login::Foreign(_) => restrictions.judge(NOBODY_KNOWS),
        },
    };
    match judgement {
        Judgement::Allowed => Ok(()),
        Judgement::Broken(broken) => Err(LoginError::Restricted(broken)),
        Judgement::Unverified(origin) => Err(LoginError::Unverified(origin)),
    }
}

/// A token that somebody else stored says nothing of itself.
const NOBODY_KNOWS: Presented<'static> =
    Presented::Account { issuer: None, workspace: Workspace::Unverified };

fn judge_account(restrictions: &Restrictions, tokens: &AccountTokens, workspace: Workspace<'_>) -> Judgement {
    let issuer = tokens.provenance.as_ref().map(|from| &from.issuer);
    restrictions.judge(Presented::Account { issuer, workspace })
}
