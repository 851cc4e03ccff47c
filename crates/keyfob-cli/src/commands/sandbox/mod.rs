//! `keyfob sandbox`: credentials for programs that are not trusted, which open one's own gateway and are worth nothing
//! anywhere else.

mod contents;
mod folder;
mod report;

use crate::args::{SandboxCommand, SandboxInit};
use crate::environment::Environment;
use crate::error::{CommandError, SandboxFailure};
use crate::exit::Exit;
use crate::settings;
use contents::Contents;
use folder::Folder;
use keyfob_client::tool_keys::{NewTool, ToolKey, ToolKeys, ToolKeysError, ToolName, ToolRecord};
use keyfob_client::{Home, SystemClock, SystemEntropy};
use keyfob_oauth::Clock as _;
use report::Report;
use std::fs;
use std::path::{Path, PathBuf};

/// Prepares a sandbox.
pub(crate) fn run(command: &SandboxCommand, environment: &Environment) -> Result<Exit, CommandError> {
    match command {
        SandboxCommand::Init(arguments) => init(arguments, environment),
    }
}

fn init(arguments: &SandboxInit, environment: &Environment) -> Result<Exit, CommandError> {
    if !arguments.gateway.ip().is_loopback() || arguments.gateway.port() == 0 {
        return Err(SandboxFailure::Gateway(arguments.gateway).into());
    }
    let home = settings::home(environment)?;
    let place = place(&arguments.folder)?;
    keep_apart(&place, &home)?;
    let named = place.to_str().ok_or_else(|| SandboxFailure::NoText(place.clone()))?.to_owned();
    let keys = ToolKeys::of(&home);
    let earlier = keys.of_sandbox(&named).map_err(SandboxFailure::Keys)?;
    let name = name(arguments, &place, earlier.as_ref())?;
    if earlier.is_none() && !arguments.replace && !is_empty(&place)? {
        return Err(SandboxFailure::Occupied(place).into());
    }
    let quota = arguments.quota.or(earlier.as_ref().and_then(|earlier| earlier.quota));
    let tool = NewTool { name, quota, sandbox: Some(named) };
    let contents =
        Contents { tool: &tool.name, gateway: arguments.gateway, model: arguments.model.as_deref() };
    let report = Report { place: &place, tool: &tool, contents: &contents, renewed: earlier.is_some() };
    if arguments.dry_run {
        report.show_files(arguments.json)?;
        return Ok(Exit::Ok);
    }
    home.make().map_err(settings::SettingsError::from)?;
    let folder = Folder::of_the_person(&place)?;
    let codex = folder.within(contents::CODEX)?;
    let key = renew(&keys, &tool, earlier.as_ref()).map_err(SandboxFailure::Keys)?;
    let written = codex
        .write(contents::CONFIG, contents.config(&key).expose())
        .and_then(|()| folder.write(contents::ENV, contents.env(&key).expose()))
        .and_then(|()| folder.write(contents::GIT_IGNORE, contents::IGNORE_ALL));
    if let Err(failure) = written {
        // The first failure is the one to tell.
        let _revoked = keys.revoke(&tool.name);
        return Err(failure.into());
    }
    report.show(arguments.json)?;
    Ok(Exit::Ok)
}

/// Returns the one path that stands for the folder, whether or not it is there yet; that it is to be in is.
fn place(folder: &Path) -> Result<PathBuf, SandboxFailure> {
    let problem = |source| SandboxFailure::Folder { path: folder.to_owned(), source };
    match fs::canonicalize(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) else {
                return Err(problem(error));
            };
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            Ok(fs::canonicalize(parent).map_err(problem)?.join(name))
        }
        found => found.map_err(problem),
    }
}

/// A sandbox that is given the folder of the login, or one around it, has the login.
fn keep_apart(place: &Path, home: &Home) -> Result<(), SandboxFailure> {
    let home = fs::canonicalize(home.path()).unwrap_or_else(|_| home.path().to_owned());
    if place.starts_with(&home) || home.starts_with(place) {
        return Err(SandboxFailure::WithLogin { place: place.to_owned(), home });
    }
    Ok(())
}

fn name(
    arguments: &SandboxInit,
    place: &Path,
    earlier: Option<&ToolRecord>,
) -> Result<ToolName, SandboxFailure> {
    match (&arguments.name, earlier) {
        (Some(name), _) => ToolName::parse(name),
        (None, Some(earlier)) => Ok(earlier.name.clone()),
        (None, None) => ToolName::parse(&place.file_name().unwrap_or_default().to_string_lossy()),
    }
    .map_err(SandboxFailure::Name)
}

fn is_empty(place: &Path) -> Result<bool, SandboxFailure> {
    match fs::read_dir(place) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(source) => Err(SandboxFailure::Folder { path: place.to_owned(), source }),
    }
}

/// Makes a key, and ends the one that the folder had.
fn renew(keys: &ToolKeys, tool: &NewTool, earlier: Option<&ToolRecord>) -> Result<ToolKey, ToolKeysError> {
    let create = || keys.create(tool, SystemClock.now(), &SystemEntropy);
    match earlier {
        None => create(),
        Some(earlier) if earlier.name == tool.name => {
            keys.revoke(&earlier.name)?;
            create()
        }
        // A name that is in use changes nothing.
        Some(earlier) => {
            let key = create()?;
            keys.revoke(&earlier.name)?;
            Ok(key)
        }
    }
}
