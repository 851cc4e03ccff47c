//! `keyfob setup`: writes into another program's configuration how it comes by a token, and takes that out again.

mod check;
mod discover;
mod edit;
mod file;
mod program;
mod provider;
mod record;
mod report;
mod trial;
mod undo;

pub(crate) use provider::{InvalidProviderId, ProviderId};
pub(crate) use record::InvalidRecord;
pub(super) use undo::before_purge;

use super::{Acting, on_runtime};
use crate::args::{SetupCodex, SetupCommand};
use crate::environment::Environment;
use crate::error::{CommandError, Failure, SetupFailure};
use crate::exit::Exit;
use crate::{output, settings};
use check::Checked;
use discover::Found;
use edit::{EditError, Occupied, Setting, Wanted};
use file::Files;
use keyfob_client::{Home, Status};
use keyfob_oauth::IssuerUrl;
use keyfob_settings::logins::Which;
use provider::{Credential, Native, Provider};
use record::Record;
use report::Report;
use std::io::{self, IsTerminal as _};

/// The name of a provider that nobody named.
const USUAL_NAME: &str = "keyfob";

/// Sets another program up.
pub(crate) fn run(command: &SetupCommand, environment: &Environment) -> Result<Exit, CommandError> {
    match command {
        SetupCommand::Codex(arguments) if arguments.undo => undo::run(arguments, environment),
        SetupCommand::Codex(arguments) => set_up(arguments, environment),
    }
}

fn set_up(arguments: &SetupCodex, environment: &Environment) -> Result<Exit, CommandError> {
    let home = settings::home(environment)?;
    // What cannot be changed is said before anybody is asked anything.
    let before = Files::read(&home)?;
    edit::check(before.text.as_deref().unwrap_or_default()).map_err(|error| refused(&home, error))?;
    let acting = Acting::chosen(arguments.login.as_deref(), environment)?;
    if arguments.login.is_some() {
        acting.require()?;
    }
    let id =
        ProviderId::parse(arguments.name.as_deref().unwrap_or(USUAL_NAME)).map_err(SetupFailure::Name)?;
    let found = on_runtime(discover::discover(arguments, &acting, environment))?;
    let provider = provider(arguments, id, &found)?;
    let is_default = arguments.default || wants_default(arguments, &provider, &before)?;
    let occupied = if arguments.replace { Occupied::Replace } else { Occupied::Keep };
    if arguments.dry_run {
        let wanted = wanted(arguments, &provider, is_default, &acting, &found.issuer);
        let new = changed(&before, &wanted, occupied).map_err(|error| refused(&home, error))?;
        let lines = edit::apply("", &wanted, None, occupied).map_err(|error| refused(&home, error))?;
        let report = Report {
            acting: &acting,
            found: &found,
            wanted: &wanted,
            changed: new.is_some(),
            checked: None,
            tried: None,
        };
        report.show_lines(arguments, &lines)?;
        return Ok(Exit::Ok);
    }
    let mut locked = Files::lock(&home)?;
    let files = &locked.files;
    let wanted = wanted(arguments, &provider, is_default, &acting, &found.issuer);
    let new = changed(files, &wanted, occupied).map_err(|error| refused(&home, error))?;
    if let Some((text, record)) = &new {
        locked.replace(Some(text), Some(record))?;
    }
    let undone = (locked.files.text.clone(), locked.files.record.clone());
    // A Codex CLI that is slow to answer keeps nobody else from the file.
    drop(locked);
    let checked = match program::find("codex") {
        Some(codex) => on_runtime(async { Ok(check::check(&codex, &home, &provider).await) })?,
        None => Checked::NotThere,
    };
    if let Checked::Refused(words) = checked {
        if let Some((text, _)) = &new {
            put_back(&home, text, undone)?;
        }
        return Err(SetupFailure::Refused(words).into());
    }
    let mut report = Report {
        acting: &acting,
        found: &found,
        wanted: &wanted,
        changed: new.is_some(),
        checked: Some(checked),
        tried: None,
    };
    if report.has_login() {
        let network = settings::network(environment);
        let tried = trial::attempt(&provider.credential, &found.gateway, &home, &network);
        report.tried = on_runtime(async { Ok(tried.await) })?;
    }
    report.show(arguments)?;
    Ok(Exit::Ok)
}

/// Returns what the files are to hold, if that is not what they do.
fn changed(
    files: &Files,
    wanted: &Wanted,
    occupied: Occupied,
) -> Result<Option<(String, Record)>, EditError> {
    let (present, record) = (files.text.as_deref(), files.record.as_ref());
    let new = edit::apply(present.unwrap_or_default(), wanted, record, occupied)?;
    if present == Some(&*new) {
        return Ok(None);
    }
    let record = Record::after(record, present, wanted, &new)?;
    Ok(Some((new, record)))
}

/// Takes `written` back, unless somebody has changed it since.
fn put_back(
    home: &Home,
    written: &str,
    (text, record): (Option<String>, Option<Record>),
) -> Result<(), SetupFailure> {
    let mut locked = Files::lock(home)?;
    if locked.files.text.as_deref() == Some(written) {
        locked.replace(text.as_deref(), record.as_ref())?;
    }
    Ok(())
}

fn provider(arguments: &SetupCodex, id: ProviderId, found: &Found) -> Result<Provider, SetupFailure> {
    let credential = match &found.endpoints {
        Some(endpoints) => Credential::Native(Native {
            authorization_url: endpoints.authorization.clone(),
            device_authorization_url: endpoints.device.clone(),
            token_url: endpoints.token.clone(),
            client_id: endpoints.client_id.clone(),
            resource: found.resource.clone(),
            store: arguments.store.unwrap_or_default(),
        }),
        None => exported(arguments.login.as_deref(), &found.issuer)?,
    };
    Ok(Provider {
        id,
        name: found.gateway.authority(),
        base_url: found.gateway.as_str().to_owned(),
        credential,
    })
}

/// Whichever login is used where the Codex CLI runs, the gateway gets no token of another issuer (security C-23).
fn exported(login: Option<&str>, issuer: &IssuerUrl) -> Result<Credential, SetupFailure> {
    let program = program::own().map_err(|_| SetupFailure::ProgramName)?;
    let command = program.into_os_string().into_string().map_err(|_| SetupFailure::ProgramName)?;
    let mut arguments = ["token", "--issuer", issuer.as_str()].map(str::to_owned).to_vec();
    arguments.extend(login.iter().flat_map(|login| ["--login", login].map(str::to_owned)));
    Ok(Credential::Exported { command, arguments })
}

fn wanted(
    arguments: &SetupCodex,
    provider: &Provider,
    is_default: bool,
    acting: &Acting,
    issuer: &IssuerUrl,
) -> Wanted {
    let mut settings = Vec::new();
    if is_default {
        settings.push((Setting::ModelProvider, provider.id.to_string()));
        settings.extend(arguments.model.iter().map(|model| (Setting::Model, model.clone())));
    }
    if acting.settings.chatgpt_base_url().is_none() && is_shared(acting, issuer) {
        settings.push((Setting::ChatgptBaseUrl, issuer.to_string()));
    }
    Wanted { provider: provider.clone(), settings }
}

/// Whether the login that the Codex CLI finds is one of `issuer`: sent to OpenAI's hosts, it would be in the wrong hands,
/// and so would one of OpenAI's that is sent to `issuer`.
fn is_shared(acting: &Acting, issuer: &IssuerUrl) -> bool {
    let status = acting.logins.session(&Which::Shared).status();
    matches!(status, Ok(Status::Account(account)) if account.issuer.as_ref() == Some(issuer))
}

/// Asks whether it is to be the usual provider, where there is somebody to ask and it is not.
fn wants_default(arguments: &SetupCodex, provider: &Provider, files: &Files) -> Result<bool, CommandError> {
    let text = files.text.as_deref().unwrap_or_default();
    let can_ask = io::stdin().is_terminal() && io::stderr().is_terminal();
    if arguments.json || arguments.dry_run || !can_ask || edit::is_default(text, &provider.id) {
        return Ok(false);
    }
    output::say(&format!(
        "Let Codex use `{}` where nothing else is named? Type yes, or Enter for no:",
        provider.id
    ));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(Failure::Input)?;
    Ok(matches!(answer.trim(), "y" | "yes"))
}

fn refused(home: &Home, error: EditError) -> SetupFailure {
    let path = home.codex_config_file();
    match error {
        EditError::NotToml { line, column, message } => SetupFailure::NotToml { path, line, column, message },
        EditError::InTheWay(key) => SetupFailure::InTheWay { path, key },
        EditError::Occupied(id) => SetupFailure::Occupied { path, id },
    }
}
