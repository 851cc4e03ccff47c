//! What this program reads from its environment; nothing else does.

use crate::surroundings::Surroundings;
use keyfob_client::CertificateFile;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;

/// Where the login of the Codex CLI, and ours, is kept.
const CODEX_HOME: &str = "CODEX_HOME";
/// The user's folder, for the default of [`CODEX_HOME`].
const HOME: &str = "HOME";
/// Where the keyring is asked.
const SESSION_BUS: &str = "DBUS_SESSION_BUS_ADDRESS";
/// Where the bus is when the former is not set.
const RUNTIME_FOLDER: &str = "XDG_RUNTIME_DIR";
/// Which browsers the person wants, in order.
const BROWSER: &str = "BROWSER";
/// Set where somebody came over SSH.
const SSH_CONNECTION: &str = "SSH_CONNECTION";
/// Which file has the authorities that are trusted beside the system's: the first that is set to something.
const CERTIFICATES: [&str; 2] = ["CODEX_CA_CERTIFICATE", "SSL_CERT_FILE"];
/// Which login this terminal is pinned to.
pub(crate) const LOGIN: &str = "KEYFOB_LOGIN";
/// In a test build: the failpoint at which something happens, and what.
#[cfg(feature = "failpoints")]
const FAIL_AT: &str = "KEYFOB_FAIL_AT";

/// The environment, read once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// The value of `CODEX_HOME`, if it is set and not empty.
    pub(crate) codex_home: Option<PathBuf>,
    /// The value of `HOME`.
    pub(crate) home: Option<PathBuf>,
    /// The value of `DBUS_SESSION_BUS_ADDRESS`.
    pub(crate) session_bus: Option<String>,
    /// The value of `XDG_RUNTIME_DIR`.
    pub(crate) runtime_folder: Option<PathBuf>,
    /// The value of `BROWSER`.
    pub(crate) browser: Option<String>,
    /// Whether `SSH_CONNECTION` is set, so that the browser is on another machine.
    pub(crate) is_over_ssh: bool,
    /// The value of `CODEX_CA_CERTIFICATE` or `SSL_CERT_FILE`.
    pub(crate) certificates: Option<CertificateFile>,
    /// The value of `KEYFOB_LOGIN`; what is set to nothing names no login, which is an error and not nothing.
    pub(crate) login: Option<OsString>,
    /// What the command itself was told by `-c`, in order.
    pub(crate) overrides: Vec<String>,
    /// The value of `KEYFOB_FAIL_AT`.
    #[cfg(feature = "failpoints")]
    pub(crate) fail_at: Option<String>,
}

impl Environment {
    /// Reads it, beside what the command was told by `-c`.
    pub(crate) fn read(overrides: Vec<String>) -> Self {
        let path = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            codex_home: path(CODEX_HOME),
            home: path(HOME),
            session_bus: variable(SESSION_BUS).and_then(|address| address.into_string().ok()),
            runtime_folder: path(RUNTIME_FOLDER),
            browser: variable(BROWSER).and_then(|names| names.into_string().ok()),
            is_over_ssh: variable(SSH_CONNECTION).is_some(),
            certificates: CERTIFICATES
                .into_iter()
                .find_map(|variable| path(variable).map(|path| CertificateFile { variable, path })),
            login: variable(LOGIN),
            overrides,
            #[cfg(feature = "failpoints")]
            fail_at: variable(FAIL_AT).and_then(|name| name.into_string().ok()),
        }
    }
}

/// Returns the value of `name`, for the commands that report on the environment.
#[expect(clippy::disallowed_methods, reason = "the one place of this program that reads the environment")]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// The surroundings of this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Here;

impl Surroundings for Here {
    fn variable(&self, name: &str) -> Option<OsString> {
        variable(name).filter(|value| !value.is_empty())
    }

    fn file(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(path).ok()
    }
}

/// Returns the folder that the program was started in; there are no links in its path.
pub(crate) fn working_folder() -> io::Result<PathBuf> {
    std::env::current_dir()
}

/// Returns what this machine is called.
pub(crate) fn machine_name() -> Option<String> {
    rustix::system::uname().nodename().to_str().ok().map(str::to_owned)
}

/// Returns the names of the variables that hold secrets, going by their names; no child of ours gets them.
pub(crate) fn names_of_secrets() -> Vec<OsString> {
    std::env::vars_os().map(|(name, _)| name).filter(|name| is_secret(name)).collect()
}

/// Returns the names of the variables that a command of `keyfob exec` does not get, unless its provider needs them.
pub(crate) fn names_of_credentials() -> Vec<OsString> {
    std::env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| is_secret(name) || steers_credentials(name))
        .collect()
}

/// Returns the names of the variables that hold credentials of the Codex CLI or of OpenAI's libraries, which are no business of
/// a command that prints another token.
pub(crate) fn names_of_codex_credentials() -> Vec<OsString> {
    std::env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| is_secret(name) && steers_credentials(name))
        .collect()
}

fn is_secret(name: &OsStr) -> bool {
    const ENDINGS: [&str; 10] = [
        "_API_KEY",
        "_TOKEN",
        "_SECRET",
        "PASSWORD",
        "_ACCESS_KEY",
        "_SECRET_KEY",
        "_PRIVATE_KEY",
        "_PASSPHRASE",
        "_PAT",
        "_CREDENTIALS",
    ];
    let name = name.to_string_lossy().to_ascii_uppercase();
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Whether it is one of the Codex CLI's or of OpenAI's libraries: they hold credentials, or say where those go.
fn steers_credentials(name: &OsStr) -> bool {
    const HARMLESS: [&str; 2] = [CODEX_HOME, CERTIFICATES[0]];
    let name = name.to_string_lossy().to_ascii_uppercase();
    ["CODEX_", "OPENAI_"].iter().any(|start| name.starts_with(start)) && !HARMLESS.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_48_variables_that_hold_credentials_or_steer_them_are_known_by_their_names() {
        let goes = |name: &str| is_secret(OsStr::new(name)) || steers_credentials(OsStr::new(name));

        for name in [
            "OPENAI_API_KEY",
            "openai_api_key",
            "GITHUB_TOKEN",
            "AWS_SECRET_ACCESS_KEY",
            "PGPASSWORD",
            "DB_PASSWORD",
            "SSH_PASSPHRASE",
            "CODEX_API_KEY",
            "CODEX_ACCESS_TOKEN",
            "CODEX_REFRESH_TOKEN_URL_OVERRIDE",
            "OPENAI_BASE_URL",
            "OPENAI_CUSTOM_HEADERS",
            "OPENAI_ADMIN_KEY",
            "GOOGLE_APPLICATION_CREDENTIALS",
        ] {
            assert!(goes(name), "{name}");
        }
        for name in [
            "PATH",
            "HOME",
            "LANG",
            "TERM",
            "CODEX_HOME",
            "CODEX_CA_CERTIFICATE",
            "SSH_AUTH_SOCK",
            "KEYBOARD",
        ] {
            assert!(!goes(name), "{name}");
        }
    }
}
