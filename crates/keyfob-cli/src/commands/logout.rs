//! `keyfob logout`.

use super::{Acting, on_runtime};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output;
use keyfob_client::logins::{Logins, Which};
use keyfob_client::logout::{Revocation, SignedOut};

/// Signs out the login that a command here acts on; the first line is the Codex CLI's.
pub(crate) fn run(acting: &Acting) -> Result<Exit, CommandError> {
    acting.require()?;
    on_runtime(sign_out(&acting.logins, &acting.chosen.login))?;
    Ok(Exit::Ok)
}

/// Ends the session of a login at its issuer, removes it here, and says what happened.
pub(super) async fn sign_out(logins: &Logins, which: &Which) -> Result<(), CommandError> {
    let location = logins.store(which).blocking().location();
    let what = match which {
        Which::Shared => format!("`{location}`"),
        Which::Beside(name) => format!("the login `{name}` in `{location}`"),
    };
    match logins.remove(which).await? {
        SignedOut::NothingStored => output::say("Not logged in"),
        SignedOut::Removed(revocation) => {
            output::say("Successfully logged out");
            match revocation {
                Revocation::Confirmed => {
                    output::say(&format!("Removed {what}; the issuer ended the session"));
                }
                Revocation::NotNeeded => {
                    output::say(&format!("Removed {what}; there was no session to end"));
                }
                Revocation::Unconfirmed(issuer, why) => {
                    output::say(&format!("Removed {what}"));
                    output::say(&format!(
                        "warning: {issuer} did not confirm that the session ended ({why}); \
                         it may live on there until it expires"
                    ));
                }
            }
        }
    }
    Ok(())
}
