//! `keyfob token`.

use super::times::utc;
use super::{Acting, on_runtime};
use crate::args::Token;
use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use crate::output;
use keyfob_client::{AccountStatus, Jitter, Need, Session, Status, SystemClock, SystemEntropy};
use keyfob_oauth::{AccessToken, Clock as _};
use serde_json::json;
use std::io::{self, IsTerminal as _};
use std::time::Duration;

/// Prints a usable access token, alone on its line or in JSON.
pub(crate) fn run(arguments: &Token, acting: &Acting) -> Result<Exit, CommandError> {
    // A terminal keeps what it shows, in its history and in whatever records it (security C-50).
    if io::stdout().is_terminal() && !arguments.yes {
        return Err(Failure::TokenToTerminal.into());
    }
    acting.require()?;
    print(arguments, &acting.session).map_err(|error| acting.advise(error))
}

fn print(arguments: &Token, session: &Session) -> Result<Exit, CommandError> {
    let least = arguments.min_ttl.map(Duration::from_secs);
    let need = match least {
        Some(least) => Need::Life(least),
        None => Need::Usable(
            Jitter::draw(&SystemEntropy).map_err(|error| Failure::Setup(io::Error::other(error)))?,
        ),
    };
    let token = if let Some(token) = session.fresh_token(SystemClock.now(), need)? {
        token
    } else {
        let token = on_runtime(async { Ok(session.token(&SystemClock, &SystemEntropy, need).await?) })?;
        if let Some(least) = least {
            require(least, session)?;
        }
        token
    };
    let line = if arguments.json { document(&token, session)? } else { token.expose().to_owned() };
    output::data(&line).map_err(Failure::Output)?;
    Ok(Exit::Ok)
}

/// A token that the issuer gives for less, or that could not be stored, is not what was asked for.
fn require(least: Duration, session: &Session) -> Result<(), CommandError> {
    let now = SystemClock.now();
    let Some(end) = account(session)?.and_then(|account| account.access_token_expires) else { return Ok(()) };
    if now.plus(least) < end {
        return Ok(());
    }
    Err(Failure::TooShort { left: end.since(now).as_secs(), least: least.as_secs() }.into())
}

fn document(token: &AccessToken, session: &Session) -> Result<String, CommandError> {
    let account = account(session)?;
    let expires = account.as_ref().and_then(|account| account.access_token_expires).and_then(utc);
    let workspace = account.and_then(|account| account.account.workspace);
    let document = json!({
        "schema": 1, "state": Exit::Ok.state(), "access_token": token.expose(),
        "expires_at": expires, "workspace": workspace,
    });
    Ok(document.to_string())
}

fn account(session: &Session) -> Result<Option<Box<AccountStatus>>, CommandError> {
    Ok(match session.status()? {
        Status::Account(account) => Some(account),
        Status::SignedOut | Status::ApiKey | Status::Foreign(_) => None,
    })
}
