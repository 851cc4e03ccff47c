//! `keyfob logout`.

use super::login::of_provider;
use super::{Acting, on_runtime};
use crate::args::Logout;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output;
use keyfob_client::logins::Logins;
use keyfob_client::logout::{Ends, Revocation, SignedOut};
use keyfob_client::refresh::RefreshError;
use keyfob_client::{SessionsError, SystemClock, SystemEntropy};
use keyfob_codex::client::UNNAMED_ISSUER;
use keyfob_oauth::IssuerUrl;
use keyfob_settings::Settings;
use keyfob_settings::logins::Which;

/// Signs out the login that a command here acts on; the first line is the Codex CLI's.
pub(crate) fn run(arguments: &Logout, acting: &Acting) -> Result<Exit, CommandError> {
    if let Some(id) = &arguments.provider {
        return of_provider::forget(id, &acting.logins);
    }
    acting.require()?;
    let ends = if arguments.replace { Ends::Anything } else { ends(&acting.settings) };
    let which = &acting.chosen.login;
    if arguments.all {
        on_runtime(sign_out_everywhere(&acting.logins, which, ends))?;
    } else {
        on_runtime(sign_out(&acting.logins, which, ends))?;
    }
    Ok(Exit::Ok)
}

/// Returns what may be ended unasked: a login of the configured issuer, which is OpenAI's if none is (design D3, D14).
pub(super) fn ends(settings: &Settings) -> Ends {
    // What was stored before an administrator named another issuer is the user's to end.
    let configured = [settings.issuer(), settings.own().issuer.as_ref()].into_iter().flatten();
    let mut issuers: Vec<IssuerUrl> = configured.map(|issuer| issuer.value.clone()).collect();
    if issuers.is_empty() {
        issuers.extend(IssuerUrl::parse(UNNAMED_ISSUER));
    }
    Ends::of_issuers(issuers)
}

/// Ends the session of a login at its issuer, removes it here, and says what happened.
pub(super) async fn sign_out(logins: &Logins, which: &Which, ends: Ends) -> Result<(), CommandError> {
    let what = described(logins, which);
    report(&logins.remove(which, ends, &SystemClock).await?, &what);
    Ok(())
}

/// Ends every session of the person first, and this one in any case.
async fn sign_out_everywhere(logins: &Logins, which: &Which, ends: Ends) -> Result<(), CommandError> {
    let what = described(logins, which);
    let done = logins.remove_everywhere(which, ends, &SystemClock, &SystemEntropy).await?;
    report(&done.here, &what);
    match (done.everywhere, done.here) {
        (Ok(1), _) => output::say("The issuer ended 1 session of yours, and signed out your browsers there"),
        (Ok(ended), _) => {
            output::say(&format!(
                "The issuer ended {ended} sessions of yours, and signed out your browsers there"
            ));
        }
        (Err(SessionsError::Token(RefreshError::SignedOut)), SignedOut::NothingStored) => {}
        (Err(error), SignedOut::NothingStored | SignedOut::Removed(_)) => {
            output::say(&format!(
                "warning: only this session was signed out; others may live on ({})",
                output::with_causes(&error)
            ));
        }
    }
    Ok(())
}

fn described(logins: &Logins, which: &Which) -> String {
    let location = logins.store(which).blocking().location();
    match which {
        Which::Shared => format!("`{location}`"),
        Which::Beside(name) => format!("the login `{name}` in `{location}`"),
    }
}

fn report(signed_out: &SignedOut, what: &str) {
    let SignedOut::Removed(revocation) = signed_out else {
        output::say("Not logged in");
        return;
    };
    output::say("Successfully logged out");
    match revocation {
        Revocation::Confirmed => output::say(&format!("Removed {what}; the issuer ended the session")),
        Revocation::NotNeeded => output::say(&format!("Removed {what}; there was no session to end")),
        Revocation::Queued(issuer, why) => {
            output::say(&format!("Removed {what}"));
            output::say(&format!(
                "warning: {issuer} did not confirm that the session ended ({why}); for a week it is asked again when \
                 keyfob signs in, refreshes or signs out: what ends the session waits in the keyring"
            ));
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
