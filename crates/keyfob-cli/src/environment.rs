//! What this program reads from its environment; nothing else does.

use crate::surroundings::Surroundings;
use keyfob_client::CertificateFile;
use keyfob_client::provider::variable::{is_secret, steers_credentials};
use keyfob_client::whereabouts::{CERTIFICATES, Whereabouts};
use std::ffi::OsString;
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
/// Which login this terminal is pinned to.
pub(crate) const LOGIN: &str = "KEYFOB_LOGIN";
/// In a test build: the failpoint at which something happens, and what.
#[cfg(feature = "failpoints")]
const FAIL_AT: &str = "KEYFOB_FAIL_AT";

/// The environment, read once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// Where the configuration and the logins are.
    pub(crate) whereabouts: Whereabouts,
    /// The value of `BROWSER`.
    pub(crate) browser: Option<String>,
    /// Whether `SSH_CONNECTION` is set, so that the browser is on another machine.
    pub(crate) is_over_ssh: bool,
    /// The value of `KEYFOB_LOGIN`; what is set to nothing names no login, which is an error and not nothing.
    pub(crate) login: Option<OsString>,
    /// The value of `KEYFOB_FAIL_AT`.
    #[cfg(feature = "failpoints")]
    pub(crate) fail_at: Option<String>,
}

impl Environment {
    /// Reads it, beside what the command was told by `-c`.
    pub(crate) fn read(overrides: Vec<String>) -> Self {
        let path = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            whereabouts: Whereabouts {
                codex_home: path(CODEX_HOME),
                home: path(HOME),
                session_bus: variable(SESSION_BUS).and_then(|address| address.into_string().ok()),
                runtime_folder: path(RUNTIME_FOLDER),
                certificates: CERTIFICATES
                    .into_iter()
                    .find_map(|variable| path(variable).map(|path| CertificateFile { variable, path })),
                overrides,
            },
            browser: variable(BROWSER).and_then(|names| names.into_string().ok()),
            is_over_ssh: variable(SSH_CONNECTION).is_some(),
            login: variable(LOGIN),
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

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
