//! `keyfob handoff receive`: what another machine hands over comes from standard input alone (security C-66).

use super::super::login::{Silent, beside_or_replace, report, warn_of_codex_at};
use super::super::{Acting, ci, on_runtime, unless_interrupted};
use crate::args::Receive;
use crate::environment;
use crate::error::{CommandError, Failure, HandoffFailure};
use crate::exit::Exit;
use crate::output;
use crate::settings::{self, SettingsError};
use keyfob_client::handoff::{Handoff, InvalidHandoff, MOST_BYTES, Passphrase, is_sealed, open};
use keyfob_client::login::{Asked, Brought, Means, Replace, SignIn, Superseded, keep_brought};
use keyfob_client::{Account, SystemClock, SystemEntropy};
use keyfob_codex::auth_file::{AuthFile, Login};
use keyfob_codex::client::UNNAMED_ISSUER;
use keyfob_oauth::IssuerUrl;
use serde_json::json;
use std::io::{self, IsTerminal as _, Read as _};
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

/// Begins the session that is handed over, and stores it as a sign-in does.
pub(crate) fn receive(arguments: &Receive, acting: &Acting) -> Result<Exit, CommandError> {
    ci::guard(&acting.settings)?;
    let handoff = match read()? {
        Came::Handoff(handoff) => handoff,
        Came::Copy(record) => return keep_copy(arguments, acting, record),
    };
    admit(arguments, acting, &handoff.issuer)?;
    let issuer = handoff.issuer.clone();
    let sign_in = SignIn {
        store: acting.session.store().clone(),
        beside: acting.logins.clone(),
        asked: Asked {
            issuer: issuer.clone(),
            client_id: handoff.client_id,
            // Nobody is asked.
            means: Means::DeviceCode,
            workspace: None,
            // It has what the session has that hands over.
            capabilities: Vec::new(),
            replace: beside_or_replace(arguments.replace, acting),
        },
        clock: Arc::new(SystemClock),
        machine: environment::machine_name(),
    };
    let code = handoff.code;
    let signed_in = on_runtime(async { Ok(sign_in.take_over(code, &SystemEntropy).await?) })?;
    report::say(&signed_in, &issuer, acting);
    warn_of_codex_at(&signed_in, &issuer, acting);
    if arguments.json {
        output::data(&report::document(&signed_in, &issuer, acting).to_string()).map_err(Failure::Output)?;
    }
    Ok(Exit::Ok)
}

/// Refuses a login of another issuer than the one that was named, here or in the configuration.
fn admit(arguments: &Receive, acting: &Acting, came: &IssuerUrl) -> Result<(), CommandError> {
    match settings::issuer(arguments.issuer.as_deref(), &acting.settings)? {
        Some(wanted) if wanted != *came => {
            Err(HandoffFailure::OtherIssuer { wanted, came: came.clone() }.into())
        }
        Some(_) | None => Ok(()),
    }
}

/// Keeps a login that was copied, as `auth.json` of another machine is.
fn keep_copy(arguments: &Receive, acting: &Acting, record: Box<AuthFile>) -> Result<Exit, CommandError> {
    let Login::Account(tokens) = record.login() else {
        return Err(HandoffFailure::Invalid(InvalidHandoff::NotOurs).into());
    };
    // Like a stored login that names nobody, it is one of OpenAI's.
    let unnamed = IssuerUrl::parse(UNNAMED_ISSUER).map_err(SettingsError::IssuerArgument)?;
    let from = tokens.provenance.as_ref().map_or(&unnamed, |provenance| &provenance.issuer);
    admit(arguments, acting, from)?;
    let replace = if arguments.replace { Replace::Anything } else { Replace::SameIssuer };
    let store = acting.session.store();
    let copy = Brought::Copy(record);
    let kept = on_runtime(async { Ok(keep_brought(&acting.session, &copy, replace, &SystemClock).await?) })?;
    if kept.superseded == Superseded::Unconfirmed {
        output::say("warning: the session that this replaces could not be ended at its issuer");
    }
    let email = Account::of_stored(&tokens).email;
    output::say(&format!(
        "Kept the login of {} in `{}`",
        email.as_deref().unwrap_or("somebody without an e-mail address"),
        store.blocking().location()
    ));
    output::say(
        "WARNING: this is a copy, and both machines have one login now. Whichever refreshes first ends it for the other; \
         `keyfob handoff` there gives this machine a session of its own",
    );
    if arguments.json {
        let login = acting.chosen.login.to_string();
        let document = json!({ "schema": 1, "state": Exit::Ok.state(), "method": "copy", "login": login });
        output::data(&document.to_string()).map_err(Failure::Output)?;
    }
    Ok(Exit::Ok)
}

/// What another machine, or a person, brings.
enum Came {
    Handoff(Handoff),
    Copy(Box<AuthFile>),
}

/// Reads a line that another machine sends, a login that was copied, or a text that was copied and its passphrase.
fn read() -> Result<Came, CommandError> {
    let mut input = io::stdin().lock().take(u64::try_from(MOST_BYTES).unwrap_or(u64::MAX));
    let at_terminal = io::stdin().is_terminal();
    if at_terminal {
        output::say("Paste the text here:");
    }
    let first = line(&mut input)?;
    if !is_sealed(&first) {
        return plain(first, &mut input);
    }
    let mut text = first;
    loop {
        let next = line(&mut input)?;
        text.push_str(&next);
        if next.is_empty() || Passphrase::follows(&next) {
            break;
        }
    }
    let passphrase = if at_terminal {
        output::say("Passphrase:");
        drop(input);
        hidden()?
    } else {
        line(&mut input)?
    };
    if passphrase.trim().is_empty() {
        return Err(HandoffFailure::NoPassphrase.into());
    }
    Ok(Came::Handoff(open(&text, &Passphrase::new(passphrase.trim())).map_err(HandoffFailure::Sealed)?))
}

/// Reads what is not encrypted: one line of ours, or a document of many.
fn plain(first: Zeroizing<String>, input: &mut impl io::Read) -> Result<Came, CommandError> {
    if let Ok(handoff) = Handoff::parse(first.as_bytes()) {
        return Ok(Came::Handoff(handoff));
    }
    let mut text = first;
    input.read_to_string(&mut text).map_err(Failure::Input)?;
    match (Handoff::parse(text.as_bytes()), AuthFile::parse(text.as_bytes())) {
        (Ok(handoff), _) => Ok(Came::Handoff(handoff)),
        (Err(InvalidHandoff::NotOurs), Ok(record)) => Ok(Came::Copy(Box::new(record))),
        (Err(invalid), _) => Err(HandoffFailure::Invalid(invalid).into()),
    }
}

/// Reads a line, whose text is gone from memory when it is dropped.
fn line(input: &mut impl io::BufRead) -> Result<Zeroizing<String>, CommandError> {
    let mut line = Zeroizing::new(String::with_capacity(MOST_BYTES));
    input.read_line(&mut line).map_err(Failure::Input)?;
    Ok(line)
}

/// Reads a line of which the terminal shows nothing, and which gives it back however this ends.
fn hidden() -> Result<Zeroizing<String>, CommandError> {
    let _silent = Silent::set().map_err(Failure::Terminal)?;
    let (sender, typed) = oneshot::channel();
    // It waits for the terminal for as long as the program runs, and nobody waits for it.
    drop(std::thread::spawn(move || sender.send(line(&mut io::stdin().lock()))));
    on_runtime(unless_interrupted(async {
        let ended = |kind| signal(kind).map_err(Failure::Setup);
        let (mut terminated, mut hung_up) = (ended(SignalKind::terminate())?, ended(SignalKind::hangup())?);
        tokio::select! {
            line = typed => line.map_err(|_| Failure::Cancelled)?,
            _ = terminated.recv() => Err(Failure::Cancelled.into()),
            _ = hung_up.recv() => Err(Failure::Cancelled.into()),
        }
    }))
}
