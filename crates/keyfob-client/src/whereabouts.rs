//! Where a person's configuration and logins are, going by what a program found in its environment.

use crate::home::Home;
use crate::logins::Logins;
use crate::network::{CertificateFile, Network};
use crate::store::SessionBus;
use keyfob_codex::config::CredentialsStore;
use keyfob_settings::{Places, Settings};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

/// What a program found in its environment that says where things are.
#[derive(Clone, Debug, Default)]
pub struct Whereabouts {
    /// The value of `CODEX_HOME`, if it is set and not empty.
    pub codex_home: Option<PathBuf>,
    /// The value of `HOME`.
    pub home: Option<PathBuf>,
    /// The value of `DBUS_SESSION_BUS_ADDRESS`.
    pub session_bus: Option<String>,
    /// The value of `XDG_RUNTIME_DIR`.
    pub runtime_folder: Option<PathBuf>,
    /// The value of `CODEX_CA_CERTIFICATE` or `SSL_CERT_FILE`.
    pub certificates: Option<CertificateFile>,
    /// What the command itself was told by `-c`, in order.
    pub overrides: Vec<String>,
}

/// There is no home.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoHome {
    /// The folder that is named is not there.
    #[error("CODEX_HOME points to {0:?}, but that path does not exist")]
    Missing(PathBuf),
    /// None is named.
    #[error("neither CODEX_HOME nor HOME is set")]
    Unnamed,
}

/// The variables that name a file of authorities that are trusted beside the system's: the first that is set counts.
pub const CERTIFICATES: [&str; 2] = ["CODEX_CA_CERTIFICATE", "SSL_CERT_FILE"];
/// Where the administrator's files are, as for the Codex CLI.
const SYSTEM: &str = "/etc/codex";
/// Where macOS keeps what a device management prefers, for everybody.
const PREFERENCES: &str = "/Library/Managed Preferences/com.openai.codex.plist";

impl Whereabouts {
    /// Returns the home: `$CODEX_HOME`, which must exist, or `~/.codex`.
    pub fn home(&self) -> Result<Home, NoHome> {
        match (&self.codex_home, &self.home) {
            (Some(path), _) => match fs::canonicalize(path) {
                Ok(canonical) => Ok(Home::new(canonical)),
                Err(_) => Err(NoHome::Missing(path.clone())),
            },
            (None, Some(home)) => Ok(Home::new(home.join(".codex"))),
            (None, None) => Err(NoHome::Unnamed),
        }
    }

    /// Returns where the layers of the configuration of `home` are.
    pub fn places(&self, home: &Home) -> Places {
        let preferences =
            if cfg!(target_os = "macos") { vec![PathBuf::from(PREFERENCES)] } else { Vec::new() };
        Places {
            system: SYSTEM.into(),
            preferences,
            shared: home.codex_config_file(),
            own: home.config_file(),
            home: self.home.clone(),
            flags: self.overrides.clone(),
        }
    }

    /// Returns the logins of `home`, in the stores that the configuration asks for: files, if it asks for none.
    pub fn logins(&self, home: &Home, settings: &Settings) -> Logins {
        let restrictions = Arc::new(settings.restrictions().clone());
        let kind = settings.store().map_or(CredentialsStore::File, |store| store.value);
        Logins::new(home.clone(), kind, self.session_bus(), self.network(), restrictions)
    }

    /// Returns how issuers are asked: whoever the environment says is trusted beside the system's authorities.
    pub fn network(&self) -> Network {
        self.certificates.clone().map(Network::trusting).unwrap_or_default()
    }

    /// The bus of the user's session, where the D-Bus specification says it is; without one, the keyring says so.
    pub fn session_bus(&self) -> SessionBus {
        match (&self.session_bus, &self.runtime_folder) {
            (Some(address), _) => SessionBus::new(address.clone()),
            (None, Some(folder)) => SessionBus::new(format!("unix:path={}/bus", folder.display())),
            (None, None) => SessionBus::new("unix:path=/nonexistent"),
        }
    }
}
