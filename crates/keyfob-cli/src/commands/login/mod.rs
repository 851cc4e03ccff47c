//! `keyfob login` and `keyfob login status`.

mod conduct;
mod face;
mod key;
mod lines;
mod manner;
pub(super) mod of_provider;
mod over;
mod plan;
mod prompt;
pub(super) mod report;
mod restricted;
mod screen;

pub(crate) use face::Notes;
pub(super) use lines::Silent;

use super::{Acting, variables};
use crate::args::Login;
use crate::environment::Environment;
use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use crate::{environment, output, settings};
use conduct::Ended;
use keyfob_client::Status;
use keyfob_client::login::{Replace, SignedIn};
use keyfob_client::store::StoreError;
use keyfob_client::why::{Found, Source};
use keyfob_codex::client::UNNAMED_ISSUER;
use keyfob_oauth::{Capability, IssuerUrl};
use keyfob_settings::Judgement;
use keyfob_settings::logins::Which;
use manner::Streams;
use plan::Plan;

/// Signs in; the words are those of the Codex CLI, and one line more says who and where.
pub(crate) fn run(
    arguments: &Login,
    acting: &Acting,
    environment: &Environment,
) -> Result<Exit, CommandError> {
    super::config::warn(acting.logins.home());
    if let (Some(id), None) = (&arguments.provider, &arguments.api_key) {
        return of_provider::keep(id, arguments, acting);
    }
    restricted::admit(arguments, acting)?;
    match (&arguments.api_key, arguments.with_api_key, arguments.with_access_token) {
        (Some(_), _, _) => Err(Failure::KeyInArguments.into()),
        (None, true, true) => Err(Failure::TwoCredentials.into()),
        (None, true, false) => key::enter_api_key(arguments, acting, environment),
        (None, false, true) => key::keep_access_token(arguments, acting),
        (None, false, false) => match &arguments.over {
            Some(machine) => over::run(arguments, machine),
            None => sign_in(arguments, acting, environment),
        },
    }
}

/// Whether there is somebody to ask at a terminal.
pub(crate) fn can_ask() -> bool {
    Streams::of_this_process().are_terminals
}

fn sign_in(arguments: &Login, acting: &Acting, environment: &Environment) -> Result<Exit, CommandError> {
    let issuer = issuer(arguments, acting)?;
    let plan = Plan::to_sign_in(arguments, acting, environment, issuer);
    match plan.carry_out()? {
        Ended::SignedIn(signed_in) => {
            report::say(&signed_in, &plan.issuer, acting);
            if arguments.cloud {
                report::say_if_not_in(Capability::Cloud, &signed_in, acting);
            }
            if plan.programs_read {
                let document = report::document(&signed_in, &plan.issuer, acting).to_string();
                output::data(&document).map_err(Failure::Output)?;
            }
            Ok(Exit::Ok)
        }
        Ended::Key(key) => key::keep_api_key(arguments, acting, key),
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
pub(super) fn warn_of_codex_at(new: &SignedIn, issuer: &IssuerUrl, acting: &Acting) {
    let is_shared = acting.chosen.login == Which::Shared && new.beside.is_none();
    if is_shared && issuer.as_str() != UNNAMED_ISSUER && !settings::codex_knows(issuer, &acting.settings) {
        output::say(&codex_note(issuer));
    }
}

/// The Codex CLI sends a login that it finds to OpenAI's hosts, whoever issued it (design D14).
fn codex_note(issuer: &IssuerUrl) -> String {
    format!(
        "note: a Codex CLI with this home sends the login to OpenAI's hosts, unless its `config.toml` has \
         `chatgpt_base_url = \"{issuer}\"`"
    )
}

fn issuer(arguments: &Login, acting: &Acting) -> Result<IssuerUrl, CommandError> {
    let named = settings::issuer(arguments.issuer.as_deref(), &acting.settings)?;
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

/// Answers as the Codex CLI does, in its words and codes; a token in the environment comes before what is stored.
pub(crate) fn status(acting: &Acting) -> Result<Exit, CommandError> {
    let name = Source::CodexAccessToken.as_str();
    let token = environment::variable(name);
    match Found::access_token(token.as_deref()) {
        Found::Absent => {}
        Found::Flawed(flaw) => return Err(Failure::UnusableVariable { name, flaw }.into()),
        // As the Codex CLI, which passes over one that may not be used.
        Found::Present if !variables::may_be_shown(&acting.settings) => {}
        Found::Present => {
            let is_personal = token.is_some_and(|token| token.to_string_lossy().starts_with(key::PERSONAL));
            let kind = if is_personal { "personal access token" } else { "access token" };
            output::say(&format!("Logged in using {kind}"));
            return Ok(Exit::Ok);
        }
    }
    // Like the Codex CLI, 1 stands for signed out and for any failure.
    let unreadable = |error: StoreError| CommandError { exit: Exit::Failure, ..error.into() };
    let status = acting.session.status().map_err(unreadable)?;
    if let Judgement::Broken(broken) = acting.session.judgement().map_err(unreadable)? {
        output::say("Not logged in");
        output::say(&format!("note: {broken} `{}` in {} says so", broken.key, broken.origin));
        return Ok(Exit::Failure);
    }
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
