//! `keyfob purge`: removes what is Keyfob's own, and nothing of the Codex CLI's.

use super::login::of_provider;
use super::logout::{ends, sign_out};
use super::on_runtime;
use super::setup::before_purge;
use crate::args::Purge;
use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use crate::output;
use keyfob_client::logins::Logins;
use keyfob_client::{Home, Status};
use keyfob_settings::Settings;
use keyfob_settings::logins::Which;
use std::fs::{self, File, TryLockError};
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

/// What an interrupted write of the login leaves in the home.
const LEFTOVER: &str = ".keyfob-auth-";

/// Signs out of the logins that Keyfob alone keeps, then removes our folder and what interrupted writes left behind.
pub(crate) fn run(arguments: &Purge, logins: &Logins, settings: &Settings) -> Result<Exit, CommandError> {
    let home = logins.home();
    let is_there = |which: &Which| !matches!(logins.session(which).status(), Ok(Status::SignedOut));
    let beside: Vec<Which> = logins.names()?.into_iter().map(Which::Beside).collect();
    let mut ending: Vec<Which> = beside.iter().filter(|which| is_there(which)).cloned().collect();
    if arguments.login {
        ending.push(Which::Shared);
    }
    if !arguments.yes && !confirm(home, &ending)? {
        return Err(Failure::Cancelled.into());
    }
    if !ending.is_empty() {
        let ends = ends(settings);
        on_runtime(async {
            for which in &ending {
                sign_out(logins, which, ends.clone()).await?;
            }
            Ok(())
        })?;
    }
    for id in logins.provider_ids()? {
        of_provider::forget(&id, logins)?;
    }
    // Without our record of it, what was there before would not be known any more.
    before_purge(home)?;
    // Nobody may be between reading and saving a login when its lock goes.
    let _held = hold(home)?;
    let own = home.own_folder();
    let mut removed = leftovers(home)?;
    removed.extend(home.damaged_files());
    // A link in the place of our folder is removed and not followed.
    let folder = match fs::symlink_metadata(&own) {
        Ok(found) if found.is_symlink() => {
            removed.push(own);
            None
        }
        Ok(_) => Some(own),
        Err(_) => None,
    };
    for path in &removed {
        fs::remove_file(path).map_err(|source| Failure::Remove { path: path.clone(), source })?;
    }
    // Its folder says where to look; a keyring that cannot be used does not keep the rest.
    let mut forgotten = Ok(());
    for which in std::iter::once(&Which::Shared).chain(&beside) {
        let store = logins.store(which);
        forgotten = forgotten.and(store.blocking().forget());
        forgotten = forgotten.and(store.blocking().keep_waiting(None).map(drop));
    }
    if let Some(own) = folder {
        fs::remove_dir_all(&own).map_err(|source| Failure::Remove { path: own.clone(), source })?;
        removed.push(own);
    }
    for path in &removed {
        output::say(&format!("Removed `{}`", path.display()));
    }
    if removed.is_empty() {
        output::say("There was nothing of Keyfob's to remove");
    }
    if home.auth_file().exists() {
        output::say(&format!(
            "Kept `{}`, which the Codex CLI uses too; `keyfob logout` signs out",
            home.auth_file().display()
        ));
    }
    Ok(forgotten.map(|()| Exit::Ok)?)
}

fn confirm(home: &Home, ending: &[Which]) -> Result<bool, CommandError> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Failure::NobodyToAsk.into());
    }
    let names: Vec<String> = ending.iter().map(|which| format!("`{which}`")).collect();
    let also = if names.is_empty() { String::new() } else { format!(", and sign out {}", names.join(", ")) };
    output::say(&format!("Remove `{}` and what is in it{also}? Type yes:", home.own_folder().display()));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(Failure::Setup)?;
    Ok(answer.trim() == "yes")
}

/// Takes the refresh lock, if there is one, without waiting.
fn hold(home: &Home) -> Result<Option<File>, CommandError> {
    let path = home.own_folder().join("refresh.lock");
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Failure::Remove { path, source }.into()),
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(Failure::Busy.into()),
        Err(TryLockError::Error(source)) => Err(Failure::Remove { path, source }.into()),
    }
}

fn leftovers(home: &Home) -> Result<Vec<PathBuf>, CommandError> {
    let entries = match fs::read_dir(home.path()) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(Failure::Remove { path: home.path().to_owned(), source }.into()),
    };
    let ours = |name: &str| name.starts_with(LEFTOVER);
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| ours(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    Ok(found)
}
