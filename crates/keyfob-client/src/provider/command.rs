//! A command that prints a token: run by one process at a time, for a while, and not more often than need be (users' P30).

use crate::session::Session;
use crate::store::{CredentialStore, Digest, Keepsake, REFRESH_PATIENCE, StoreError, Waited};
use crate::why::{Flaw, visible};
use keyfob_oauth::{Clock, Secret, Timestamp, text};
use keyfob_settings::TokenCommand;
use serde::{Deserialize, Serialize};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What a command printed, with its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cached {
    pub(super) token: Secret,
}

/// A command gave no token.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It cannot be started.
    #[error("cannot start `{program}`")]
    Start {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It went on for too long, and was ended.
    #[error("`{program}` printed no token within {} ms", limit.as_millis())]
    TimedOut {
        /// The program.
        program: String,
        /// How long it had.
        limit: Duration,
    },
    /// It says itself that it failed.
    #[error("`{program}` ended with {status}{}", said(.stderr))]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said, made printable.
        stderr: String,
    },
    /// What it printed is no token; nothing of it is told.
    #[error("what `{program}` printed is no token: {why}")]
    NoToken {
        /// The program.
        program: String,
        /// Why not.
        why: Flaw,
    },
    /// The place where its token is kept cannot be used.
    #[error("the place of the token cannot be used")]
    Store(#[from] StoreError),
}

fn said(stderr: &str) -> String {
    if stderr.is_empty() { String::new() } else { format!(": {stderr}") }
}

/// More than any token; what is longer is not read to its end.
const MOST_PRINTED: u64 = 64 * 1024;
/// So much of what a command says of its failure is told.
const MOST_SAID: usize = 300;
/// A token that ends so soon is not used any more.
const LEEWAY: Duration = Duration::from_secs(30);

/// What rests: which command printed it, and until when it is used.
#[derive(Serialize, Deserialize)]
struct Document {
    command: String,
    token: String,
    from: i64,
    until: i64,
}

/// What a command may print in place of the bare token.
#[derive(Deserialize)]
struct Printed {
    #[serde(alias = "token")]
    access_token: String,
    expires_at: Option<Moment>,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Moment {
    Unix(i64),
    Text(jiff::Timestamp),
}

impl Cached {
    /// Reads the token that `command` printed before, if it is still used.
    pub(super) fn read(store: &dyn CredentialStore, command: &TokenCommand, now: Timestamp) -> Option<Self> {
        // What cannot be read is printed again.
        let bytes = store.kept(Keepsake::CommandToken).ok()??;
        let document: Document = serde_json::from_slice(&bytes).ok()?;
        let (from, until) = (Timestamp::from_unix(document.from), Timestamp::from_unix(document.until));
        let is_its = document.command == mark(command);
        (is_its && from <= now && now < until).then(|| Self { token: Secret::new(document.token) })
    }
}

/// Tells the commands of one provider apart, so that a change of the configuration counts at once.
fn mark(command: &TokenCommand) -> String {
    let TokenCommand { program, arguments, folder, .. } = command;
    Digest::of(format!("{program:?} {arguments:?} {folder:?}").as_bytes()).to_hex()
}

/// Returns the token of `command`: the one that is kept in `kept` while it is used, else a new one.
///
/// Of many processes one runs the command, and the others take what it printed. The command has no standard input, the
/// environment of this process without the variables in `without`, and its limit; then it is killed. Dropped before the
/// end, the command is killed too.
pub async fn token(
    command: &TokenCommand,
    kept: Option<&Session>,
    without: &[OsString],
    clock: &dyn Clock,
) -> Result<Secret, CommandError> {
    token_but(None, command, kept, without, clock).await
}

/// As [`token`], where a server refused `refused`: what another process had printed meanwhile will do.
pub async fn token_in_place_of(
    refused: &Secret,
    command: &TokenCommand,
    kept: Option<&Session>,
    without: &[OsString],
    clock: &dyn Clock,
) -> Result<Secret, CommandError> {
    token_but(Some(refused), command, kept, without, clock).await
}

async fn token_but(
    refused: Option<&Secret>,
    command: &TokenCommand,
    kept: Option<&Session>,
    without: &[OsString],
    clock: &dyn Clock,
) -> Result<Secret, CommandError> {
    let Some(kept) = kept.filter(|_| !command.used_for.is_zero()) else {
        return Ok(run(command, without, clock.now()).await?.token);
    };
    let store = kept.store();
    let cached = || {
        let cached = Cached::read(store.blocking(), command, clock.now());
        cached.filter(|cached| refused.is_none_or(|refused| cached.token != *refused))
    };
    if let Some(cached) = cached() {
        return Ok(cached.token);
    }
    let mut needless = None;
    let patience = command.limit + REFRESH_PATIENCE;
    let waited = store.lock_unless(patience, || {
        needless = cached();
        needless.is_some()
    });
    let _lock = match (waited.await?, needless) {
        (Waited::Needless { .. }, Some(cached)) => return Ok(cached.token),
        (Waited::Locked(lock), _) => Some(lock),
        (Waited::Needless { .. }, None) => None,
    };
    if let Some(cached) = cached() {
        return Ok(cached.token);
    }
    let now = clock.now();
    let ran = run(command, without, now).await?;
    let until = ran.ends.unwrap_or_else(|| now.plus(command.used_for));
    let document = Document {
        command: mark(command),
        token: ran.token.expose().to_owned(),
        from: now.as_unix(),
        until: until.as_unix(),
    };
    if let Err(error) = store.keep(Keepsake::CommandToken, serde_json::to_vec(&document).ok()).await {
        // It is usable all the same; the next one prints it again.
        tracing::warn!(%error, "the token of a command cannot be kept");
    }
    Ok(ran.token)
}

/// What a command printed.
struct Ran {
    token: Secret,
    /// From when on it is not used any more, if the command says so.
    ends: Option<Timestamp>,
}

async fn run(command: &TokenCommand, without: &[OsString], now: Timestamp) -> Result<Ran, CommandError> {
    let program = || command.program.clone();
    let start = |source| CommandError::Start { program: program(), source };
    let mut process = tokio::process::Command::new(path_of(command));
    process.args(&command.arguments).kill_on_drop(true);
    process.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in without {
        process.env_remove(name);
    }
    if let Some(folder) = &command.folder {
        process.current_dir(folder);
    }
    let mut child = process.spawn().map_err(start)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let ended = async { tokio::try_join!(read(stdout), read(stderr), child.wait()) };
    let ended = tokio::time::timeout(command.limit, ended).await;
    let (printed, stderr, status) = match ended {
        Ok(ended) => ended.map_err(start)?,
        Err(_elapsed) => return Err(CommandError::TimedOut { program: program(), limit: command.limit }),
    };
    if !status.success() {
        let stderr = text::printable(String::from_utf8_lossy(&stderr).trim());
        let stderr = stderr.chars().take(MOST_SAID).collect();
        return Err(CommandError::Failed { program: program(), status, stderr });
    }
    understood(&printed, now).map_err(|why| CommandError::NoToken { program: program(), why })
}

/// A bare name is looked for in `PATH`; a path is one from the command's folder.
fn path_of(command: &TokenCommand) -> PathBuf {
    let path = Path::new(&command.program);
    match &command.folder {
        Some(folder) if command.program.contains('/') => folder.join(path),
        Some(_) | None => path.to_owned(),
    }
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<zeroize::Zeroizing<Vec<u8>>> {
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    if let Some(pipe) = pipe {
        pipe.take(MOST_PRINTED).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

/// Reads the bare token, or an object with `access_token` (or `token`) and `expires_at` or `expires_in`.
fn understood(printed: &[u8], now: Timestamp) -> Result<Ran, Flaw> {
    let printed = std::str::from_utf8(printed).map_err(|_| Flaw::Characters)?.trim();
    if !printed.starts_with('{') {
        let token = visible(OsStr::new(printed))?;
        return Ok(Ran { token: Secret::new(token.to_owned()), ends: None });
    }
    let printed: Printed = serde_json::from_str(printed).map_err(|_| Flaw::NotAToken)?;
    let token = Secret::new(visible(OsStr::new(printed.access_token.trim()))?.to_owned());
    let ends = match (printed.expires_at, printed.expires_in) {
        (Some(Moment::Unix(end)), _) => Some(Timestamp::from_unix(end)),
        (Some(Moment::Text(end)), _) => Some(Timestamp::from_unix(end.as_second())),
        (None, Some(seconds)) => Some(now.plus(Duration::from_secs(seconds))),
        (None, None) => None,
    };
    let leeway = i64::try_from(LEEWAY.as_secs()).unwrap_or_default();
    Ok(Ran { token, ends: ends.map(|end| Timestamp::from_unix(end.as_unix().saturating_sub(leeway))) })
}

#[cfg(test)]
mod tests;
