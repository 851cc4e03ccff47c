//! `keyfob logins`: several logins side by side, and which one is used where.

use super::logout::{ends, sign_out};
use super::used::exit_of;
use super::variables;
use super::{Acting, on_runtime};
use crate::args::LoginsAction;
use crate::environment::LOGIN;
use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use crate::{output, settings};
use keyfob_client::logins::Entry;
use keyfob_client::why::{Asked, Decision};
use keyfob_client::{Status, SystemClock};
use keyfob_oauth::{Clock as _, Timestamp};
use keyfob_settings::logins::Which;
use serde_json::{Value, json};

/// Lists, chooses or removes; `acting` is the login that the command names, if it does.
pub(crate) fn run(action: &LoginsAction, acting: &Acting) -> Result<Exit, CommandError> {
    match action {
        LoginsAction::List { json } => list(*json, acting),
        LoginsAction::Use { here: false, .. } => use_everywhere(acting),
        LoginsAction::Use { here: true, .. } => use_here(acting),
        LoginsAction::Remove { .. } => remove(acting),
    }
}

/// Returns the name in the command.
pub(crate) fn named(action: &LoginsAction) -> Option<&str> {
    match action {
        LoginsAction::List { .. } => None,
        LoginsAction::Use { name, .. } | LoginsAction::Remove { name } => Some(name),
    }
}

fn list(json: bool, acting: &Acting) -> Result<Exit, CommandError> {
    let now = SystemClock.now();
    let entries = acting.logins.list()?;
    let text = if json { document(&entries, acting, now).to_string() } else { table(&entries, acting, now) };
    output::data(&text).map_err(Failure::Output)?;
    Ok(Exit::Ok)
}

fn table(entries: &[Entry], acting: &Acting, now: Timestamp) -> String {
    if entries.is_empty() {
        return used_here(entries, acting);
    }
    let header = ["", "LOGIN", "ACCOUNT", "WORKSPACE", "ISSUER", "STATE", "KEPT IN"].map(str::to_owned);
    let mut rows = vec![header];
    rows.extend(entries.iter().map(|entry| {
        let text = |value: Option<String>| value.unwrap_or_else(|| "-".into());
        let (who, workspace, issuer) = match &entry.status {
            Ok(Status::Account(stored)) => (
                stored.account.email.clone(),
                stored.account.workspace.as_ref().map(ToString::to_string),
                stored.issuer.as_ref().map(ToString::to_string),
            ),
            Ok(Status::ApiKey) => (Some("API key".into()), None, None),
            Ok(Status::AccessToken) => (Some("personal access token".into()), None, None),
            Ok(Status::Foreign(kind)) => (Some(kind.clone()), None, None),
            Ok(Status::SignedOut) | Err(_) => (None, None, None),
        };
        let used = if entry.login == acting.chosen.login { "*" } else { "" };
        [
            used.to_owned(),
            entry.login.to_string(),
            text(who),
            text(workspace),
            text(issuer),
            exit_of(&entry.status, now).state().to_owned(),
            entry.store.blocking().location().to_string(),
        ]
    }));
    let mut widths = [0; 7];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut lines: Vec<String> = rows.iter().map(|row| line(row, &widths)).collect();
    lines.push(String::new());
    lines.push(used_here(entries, acting));
    lines.join("\n")
}

fn line(row: &[String; 7], widths: &[usize; 7]) -> String {
    let cells: Vec<String> =
        row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}", width = *width)).collect();
    cells.join("  ").trim_end().to_owned()
}

fn used_here(entries: &[Entry], acting: &Acting) -> String {
    let login = &acting.chosen.login;
    let by = acting.by().unwrap_or_else(|| "since nothing else is chosen".into());
    let missing =
        if entries.iter().any(|entry| entry.login == *login) { "" } else { "; nobody is signed in there" };
    let said = format!("A command here uses `{login}`, {by}{missing}");
    match first_variable() {
        Some(name) => {
            format!("{said}\nBut `{name}` is set, and comes before every stored login that no command names")
        }
        None => said,
    }
}

/// Returns the variable that is used in the place of the stored login, or that keeps it from being used (design D8).
fn first_variable() -> Option<&'static str> {
    match variables::look(Asked::Nothing).decide() {
        Decision::Uses(source) | Decision::Refuses(source, _) => Some(source.as_str()),
        Decision::Nothing => None,
    }
}

fn document(entries: &[Entry], acting: &Acting, now: Timestamp) -> Value {
    let logins: Vec<Value> = entries
        .iter()
        .map(|entry| {
            let location = entry.store.blocking().location();
            let (method, account) = match &entry.status {
                Ok(Status::Account(account)) => (Some("account"), Some(account)),
                Ok(Status::ApiKey) => (Some("api_key"), None),
                Ok(Status::AccessToken) => (Some("access_token"), None),
                Ok(Status::Foreign(kind)) => (Some(kind.as_str()), None),
                Ok(Status::SignedOut) | Err(_) => (None, None),
            };
            json!({
                "name": entry.login.as_str(),
                "used": entry.login == acting.chosen.login,
                "state": exit_of(&entry.status, now).state(),
                "error": entry.status.as_ref().err().map(ToString::to_string),
                "method": method,
                "email": account.and_then(|account| account.account.email.clone()),
                "subject": account.and_then(|account| account.account.subject.clone()),
                "workspace": account.and_then(|account| account.account.workspace.clone()),
                "plan": account.and_then(|account| account.account.plan.clone()),
                "issuer": account.and_then(|account| account.issuer.as_ref().map(ToString::to_string)),
                "store": { "kind": location.kind(), "path": location.to_string() },
            })
        })
        .collect();
    json!({ "schema": 1, "logins": logins, "login": acting.document(), "shadowed_by": first_variable() })
}

/// Writes down the default; no other terminal that has a pin or a rule of its own sees a difference.
fn use_everywhere(acting: &Acting) -> Result<Exit, CommandError> {
    signed_in(acting)?;
    let (home, login) = (acting.logins.home(), &acting.chosen.login);
    settings::set_default(home, login)?;
    output::say(&format!(
        "`{login}` is used where no flag, no `{LOGIN}` and no rule for the folder names another login ({})",
        home.config_file().display()
    ));
    output::say(&format!("For this terminal alone: export {LOGIN}={login}"));
    Ok(Exit::Ok)
}

fn use_here(acting: &Acting) -> Result<Exit, CommandError> {
    signed_in(acting)?;
    let (home, login) = (acting.logins.home(), &acting.chosen.login);
    let folder = settings::working_folder()?;
    settings::set_rule(home, &folder, login)?;
    output::say(&format!("`{login}` is used in `{folder}` and below it ({})", home.config_file().display()));
    Ok(Exit::Ok)
}

/// A name that stands for nothing is not written down; a store that cannot be read now may hold the login.
fn signed_in(acting: &Acting) -> Result<(), CommandError> {
    acting.require()?;
    match (&acting.chosen.login, acting.session.status()) {
        (Which::Beside(_), Ok(Status::SignedOut)) => Err(acting.signed_out()),
        (Which::Shared | Which::Beside(_), _) => Ok(()),
    }
}

fn remove(acting: &Acting) -> Result<Exit, CommandError> {
    acting.require()?;
    let login = &acting.chosen.login;
    let ends = ends(&acting.settings);
    on_runtime(sign_out(&acting.logins, login, ends))?;
    if *login != Which::Shared {
        let named = settings::named(&acting.settings, acting.logins.home());
        for (_, place) in named.iter().filter(|(named, _)| named == login) {
            output::say(&format!(
                "note: {place} still names `{login}`: what it is for is refused until it is changed"
            ));
        }
    }
    Ok(Exit::Ok)
}
