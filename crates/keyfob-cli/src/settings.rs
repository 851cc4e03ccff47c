//! Which home, which login and which issuer: from arguments, environment, the Codex CLI's `config.toml` and ours.

mod edit;
mod own;

pub(crate) use edit::{set_default, set_rule};
pub(crate) use own::Own;

use crate::environment::{self, Environment, LOGIN};
use keyfob_client::logins::{Chosen, InvalidLoginName, Logins, Rule, Which, choose};
use keyfob_client::store::{self, CredentialStore, SessionBus};
use keyfob_client::{Home, HomeError, Network};
use keyfob_codex::config::{Config, CredentialsStore, InvalidConfig};
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
    #[error("that is not the name of a login")]
    LoginArgument(#[source] InvalidLoginName),
    #[error("`{LOGIN}` does not hold the name of a login")]
    LoginVariable(#[source] InvalidLoginName),
    #[error("{path}:{line}: that is not the name of a login")]
    LoginInFile {
        path: PathBuf,
        line: usize,
        #[source]
        source: InvalidLoginName,
    },
    #[error("{path}:{line}: the path of a rule begins with `/` or `~/`")]
    RulePath { path: PathBuf, line: usize },
    #[error("the working folder cannot be found out, and there are rules for folders")]
    NoWorkingFolder(#[source] io::Error),
    #[error("the name of the working folder is no text, which a rule could hold")]
    UnnamedWorkingFolder,
    #[error(transparent)]
    Home(#[from] HomeError),
    #[error("cannot write {path}")]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot understand {path}")]
    Edit {
        path: PathBuf,
        #[source]
        source: Box<toml_edit::TomlError>,
    },
    #[error("`{key}` in {path} is something else than it is to be")]
    InTheWay { path: PathBuf, key: &'static str },
    #[error("another program is changing {0}")]
    Busy(PathBuf),
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

/// Returns the logins of `home`, in the stores that `$CODEX_HOME/config.toml` asks for: files, if it asks for none.
pub(crate) fn logins(environment: &Environment, home: &Home) -> Result<Logins, SettingsError> {
    let kind = shared(home)?.cli_auth_credentials_store;
    Ok(Logins::new(home.clone(), kind, session_bus(environment), network(environment)))
}

/// Returns the logins of `home` that are in files, for when the configuration cannot be read.
pub(crate) fn logins_in_files(environment: &Environment, home: &Home) -> Logins {
    Logins::new(home.clone(), CredentialsStore::File, session_bus(environment), network(environment))
}

/// Returns how issuers are asked: whoever the environment says is trusted beside the system's authorities.
pub(crate) fn network(environment: &Environment) -> Network {
    environment.certificates.clone().map(Network::trusting).unwrap_or_default()
}

/// Chooses the login that a command acts on here; `flag` is what it was told.
pub(crate) fn chosen(
    flag: Option<&str>,
    environment: &Environment,
    home: &Home,
) -> Result<Chosen, SettingsError> {
    let flag = flag.map(Which::parse).transpose().map_err(SettingsError::LoginArgument)?;
    // What is no text is no name either.
    let variable = environment.login.as_ref().map(|name| Which::parse(&name.to_string_lossy()));
    let variable = variable.transpose().map_err(SettingsError::LoginVariable)?;
    let own = Own::read(environment, home)?;
    let rule = if own.rules.is_empty() {
        None
    } else {
        let folder = environment::working_folder().map_err(SettingsError::NoWorkingFolder)?;
        Rule::matching(&own.rules, &folder)
    };
    Ok(choose(flag, variable, rule, own.default_login))
}

/// Returns the working folder as a rule holds it.
pub(crate) fn working_folder() -> Result<String, SettingsError> {
    let folder = environment::working_folder().map_err(SettingsError::NoWorkingFolder)?;
    folder.into_os_string().into_string().map_err(|_| SettingsError::UnnamedWorkingFolder)
}

/// Says which rule is meant.
pub(crate) fn rule_words(rule: &Rule, home: &Home) -> String {
    let file = home.config_file();
    format!("the rule for `{}` ({}:{})", rule.path.display(), file.display(), rule.line)
}

/// Says which setting is meant.
pub(crate) fn default_words(home: &Home) -> String {
    format!("`default_login` in {}", home.config_file().display())
}

/// Returns what our configuration says of which login is used where, in words.
pub(crate) fn named(environment: &Environment, home: &Home) -> Result<Vec<(Which, String)>, SettingsError> {
    let own = Own::read(environment, home)?;
    let default = own.default_login.map(|login| (login, default_words(home)));
    let rules = own.rules.iter().map(|rule| (rule.login.clone(), rule_words(rule, home)));
    Ok(default.into_iter().chain(rules).collect())
}

/// The keyring that the configuration asks for.
#[derive(Debug)]
pub(crate) struct Keyring {
    pub(crate) store: Arc<dyn CredentialStore>,
    pub(crate) fallback: Fallback,
}

/// Returns the keyring, if the configuration asks for one.
pub(crate) fn keyring(environment: &Environment, home: &Home) -> Result<Option<Keyring>, SettingsError> {
    let fallback = match shared(home)?.cli_auth_credentials_store {
        CredentialsStore::Keyring => Fallback::None,
        CredentialsStore::Auto => Fallback::File,
        CredentialsStore::File | CredentialsStore::Ephemeral => return Ok(None),
    };
    let store = store::open(CredentialsStore::Keyring, home, &session_bus(environment));
    Ok(Some(Keyring { store, fallback }))
}

/// Where a login goes that the keyring does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fallback {
    /// Nowhere.
    None,
    /// Into the file.
    File,
}

/// Whether a Codex CLI of this home sends an account's login to `issuer` and not to OpenAI's hosts.
pub(crate) fn codex_knows(issuer: &IssuerUrl, home: &Home) -> Result<bool, SettingsError> {
    let asked = shared(home)?.chatgpt_base_url;
    Ok(asked.is_some_and(|url| IssuerUrl::parse(&url).as_ref() == Ok(issuer)))
}

/// Reads what we share of the Codex CLI's configuration.
fn shared(home: &Home) -> Result<Config, SettingsError> {
    let path = home.codex_config_file();
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Config::default()),
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
pub(crate) fn issuer(
    argument: Option<&str>,
    environment: &Environment,
    home: &Home,
) -> Result<Option<IssuerUrl>, SettingsError> {
    match argument {
        Some(text) => IssuerUrl::parse(text).map(Some).map_err(SettingsError::IssuerArgument),
        None => Ok(Own::read(environment, home)?.issuer),
    }
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
        let issuer = |argument| {
            issuer(argument, &Environment::default(), &home).unwrap().map(|issuer| issuer.to_string())
        };

        assert_eq!(issuer(Some("https://argument.test")), Some("https://argument.test".into()));
        assert_eq!(issuer(None), Some("https://configured.test".into()));
    }

    #[test]
    fn without_argument_and_configuration_there_is_no_issuer() {
        let (_folder, home) = home_with(None);

        assert_eq!(issuer(None, &Environment::default(), &home).unwrap(), None);
    }

    #[test]
    fn a_wrong_configuration_is_named() {
        let (_folder, unknown) = home_with(Some("isuer = \"https://id.test\"\n"));
        let (_folder2, insecure) = home_with(Some("issuer = \"http://id.test\"\n"));

        assert!(matches!(issuer(None, &Environment::default(), &unknown), Err(SettingsError::Parse { .. })));
        assert!(matches!(
            issuer(None, &Environment::default(), &insecure),
            Err(SettingsError::IssuerInFile { .. })
        ));
    }

    #[test]
    fn s_13_the_configuration_of_the_codex_cli_chooses_the_store() {
        let kind = |config: Option<&str>| {
            let (_folder, home) = home_with(None);
            if let Some(config) = config {
                let mut file = fs::File::create(home.path().join("config.toml")).unwrap();
                io::Write::write_all(&mut file, config.as_bytes()).unwrap();
            }
            logins(&Environment::default(), &home)
                .map(|logins| logins.store(&Which::Shared).blocking().location().kind())
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
