//! Which home, which store and which issuer: from arguments, environment, the Codex CLI's `config.toml` and ours.

use crate::environment::Environment;
use keyfob_client::store::{CredentialStore, SessionBus};
use keyfob_client::{Home, store};
use keyfob_codex::config::{Config, InvalidConfig};
use keyfob_oauth::IssuerUrl;
use keyfob_oauth::id::InvalidIssuer;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// A setting cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("CODEX_HOME points to {0:?}, but that path does not exist")]
    NoSuchHome(PathBuf),
    #[error("neither CODEX_HOME nor HOME is set")]
    NoHome,
    #[error("cannot read {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot understand {path}")]
    Parse {
        path: PathBuf,
        #[source]
        source: Box<toml::de::Error>,
    },
    // On one line, as the Codex CLI writes it.
    #[error("{path}:{source}")]
    Shared { path: PathBuf, source: InvalidConfig },
    #[error("the issuer in `--issuer` is not usable")]
    IssuerArgument(#[source] InvalidIssuer),
    #[error("the issuer in {path} is not usable")]
    IssuerInFile {
        path: PathBuf,
        #[source]
        source: InvalidIssuer,
    },
}

/// The file, as far as it goes today; an unknown key is an error that names the known ones.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    issuer: Option<String>,
}

/// Returns the home: `$CODEX_HOME`, which must exist, or `~/.codex`.
pub(crate) fn home(environment: &Environment) -> Result<Home, SettingsError> {
    match (&environment.codex_home, &environment.home) {
        (Some(path), _) => match fs::canonicalize(path) {
            Ok(canonical) => Ok(Home::new(canonical)),
            Err(_) => Err(SettingsError::NoSuchHome(path.clone())),
        },
        (None, Some(home)) => Ok(Home::new(home.join(".codex"))),
        (None, None) => Err(SettingsError::NoHome),
    }
}

/// Opens the store that `$CODEX_HOME/config.toml` asks for: the file, if it asks for none.
pub(crate) fn store(
    environment: &Environment,
    home: &Home,
) -> Result<Arc<dyn CredentialStore>, SettingsError> {
    let config = shared(home)?;
    Ok(store::open(config.cli_auth_credentials_store, home, &session_bus(environment)))
}

/// Whether a Codex CLI of this home sends an account's login to `issuer` and not to OpenAI's hosts.
pub(crate) fn codex_knows(issuer: &IssuerUrl, home: &Home) -> Result<bool, SettingsError> {
    let asked = shared(home)?.chatgpt_base_url;
    Ok(asked.is_some_and(|url| IssuerUrl::parse(&url).as_ref() == Ok(issuer)))
}

/// Reads what we share of the Codex CLI's configuration.
fn shared(home: &Home) -> Result<Config, SettingsError> {
    let path = home.path().join("config.toml");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(source) => return Err(SettingsError::Read { path, source }),
    };
    Config::parse(&text).map_err(|source| SettingsError::Shared { path, source })
}

/// The bus of the user's session, where the D-Bus specification says it is; without one, the keyring says so.
fn session_bus(environment: &Environment) -> SessionBus {
    match (&environment.session_bus, &environment.runtime_folder) {
        (Some(address), _) => SessionBus::new(address.clone()),
        (None, Some(folder)) => SessionBus::new(format!("unix:path={}/bus", folder.display())),
        (None, None) => SessionBus::new("unix:path=/nonexistent"),
    }
}

/// Returns the issuer to sign in at: the argument, else the one in the configuration.
pub(crate) fn issuer(argument: Option<&str>, home: &Home) -> Result<Option<IssuerUrl>, SettingsError> {
    if let Some(text) = argument {
        return IssuerUrl::parse(text).map(Some).map_err(SettingsError::IssuerArgument);
    }
    let path = home.config_file();
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(SettingsError::Read { path, source }),
    };
    let file: ConfigFile = toml::from_str(&text)
        .map_err(|source| SettingsError::Parse { path: path.clone(), source: Box::new(source) })?;
    let Some(text) = file.issuer else { return Ok(None) };
    IssuerUrl::parse(&text).map(Some).map_err(|source| SettingsError::IssuerInFile { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home_with(config: Option<&str>) -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().to_owned());
        if let Some(config) = config {
            fs::create_dir(home.own_folder()).unwrap();
            let mut file = fs::File::create(home.config_file()).unwrap();
            io::Write::write_all(&mut file, config.as_bytes()).unwrap();
        }
        (folder, home)
    }

    #[test]
    fn the_argument_wins_over_the_configuration() {
        let (_folder, home) = home_with(Some("issuer = \"https://configured.test\"\n"));
        let issuer = |argument| issuer(argument, &home).unwrap().map(|issuer| issuer.to_string());

        assert_eq!(issuer(Some("https://argument.test")), Some("https://argument.test".into()));
        assert_eq!(issuer(None), Some("https://configured.test".into()));
    }

    #[test]
    fn without_argument_and_configuration_there_is_no_issuer() {
        let (_folder, home) = home_with(None);

        assert_eq!(issuer(None, &home).unwrap(), None);
    }

    #[test]
    fn a_wrong_configuration_is_named() {
        let (_folder, unknown) = home_with(Some("isuer = \"https://id.test\"\n"));
        let (_folder2, insecure) = home_with(Some("issuer = \"http://id.test\"\n"));

        assert!(matches!(issuer(None, &unknown), Err(SettingsError::Parse { .. })));
        assert!(matches!(issuer(None, &insecure), Err(SettingsError::IssuerInFile { .. })));
    }

    #[test]
    fn s_13_the_configuration_of_the_codex_cli_chooses_the_store() {
        let kind = |config: Option<&str>| {
            let (_folder, home) = home_with(None);
            if let Some(config) = config {
                let mut file = fs::File::create(home.path().join("config.toml")).unwrap();
                io::Write::write_all(&mut file, config.as_bytes()).unwrap();
            }
            store(&Environment::default(), &home)
                .map(|store| store.location().kind())
                .map_err(|error| error.to_string().replace(&home.path().display().to_string(), "HOME"))
        };

        assert_eq!(kind(None), Ok("file"));
        assert_eq!(kind(Some("model = \"o9\"\n")), Ok("file"));
        assert_eq!(kind(Some("cli_auth_credentials_store = \"keyring\"")), Ok("keyring"));
        assert_eq!(kind(Some("cli_auth_credentials_store = \"ephemeral\"")), Ok("ephemeral"));
        assert_eq!(
            kind(Some("cli_auth_credentials_store = \"xx\"")),
            Err("HOME/config.toml:1:30: unknown variant `xx`, expected one of `file`, `keyring`, `auto`, `ephemeral`"
                .into())
        );
    }

    #[test]
    fn the_home_is_codex_home_or_dot_codex() {
        let environment = |codex_home: Option<&str>, home: Option<&str>| Environment {
            codex_home: codex_home.map(Into::into),
            home: home.map(Into::into),
            ..Environment::default()
        };

        assert_eq!(home(&environment(Some("/"), Some("/h"))).unwrap(), Home::new("/".into()));
        assert_eq!(home(&environment(None, Some("/h"))).unwrap(), Home::new("/h/.codex".into()));
        assert!(matches!(home(&environment(Some("/no/such"), None)), Err(SettingsError::NoSuchHome(_))));
        assert!(matches!(home(&environment(None, None)), Err(SettingsError::NoHome)));
    }
}
