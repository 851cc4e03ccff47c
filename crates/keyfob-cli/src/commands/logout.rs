//! `keyfob logout`.

use super::on_runtime;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output;
use keyfob_client::Session;
use keyfob_client::logout::{Revocation, SignedOut};

/// Ends the session at its issuer and removes it here; the first line is the Codex CLI's.
pub(crate) fn run(session: &Session) -> Result<Exit, CommandError> {
    let signed_out = on_runtime(async { Ok(session.sign_out().await?) })?;
    let location = session.store().blocking().location();
    match signed_out {
        SignedOut::NothingStored => output::say("Not logged in"),
        SignedOut::Removed(revocation) => {
            output::say("Successfully logged out");
            match revocation {
                Revocation::Confirmed => {
                    output::say(&format!("Removed `{location}`; the issuer ended the session"));
                }
                Revocation::NotNeeded => {
                    output::say(&format!("Removed `{location}`; there was no session to end"));
                }
                Revocation::Unconfirmed(issuer, why) => {
                    output::say(&format!("Removed `{location}`"));
                    output::say(&format!(
                        "warning: {issuer} did not confirm that the session ended ({why}); \
                         it may live on there until it expires"
                    ));
                }
            }
        }
    }
    Ok(Exit::Ok)
}
