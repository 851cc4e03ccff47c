//! Which home and which issuer: from arguments, environment and `$CODEX_HOME/keyfob/config.toml`.

use crate::environment::Environment;
use keyfob_client::Home;
use keyfob_oauth::IssuerUrl;
use keyfob_oauth::id::InvalidIssuer;
use std::fs;
use std::io;
use std::path::PathBuf;

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
