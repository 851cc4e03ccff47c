//! What this program reads from its environment; nothing else does.

use crate::surroundings::Surroundings;
use keyfob_client::CertificateFile;
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
    const ENDINGS: [&str; 4] = ["_API_KEY", "_TOKEN", "_SECRET", "_PASSWORD"];
    let is_secret = |name: &OsString| {
        let name = name.to_string_lossy().to_ascii_uppercase();
        ENDINGS.iter().any(|ending| name.ends_with(ending))
    };
    std::env::vars_os().map(|(name, _)| name).filter(is_secret).collect()
}
