//! Which home, which login and which issuer: from arguments, environment and the layers of the configuration.

use crate::environment::{self, Environment, LOGIN};
use keyfob_client::logins::Logins;
use keyfob_client::store::{self, CredentialStore};
use keyfob_client::{Home, HomeError, Network, NoHome};
use keyfob_codex::config::CredentialsStore;
use keyfob_oauth::IssuerUrl;
use keyfob_oauth::id::InvalidIssuer;
use keyfob_settings::edit::{self, EditError};
use keyfob_settings::logins::{Chosen, InvalidLoginName, Rule, Which, choose};
use keyfob_settings::{Places, Settings};
use std::io;
use std::sync::Arc;

/// A setting cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error(transparent)]
    NoHome(#[from] NoHome),
    #[error(transparent)]
    Layers(#[from] keyfob_settings::SettingsError),
    #[error("the issuer in `--issuer` is not usable")]
    IssuerArgument(#[source] InvalidIssuer),
    #[error("that is not the name of a login")]
    LoginArgument(#[source] InvalidLoginName),
    #[error("`{LOGIN}` does not hold the name of a login")]
    LoginVariable(#[source] InvalidLoginName),
    #[error("the working folder cannot be found out, and there are rules for folders")]
    NoWorkingFolder(#[source] io::Error),
    #[error("the name of the working folder is no text, which a rule could hold")]
    UnnamedWorkingFolder,
    #[error(transparent)]
    Home(#[from] HomeError),
    #[error(transparent)]
    Edit(#[from] EditError),
}

/// Returns the home: `$CODEX_HOME`, which must exist, or `~/.codex`.
pub(crate) fn home(environment: &Environment) -> Result<Home, SettingsError> {
    Ok(environment.whereabouts.home()?)
}

/// Reads every layer of the configuration of `home`.
pub(crate) fn load(environment: &Environment, home: &Home) -> Result<Settings, SettingsError> {
    Ok(Settings::load(&places(environment, home))?)
}

/// Returns where the layers of the configuration of `home` are.
pub(crate) fn places(environment: &Environment, home: &Home) -> Places {
    environment.whereabouts.places(home)
}

/// Returns the logins of `home`, in the stores that the configuration asks for: files, if it asks for none.
pub(crate) fn logins(environment: &Environment, home: &Home, settings: &Settings) -> Logins {
    environment.whereabouts.logins(home, settings)
}

fn store_kind(settings: &Settings) -> CredentialsStore {
    settings.store().map_or(CredentialsStore::File, |store| store.value)
}

/// Returns how issuers are asked: whoever the environment says is trusted beside the system's authorities.
pub(crate) fn network(environment: &Environment) -> Network {
    environment.whereabouts.network()
}

/// Chooses the login that a command acts on here; `flag` is what it was told.
pub(crate) fn chosen(
    flag: Option<&str>,
    environment: &Environment,
    settings: &Settings,
) -> Result<Chosen, SettingsError> {
    let flag = flag.map(Which::parse).transpose().map_err(SettingsError::LoginArgument)?;
    // What is no text is no name either.
    let variable = environment.login.as_ref().map(|name| Which::parse(&name.to_string_lossy()));
    let variable = variable.transpose().map_err(SettingsError::LoginVariable)?;
    let own = settings.own();
    let rule = if own.rules.is_empty() {
        None
    } else {
        let folder = environment::working_folder().map_err(SettingsError::NoWorkingFolder)?;
        Rule::matching(&own.rules, &folder)
    };
    Ok(choose(flag, variable, rule, own.default_login.as_ref().map(|login| login.value.clone())))
}

/// Makes `login` the one that is used where nothing else is chosen.
pub(crate) fn set_default(home: &Home, login: &Which) -> Result<(), SettingsError> {
    home.make()?;
    Ok(edit::set_default(&home.config_file(), login)?)
}

/// Makes `login` the one that is used in `folder` and below it.
pub(crate) fn set_rule(home: &Home, folder: &str, login: &Which) -> Result<(), SettingsError> {
    home.make()?;
    Ok(edit::set_rule(&home.config_file(), folder, login)?)
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
pub(crate) fn named(settings: &Settings, home: &Home) -> Vec<(Which, String)> {
    let own = settings.own();
    let default = own.default_login.as_ref().map(|login| (login.value.clone(), default_words(home)));
    let rules = own.rules.iter().map(|rule| (rule.login.clone(), rule_words(rule, home)));
    default.into_iter().chain(rules).collect()
}

/// The keyring that the configuration asks for.
#[derive(Debug)]
pub(crate) struct Keyring {
    pub(crate) store: Arc<dyn CredentialStore>,
    pub(crate) fallback: Fallback,
}

/// Returns the keyring, if the configuration asks for one.
pub(crate) fn keyring(environment: &Environment, home: &Home, settings: &Settings) -> Option<Keyring> {
    let fallback = match store_kind(settings) {
        CredentialsStore::Keyring => Fallback::None,
        CredentialsStore::Auto => Fallback::File,
        CredentialsStore::File | CredentialsStore::Ephemeral => return None,
    };
    let store = store::open(CredentialsStore::Keyring, home, &environment.whereabouts.session_bus());
    Some(Keyring { store, fallback })
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
pub(crate) fn codex_knows(issuer: &IssuerUrl, settings: &Settings) -> bool {
    settings.chatgpt_base_url().is_some_and(|url| IssuerUrl::parse(&url.value).as_ref() == Ok(issuer))
}

/// Returns the issuer to sign in at: the argument, else the one in the configuration.
pub(crate) fn issuer(
    argument: Option<&str>,
    settings: &Settings,
) -> Result<Option<IssuerUrl>, SettingsError> {
    match argument {
        Some(text) => IssuerUrl::parse(text).map(Some).map_err(SettingsError::IssuerArgument),
        None => Ok(settings.issuer().map(|issuer| issuer.value.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyfob_client::Whereabouts;
    use std::fs;

    fn home_with(name: &str, config: &str) -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().to_owned());
        fs::create_dir(home.own_folder()).unwrap();
        let mut file = fs::File::create(home.path().join(name)).unwrap();
        io::Write::write_all(&mut file, config.as_bytes()).unwrap();
        (folder, home)
    }

    #[test]
    fn the_argument_wins_over_the_configuration() {
        let (_folder, home) = home_with("keyfob/config.toml", "issuer = \"https://configured.test\"\n");
        let settings = load(&Environment::default(), &home).unwrap();
        let issuer = |argument| issuer(argument, &settings).unwrap().map(|issuer| issuer.to_string());

        assert_eq!(issuer(Some("https://argument.test")), Some("https://argument.test".into()));
        assert_eq!(issuer(None), Some("https://configured.test".into()));
    }

    #[test]
    fn without_argument_and_configuration_there_is_no_issuer() {
        assert_eq!(issuer(None, &Settings::default()).unwrap(), None);
    }

    #[test]
    fn s_13_the_configuration_of_the_codex_cli_chooses_the_store() {
        let kind = |config: &str| {
            let (_folder, home) = home_with("config.toml", config);
            let settings = load(&Environment::default(), &home)
                .map_err(|error| error.to_string().replace(&home.path().display().to_string(), "HOME"))?;
            let logins = logins(&Environment::default(), &home, &settings);
            Ok(logins.store(&Which::Shared).blocking().location().kind())
        };

        assert_eq!(kind(""), Ok("file"));
        assert_eq!(kind("model = \"o9\"\n"), Ok("file"));
        assert_eq!(kind("cli_auth_credentials_store = \"keyring\""), Ok("keyring"));
        assert_eq!(kind("cli_auth_credentials_store = \"ephemeral\""), Ok("ephemeral"));
        assert_eq!(
            kind("cli_auth_credentials_store = \"xx\""),
            Err("HOME/config.toml:1:30: unknown variant `xx`, expected one of `file`, `keyring`, `auto`, `ephemeral`\n  \
                 |\n1 | cli_auth_credentials_store = \"xx\"\n  |                              ^^^^"
                .to_owned())
        );
    }

    #[test]
    fn the_home_is_codex_home_or_dot_codex() {
        let environment = |codex_home: Option<&str>, home: Option<&str>| Environment {
            whereabouts: Whereabouts {
                codex_home: codex_home.map(Into::into),
                home: home.map(Into::into),
                ..Whereabouts::default()
            },
            ..Environment::default()
        };

        assert_eq!(home(&environment(Some("/"), Some("/h"))).unwrap(), Home::new("/".into()));
        assert_eq!(home(&environment(None, Some("/h"))).unwrap(), Home::new("/h/.codex".into()));
        assert!(matches!(
            home(&environment(Some("/no/such"), None)),
            Err(SettingsError::NoHome(NoHome::Missing(_)))
        ));
        assert!(matches!(home(&environment(None, None)), Err(SettingsError::NoHome(NoHome::Unnamed))));
    }
}
