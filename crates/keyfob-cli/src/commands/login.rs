//! `keyfob login` and `keyfob login status`.

use super::on_runtime;
use crate::args::Login;
use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use crate::{browser, output, settings};
use keyfob_client::login::{BrowserSignIn, Replace, SignedIn, Superseded};
use keyfob_client::{Account, Session, Status, SystemClock, SystemEntropy};
use keyfob_codex::client::{CALLBACK_PORTS, CLIENT_ID};
use keyfob_oauth::{ClientId, IssuerUrl};
use std::sync::Arc;

/// The issuer of the Codex CLI.
const OPENAI: &str = "https://auth.openai.com";

/// Signs in with a browser; the words are those of the Codex CLI, and one line more says who and where.
pub(crate) fn run(arguments: &Login, session: &Session) -> Result<Exit, CommandError> {
    let home = session.store().home();
    let issuer = match settings::issuer(arguments.issuer.as_deref(), home)? {
        Some(issuer) => issuer,
        None => stored_issuer(session).ok_or(Failure::NoIssuer)?,
    };
    let codex_knows = issuer.as_str() == OPENAI || settings::codex_knows(&issuer, home)?;
    let sign_in = BrowserSignIn {
        store: session.store().clone(),
        issuer: issuer.clone(),
        client_id: ClientId::new(CLIENT_ID),
        replace: if arguments.replace { Replace::Anything } else { Replace::SameIssuer },
        clock: Arc::new(SystemClock),
    };
    let signed_in = on_runtime(async {
        let pending = sign_in.start(&SystemEntropy).await?;
        if !codex_knows {
            warn_of_codex(&issuer);
        }
        let address = pending.address().to_string();
        show(&address, pending.port());
        if !arguments.no_browser {
            open_browser(address);
        }
        Ok(pending.finish().await?)
    })?;
    report(&signed_in, &issuer, session);
    Ok(Exit::Ok)
}

/// The Codex CLI sends a login that it finds to OpenAI's hosts, whoever issued it (design D14).
fn warn_of_codex(issuer: &IssuerUrl) {
    output::say(&format!(
        "note: a Codex CLI with this home sends the login to OpenAI's hosts, unless its `config.toml` has \
         `chatgpt_base_url = \"{issuer}\"`"
    ));
}

/// Whoever is signed in signs in again where they did before.
fn stored_issuer(session: &Session) -> Option<IssuerUrl> {
    match session.status() {
        Ok(Status::Account(account)) => account.issuer,
        Ok(Status::SignedOut | Status::ApiKey | Status::Foreign(_)) | Err(_) => None,
    }
}

fn show(address: &str, port: Option<u16>) {
    let port = port.unwrap_or(CALLBACK_PORTS[0]);
    output::say(&format!("Starting local login server on http://localhost:{port}."));
    output::say("If your browser did not open, navigate to this URL to authenticate:\n");
    output::say(&format!("{address}\n"));
}

/// Opens the browser beside the sign-in, which does not depend on it: the address was shown.
fn open_browser(address: String) {
    drop(tokio::task::spawn_blocking(move || {
        if browser::open(&address).is_err() {
            output::say("No browser could be opened here; open the address yourself.");
        }
    }));
}

fn report(signed_in: &SignedIn, issuer: &IssuerUrl, session: &Session) {
    output::say("Successfully logged in");
    let location = session.store().blocking().location();
    output::say(&format!(
        "Signed in as {} at {issuer}; credentials in `{}`",
        who(&signed_in.account),
        location
    ));
    if let Some(notice) = session.store().blocking().notice() {
        output::say(&format!("note: {notice}"));
    }
    if let Some(place) = &signed_in.set_aside {
        output::say(&format!("note: the damaged login that was there is kept in `{place}`"));
    }
    match signed_in.superseded {
        Superseded::Nothing | Superseded::Revoked => {}
        Superseded::Unconfirmed => {
            output::say("warning: the session that this one replaces could not be ended at the issuer");
        }
    }
}

fn who(account: &Account) -> String {
    let email = account.email.as_deref().unwrap_or("somebody without an e-mail address");
    match &account.workspace {
        Some(workspace) => format!("{email}, workspace {workspace}"),
        None => email.to_owned(),
    }
}

/// Answers as the Codex CLI does, in its words and codes.
pub(crate) fn status(session: &Session) -> Result<Exit, CommandError> {
    // Like the Codex CLI, 1 stands for signed out and for any failure.
    let status = session.status().map_err(|error| CommandError { exit: Exit::Failure, ..error.into() })?;
    match status {
        Status::SignedOut => {
            output::say("Not logged in");
            return Ok(Exit::Failure);
        }
        Status::Account(_) => output::say("Logged in using ChatGPT"),
        Status::ApiKey => {
            output::say("API key configured - ***");
            output::say("Authentication is checked when you send a request.");
        }
        Status::Foreign(kind) => output::say(&format!("Logged in using {kind}")),
    }
    Ok(Exit::Ok)
}
