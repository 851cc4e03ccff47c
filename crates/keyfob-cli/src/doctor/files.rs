//! The store, the folders and files around it, and the configuration.

use super::Finding;
use crate::exposure;
use keyfob_client::{Home, Session, Status};
use keyfob_oauth::Timestamp;
use keyfob_settings::{Finding as Findings, Layer, Places, SettingsError, Survey};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Whether the login can be read and is still worth something.
pub(super) fn store(session: &Session, now: Timestamp) -> Finding {
    const CHECK: &str = "store";
    let location = session.store().blocking().location();
    match session.status() {
        Ok(Status::SignedOut) => {
            Finding::warn(CHECK, format!("nobody is signed in ({location})"), "run `keyfob login`")
        }
        Ok(Status::ApiKey) => Finding::ok(CHECK, format!("an API key in {location}")),
        Ok(Status::AccessToken) => Finding::ok(CHECK, format!("a personal access token in {location}")),
        Ok(Status::Foreign(kind)) => Finding::ok(CHECK, format!("a login of kind {kind} in {location}")),
        Ok(Status::Account(account)) => {
            let over = account.access_token_expires.is_some_and(|end| now >= end);
            if over && !account.refreshable {
                Finding::fail(CHECK, format!("the session in {location} has ended"), "run `keyfob login`")
            } else {
                Finding::ok(CHECK, format!("an account sign-in in {location}"))
            }
        }
        Err(error) => Finding::fail(
            CHECK,
            error.to_string(),
            "repair what is named, or run `keyfob login`: it keeps a damaged file under another name",
        ),
    }
}

/// Damaged logins that new ones took the place of; they may hold secrets.
pub(super) fn damaged(home: &Home) -> Vec<Finding> {
    let kept = |path: &Path| format!("a damaged login of earlier is kept in {}", path.display());
    let next = "take from it what you need, and remove it; `keyfob logout` and `keyfob purge` do";
    home.damaged_files().iter().map(|path| Finding::warn("store", kept(path), next)).collect()
}

/// Whether the clock is known to be wrong; nothing is found when it is not, since the issuer's is looked at later.
pub(super) fn clock(session: &Session, now: Timestamp) -> Option<Finding> {
    session.clock_skew(now).map(|skew| {
        Finding::fail("clock", format!("this computer's clock is {skew}"), "set the clock of this computer")
    })
}

/// Whether what is secret goes further than this machine.
pub(super) fn exposures(home: &Home) -> Vec<Finding> {
    let next =
        "set CODEX_HOME to a folder elsewhere; a `.gitignore` in it has to leave out `auth.json` until then";
    exposure::of(home).iter().map(|found| Finding::warn("exposure", found.to_string(), next)).collect()
}

/// Whether others can read or replace what is secret.
pub(super) fn permissions(home: &Home) -> Vec<Finding> {
    let mut findings = vec![folder(home.path())];
    for path in [home.own_folder(), home.auth_file()] {
        if path.exists() {
            findings.push(private(&path));
        }
    }
    findings
}

fn folder(path: &Path) -> Finding {
    const CHECK: &str = "permissions";
    let shown = path.display();
    match fs::metadata(path) {
        Err(error) => Finding::warn(
            CHECK,
            format!("{shown} cannot be looked at ({})", error.kind()),
            "`keyfob login` makes it if it is missing",
        ),
        Ok(folder) if folder.uid() != rustix::process::geteuid().as_raw() => Finding::fail(
            CHECK,
            format!("{shown} belongs to another user"),
            "set CODEX_HOME to a folder of yours",
        ),
        Ok(folder) if folder.mode() & 0o022 != 0 => Finding::warn(
            CHECK,
            format!("others may replace files in {shown} (mode {:04o})", folder.mode() & 0o7777),
            "take the right to write from group and others: `chmod go-w`",
        ),
        Ok(folder) => Finding::ok(CHECK, format!("{shown} has mode {:04o}", folder.mode() & 0o7777)),
    }
}

pub(super) fn private(path: &Path) -> Finding {
    const CHECK: &str = "permissions";
    let shown = path.display();
    match fs::metadata(path) {
        Err(error) => Finding::fail(
            CHECK,
            format!("{shown} cannot be looked at ({})", error.kind()),
            "give yourself access to it",
        ),
        Ok(found) if found.uid() != rustix::process::geteuid().as_raw() => Finding::fail(
            CHECK,
            format!("{shown} belongs to another user"),
            "give it back to yourself: `chown`",
        ),
        Ok(found) if found.mode() & 0o077 != 0 => Finding::warn(
            CHECK,
            format!("others may look at {shown} (mode {:04o})", found.mode() & 0o7777),
            "keep it to yourself: `chmod go-rwx`",
        ),
        Ok(found) => Finding::ok(CHECK, format!("{shown} has mode {:04o}", found.mode() & 0o7777)),
    }
}

/// Network file systems and the numbers by which Linux knows them (statfs(2)).
const NETWORK: [(u64, &str); 7] = [
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB2"),
    (0x5346_414F, "AFS"),
    (0x00C3_6400, "Ceph"),
    (0x0102_1997, "9P"),
];

/// Whether locks and renames hold there.
pub(super) fn file_system(home: &Home) -> Finding {
    const CHECK: &str = "file_system";
    let kind = match rustix::fs::statfs(home.path()) {
        Ok(found) => u64::from_ne_bytes(found.f_type.to_ne_bytes()) & 0xFFFF_FFFF,
        Err(errno) => {
            let why = std::io::Error::from(errno).kind();
            return Finding::warn(CHECK, format!("it cannot be asked for ({why})"), "see `permissions`");
        }
    };
    match NETWORK.into_iter().find(|(number, _)| *number == kind) {
        Some((_, name)) => Finding::warn(
            CHECK,
            format!("the home is on a network file system ({name})"),
            "locks may not hold between machines: set CODEX_HOME to a local folder",
        ),
        None => Finding::ok(CHECK, "the home is on a local file system"),
    }
}

/// Whether the user's configuration files can be used; nothing of what they say is told.
pub(super) fn configuration(places: &Places) -> Vec<Finding> {
    let survey = Survey::of(places);
    let files = survey.files().into_iter().filter(|(layer, _)| matches!(layer, Layer::User | Layer::Own));
    let files: Vec<PathBuf> = files.map(|(_, file)| file.to_owned()).collect();
    let errors = survey.findings().into_iter().filter_map(|finding| match finding {
        Findings::Error(error) if !error.is_about_restrictions() => Some(error),
        Findings::Error(_) | Findings::Warning(_) => None,
    });
    let mut broken = Vec::new();
    let mut findings = Vec::new();
    for error in errors {
        let (file, finding) = unusable(error);
        // One line a file is enough here.
        if !broken.contains(&file) {
            findings.push(finding);
            broken.push(file);
        }
    }
    let whole = files.into_iter().filter(|file| !broken.contains(file));
    findings.extend(whole.map(|file| Finding::ok(CONFIGURATION, format!("{} can be used", file.display()))));
    findings
}

const CONFIGURATION: &str = "configuration";

fn unusable(error: SettingsError) -> (PathBuf, Finding) {
    match error {
        SettingsError::Invalid { problem, .. } => {
            let what = format!("cannot understand {} from line {} on", problem.file.display(), problem.line);
            let next = "`keyfob config check` shows what is wrong there";
            (problem.file, Finding::fail(CONFIGURATION, what, next))
        }
        SettingsError::Read { path, .. } | SettingsError::Untrusted { path, .. } => {
            let what = format!("{} cannot be read", path.display());
            (path, Finding::fail(CONFIGURATION, what, "give yourself access to it"))
        }
        SettingsError::Conflict(conflict) => {
            (PathBuf::new(), Finding::fail(CONFIGURATION, conflict.to_string(), "see `policy`"))
        }
    }
}
