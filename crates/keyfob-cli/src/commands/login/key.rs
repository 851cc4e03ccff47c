//! `keyfob login --with-api-key`.

use super::super::{Acting, on_runtime};
use crate::args::Login;
use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use crate::output;
use keyfob_client::SystemClock;
use keyfob_client::login::{Replace, Superseded, keep_key};
use keyfob_oauth::{ApiKey, InvalidKey};
use serde_json::json;
use std::io::{self, IsTerminal as _};
use zeroize::Zeroizing;

/// More than any key has; what is longer is refused and not read to its end.
const MOST: usize = 16 * 1024;

/// Keeps the key on standard input, in the words of the Codex CLI.
pub(super) fn run(arguments: &Login, acting: &Acting) -> Result<Exit, CommandError> {
    if io::stdin().is_terminal() {
        return Err(Failure::KeyFromTerminal.into());
    }
    output::say("Reading API key from stdin...");
    let key = match ApiKey::parse(&read_all().map_err(Failure::Input)?) {
        Ok(key) => key,
        Err(InvalidKey::Empty) => return Err(Failure::NoKey.into()),
        Err(flaw) => return Err(Failure::NotAKey(flaw).into()),
    };
    let replace = if arguments.replace { Replace::Anything } else { Replace::SameIssuer };
    let store = acting.session.store();
    let kept = on_runtime(async { Ok(keep_key(store, &key, replace, &SystemClock).await?) })?;
    output::say("API key saved. Authentication is checked when you send a request.");
    output::say(&format!("Kept in `{}`", store.blocking().location()));
    if let Some(place) = &kept.set_aside {
        output::say(&format!("note: the damaged login that was there is kept in `{place}`"));
    }
    match kept.superseded {
        Superseded::Nothing | Superseded::Revoked => {}
        Superseded::Unconfirmed => {
            output::say("warning: the session that the key replaces could not be ended at its issuer");
        }
    }
    if arguments.json {
        let login = acting.chosen.login.to_string();
        let document = json!({ "schema": 1, "state": Exit::Ok.state(), "method": "api_key", "login": login });
        output::data(&document.to_string()).map_err(Failure::Output)?;
    }
    Ok(Exit::Ok)
}

/// Reads into one buffer that never moves, past the one of the standard library, so that no copy of a key is left behind.
fn read_all() -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; MOST]);
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match rustix::io::read(io::stdin(), rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
