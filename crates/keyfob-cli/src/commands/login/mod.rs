//! `keyfob login` and `keyfob login status`.

mod key;
mod over;
mod prompt;
pub(super) mod report;

use super::{Acting, on_runtime};
use crate::args::Login;
use crate::environment::Environment;
use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use crate::surroundings::{self, Remote};
use crate::{environment, output, settings};
use keyfob_client::login::{Asked, Means, PendingSignIn, Prompt, Replace, SignIn, SignedIn, Step};
use keyfob_client::logins::Which;
use keyfob_client::{Status, SystemClock, SystemEntropy};
use keyfob_codex::client::{CLIENT_ID, UNNAMED_ISSUER};
use keyfob_oauth::{ClientId, IssuerUrl, WorkspaceId};
use std::io::{self, IsTerminal as _};
use std::sync::Arc;

/// Signs in; the words are those of the Codex CLI, and one line more says who and where.
pub(crate) fn run(
    arguments: &Login,
    acting: &Acting,
    environment: &Environment,
) -> Result<Exit, CommandError> {
    let result = match (&arguments.api_key, arguments.with_api_key, arguments.with_access_token) {
        (Some(_), _, _) => Err(Failure::KeyInArguments.into()),
        (None, true, true) => Err(Failure::TwoCredentials.into()),
        (None, true, false) => key::keep_api_key(arguments, acting),
        (None, false, true) => key::keep_access_token(arguments, acting, environment),
        (None, false, false) => match &arguments.over {
            Some(machine) => over::run(arguments, machine),
            None => sign_in(arguments, acting, environment),
        },
    };
    if arguments.json { result } else { result.map_err(CommandError::in_the_codes_of_codex) }
}

fn sign_in(arguments: &Login, acting: &Acting, environment: &Environment) -> Result<Exit, CommandError> {
    let home = acting.logins.home();
    let issuer = issuer(arguments, acting, environment)?;
    // The Codex CLI does not see the logins that are kept beside the shared one.
    let codex_cares = acting.chosen.login == Which::Shared
        && issuer.as_str() != UNNAMED_ISSUER
        && !settings::codex_knows(&issuer, home)?;
    let remote = surroundings::remote(&environment::Here);
    let asked = Asked {
        issuer: issuer.clone(),
        client_id: ClientId::new(CLIENT_ID),
        means: means(arguments, remote),
        workspace: arguments.workspace.as_deref().map(WorkspaceId::new),
        replace: beside_or_replace(arguments.replace, acting),
    };
    let sign_in = SignIn {
        store: acting.session.store().clone(),
        beside: acting.logins.clone(),
        asked,
        clock: Arc::new(SystemClock),
        machine: environment::machine_name(),
    };
    let programs_read = arguments.json || !io::stdout().is_terminal();
    let carried = over::carried(arguments);
    // Of a port that nobody here has to forward, nobody is warned.
    let is_over_ssh = environment.is_over_ssh && carried.is_none();
    let around = Environment { is_over_ssh, ..environment.clone() };
    let work = async {
        let mut pending = match carried.clone() {
            Some(carried) => sign_in.start_behind(carried, &SystemEntropy).await?,
            None => sign_in.start(&SystemEntropy).await?,
        };
        if codex_cares && !pending.goes_beside() {
            warn_of_codex(&issuer);
        }
        let mut typed = prompt::lines_of_terminal();
        loop {
            say_why(arguments, &pending, remote);
            if programs_read {
                output::data(&prompt::document(pending.prompt()).to_string()).map_err(Failure::Output)?;
            }
            prompt::show(pending.prompt(), &around);
            if let (Prompt::Visit { address, .. }, false) = (pending.prompt(), arguments.no_browser) {
                prompt::open_browser(address.to_string(), arguments.browser.clone());
            }
            match pending.go_on(&mut typed).await? {
                Step::SignedIn(signed_in) => return Ok(signed_in),
                Step::Asks(next) => pending = *next,
            }
        }
    };
    let signed_in = on_runtime(over::while_heard(carried.is_some(), work))?;
    report::say(&signed_in, &issuer, acting);
    if programs_read {
        output::data(&report::document(&signed_in, &issuer, acting).to_string()).map_err(Failure::Output)?;
    }
    Ok(Exit::Ok)
}

/// Says why the person is asked for this, where it is not what they asked for.
fn say_why(arguments: &Login, pending: &PendingSignIn, remote: Option<Remote>) {
    let chosen = means(arguments, remote);
    match (pending.prompt(), remote) {
        (Prompt::Visit { .. }, _) if pending.fell_back() => {
            output::say("Device code login is not enabled; falling back to browser login.");
        }
        (Prompt::Type(_), Some(remote)) if !arguments.device_auth && chosen == Means::DeviceCode => {
            output::say(&format!(
                "note: {remote}, so a code is used; `--no-browser` shows an address instead"
            ));
        }
        (Prompt::Visit { .. } | Prompt::Type(_), _) => {}
    }
}

/// A browser that would not come back here is of no use, unless the person says otherwise.
fn means(arguments: &Login, remote: Option<Remote>) -> Means {
    let is_said = arguments.no_browser || arguments.browser.is_some();
    match (arguments.device_auth, is_said, remote) {
        (true, _, _) | (false, false, Some(_)) => Means::DeviceCode,
        (false, true, _) | (false, false, None) => Means::Browser,
    }
}

/// A login that stays is passed by, unless the person named its place or said otherwise.
pub(super) fn beside_or_replace(replace: bool, acting: &Acting) -> Replace {
    match (replace, &acting.chosen.login) {
        (true, _) => Replace::Anything,
        (false, Which::Shared) => Replace::ElseBeside,
        (false, Which::Beside(_)) => Replace::SameIssuer,
    }
}

/// Warns of the Codex CLI where a new login is in the place that it looks at.
pub(super) fn warn_of_codex_at(
    new: &SignedIn,
    issuer: &IssuerUrl,
    acting: &Acting,
) -> Result<(), CommandError> {
    let is_shared = acting.chosen.login == Which::Shared && new.beside.is_none();
    if is_shared && issuer.as_str() != UNNAMED_ISSUER && !settings::codex_knows(issuer, acting.logins.home())?
    {
        warn_of_codex(issuer);
    }
    Ok(())
}

/// The Codex CLI sends a login that it finds to OpenAI's hosts, whoever issued it (design D14).
fn warn_of_codex(issuer: &IssuerUrl) {
    output::say(&format!(
        "note: a Codex CLI with this home sends the login to OpenAI's hosts, unless its `config.toml` has \
         `chatgpt_base_url = \"{issuer}\"`"
    ));
}

fn issuer(arguments: &Login, acting: &Acting, environment: &Environment) -> Result<IssuerUrl, CommandError> {
    let named = settings::issuer(arguments.issuer.as_deref(), environment, acting.logins.home())?;
    Ok(named.or_else(|| stored_issuer(acting)).ok_or(Failure::NoIssuer)?)
}

/// Whoever is signed in signs in again where they did before; a login of a new name is one where the shared one is.
fn stored_issuer(acting: &Acting) -> Option<IssuerUrl> {
    let shared = acting.logins.session(&Which::Shared);
    [&acting.session, &shared].into_iter().find_map(|session| match session.status() {
        Ok(Status::Account(account)) => account.issuer,
        Ok(Status::SignedOut | Status::ApiKey | Status::AccessToken | Status::Foreign(_)) | Err(_) => None,
    })
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
        Status::AccessToken => output::say("Logged in using personal access token"),
        Status::Foreign(kind) => output::say(&format!("Logged in using {kind}")),
    }
    Ok(Exit::Ok)
}
