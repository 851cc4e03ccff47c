//! `keyfob login` and `keyfob login status`.

use super::{Acting, on_runtime};
use crate::args::Login;
use crate::environment::Environment;
use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use crate::{browser, environment, output, settings};
use keyfob_client::login::{BrowserSignIn, Replace, SignedIn, Superseded};
use keyfob_client::logins::Which;
use keyfob_client::{Account, Session, Status, SystemClock, SystemEntropy};
use keyfob_codex::client::{CALLBACK_PORTS, CLIENT_ID, UNNAMED_ISSUER};
use keyfob_oauth::{ClientId, IssuerUrl};
use std::sync::Arc;

/// Signs in with a browser; the words are those of the Codex CLI, and one line more says who and where.
pub(crate) fn run(
    arguments: &Login,
    acting: &Acting,
    environment: &Environment,
) -> Result<Exit, CommandError> {
    let home = acting.logins.home();
    let issuer = match settings::issuer(arguments.issuer.as_deref(), environment, home)? {
        Some(issuer) => issuer,
        None => stored_issuer(acting).ok_or(Failure::NoIssuer)?,
    };
    // The Codex CLI does not see the logins that are kept beside the shared one.
    let codex_cares = acting.chosen.login == Which::Shared
        && issuer.as_str() != UNNAMED_ISSUER
        && !settings::codex_knows(&issuer, home)?;
    let sign_in = BrowserSignIn {
        store: acting.session.store().clone(),
        beside: acting.logins.clone(),
        issuer: issuer.clone(),
        client_id: ClientId::new(CLIENT_ID),
        replace: match (arguments.replace, &acting.chosen.login) {
            (true, _) => Replace::Anything,
            (false, Which::Shared) => Replace::ElseBeside,
            (false, Which::Beside(_)) => Replace::SameIssuer,
        },
        clock: Arc::new(SystemClock),
        machine: environment::machine_name(),
    };
    let signed_in = on_runtime(async {
        let pending = sign_in.start(&SystemEntropy).await?;
        if codex_cares && !pending.goes_beside() {
            warn_of_codex(&issuer);
        }
        let address = pending.address().to_string();
        show(&address, pending.port());
        if !arguments.no_browser {
            open_browser(address);
        }
        Ok(pending.finish().await?)
    })?;
    report(&signed_in, &issuer, acting);
    Ok(Exit::Ok)
}

/// The Codex CLI sends a login that it finds to OpenAI's hosts, whoever issued it (design D14).
fn warn_of_codex(issuer: &IssuerUrl) {
    output::say(&format!(
        "note: a Codex CLI with this home sends the login to OpenAI's hosts, unless its `config.toml` has \
         `chatgpt_base_url = \"{issuer}\"`"
    ));
}

/// Whoever is signed in signs in again where they did before; a login of a new name is one where the shared one is.
fn stored_issuer(acting: &Acting) -> Option<IssuerUrl> {
    let shared = Session::new(acting.logins.store(&Which::Shared));
    [&acting.session, &shared].into_iter().find_map(|session| match session.status() {
        Ok(Status::Account(account)) => account.issuer,
        Ok(Status::SignedOut | Status::ApiKey | Status::Foreign(_)) | Err(_) => None,
    })
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

fn report(signed_in: &SignedIn, issuer: &IssuerUrl, acting: &Acting) {
    output::say("Successfully logged in");
    let login = signed_in.beside.clone().map_or_else(|| acting.chosen.login.clone(), Which::Beside);
    let store = acting.logins.store(&login);
    let location = store.blocking().location();
    output::say(&format!(
        "Signed in as {} at {issuer}; credentials in `{}`",
        who(&signed_in.account),
        location
    ));
    if signed_in.beside.is_some() {
        output::say("note: another login is in the place that is shared with the Codex CLI, and stays there");
    }
    if let Which::Beside(name) = &login {
        output::say(&format!(
            "note: this login is kept as `{name}`: name it with `--login {name}`, or let `keyfob logins use {name}` \
             make it the usual one"
        ));
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
pub(crate) fn status(acting: &Acting) -> Result<Exit, CommandError> {
    // Like the Codex CLI, 1 stands for signed out and for any failure.
    let status =
        acting.session.status().map_err(|error| CommandError { exit: Exit::Failure, ..error.into() })?;
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
