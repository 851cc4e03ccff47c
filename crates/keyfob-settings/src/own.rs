//! Our own `config.toml`: where to sign in, and which login is used where.

use crate::error::SettingsError;
use crate::file::Text;
use crate::layer::{Layer, Sourced};
use crate::logins::{Rule, Which};
use keyfob_oauth::IssuerUrl;
use keyfob_oauth::id::is_secure_or_loopback;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use toml::Spanned;
use url::Url;

/// The file; an unknown key is an error that names the known ones.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    issuer: Option<Spanned<String>>,
    default_login: Option<Spanned<String>>,
    precedence: Option<Spanned<Precedence>>,
    login_origins: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    login_rule: Vec<RuleTable>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleTable {
    path: Spanned<String>,
    login: Spanned<String>,
}

/// In which order credentials are looked for (design D8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precedence {
    /// As Keyfob does.
    #[default]
    Keyfob,
    /// As the Codex CLI does.
    Codex,
}

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// Where people sign in who name no issuer.
    pub issuer: Option<Sourced<IssuerUrl>>,
    /// The login that is used where nothing else is chosen.
    pub default_login: Option<Sourced<Which>>,
    /// In which order credentials are looked for.
    pub precedence: Option<Sourced<Precedence>>,
    /// Which servers get the login beside those that its issuer vouches for; each is scheme, host and port.
    pub login_origins: Vec<Sourced<Url>>,
    /// Which login is used in which folder.
    pub rules: Vec<Rule>,
}

impl Own {
    /// Reads the file at `path`; that it is missing says nothing. A `~` in it is `home`, the user's folder.
    pub fn read(path: &Path, home: Option<&Path>) -> Result<Self, SettingsError> {
        let file = Text::read(Layer::Own, path)?;
        file.map_or_else(|| Ok(Self::default()), |file| Self::parse(&file, home))
    }

    pub(crate) fn parse(file: &Text, home: Option<&Path>) -> Result<Self, SettingsError> {
        let document: Document = toml::from_str(&file.content).map_err(|error| file.invalid(error.into()))?;
        let issuer = document.issuer.map(|text| {
            let issuer = IssuerUrl::parse(text.get_ref())
                .map_err(|error| file.problem(text.span(), format!("the issuer is not usable: {error}")))?;
            Ok(Sourced { value: issuer, origin: file.origin(&text.span()) })
        });
        let default_login = document
            .default_login
            .map(|name| Ok(Sourced { value: login(file, &name)?, origin: file.origin(&name.span()) }));
        Ok(Self {
            issuer: issuer.transpose()?,
            default_login: default_login.transpose()?,
            precedence: document.precedence.as_ref().map(|precedence| file.sourced(precedence)),
            login_origins: document
                .login_origins
                .iter()
                .flat_map(Spanned::get_ref)
                .map(|text| origin(file, text))
                .collect::<Result<_, _>>()?,
            rules: document
                .login_rule
                .iter()
                .map(|table| rule(file, table, home))
                .collect::<Result<_, _>>()?,
        })
    }
}

fn origin(file: &Text, text: &Spanned<String>) -> Result<Sourced<Url>, SettingsError> {
    let url = Url::parse(text.get_ref()).ok().filter(|url| {
        let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        bare && url.path() == "/" && url.fragment().is_none() && is_secure_or_loopback(url)
    });
    let expected = "a server is `https://HOST` or `https://HOST:PORT`, or http on loopback";
    let value = url.ok_or_else(|| file.problem(text.span(), expected))?;
    Ok(Sourced { value, origin: file.origin(&text.span()) })
}

fn login(file: &Text, name: &Spanned<String>) -> Result<Which, SettingsError> {
    Which::parse(name.get_ref())
        .map_err(|error| file.problem(name.span(), format!("that is not the name of a login: {error}")))
}

fn rule(file: &Text, table: &RuleTable, home: Option<&Path>) -> Result<Rule, SettingsError> {
    let path = absolute(table.path.get_ref(), home)
        .ok_or_else(|| file.problem(table.path.span(), "the path of a rule begins with `/` or `~/`"))?;
    Ok(Rule { path, login: login(file, &table.login)?, line: file.origin(&table.path.span()).line })
}
/// The working folder has no links in it, so the path of a rule must have none to match.
fn absolute(path: &str, home: Option<&Path>) -> Option<PathBuf> {
    let path = match (path.strip_prefix('~'), home) {
        (None, _) => PathBuf::from(path),
        (Some(""), Some(home)) => home.to_owned(),
        (Some(rest), Some(home)) => home.join(rest.strip_prefix('/')?),
        (Some(_), None) => return None,
    };
    path.is_absolute().then(|| fs::canonicalize(&path).unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Own, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        crate::on_disk::put(&path, text);
        let folder = folder.path().display().to_string();
        Own::read(&path, Some(Path::new("/home/mia")))
            .map_err(|error| error.to_string().replace(&folder, "OWN"))
    }

    #[test]
    fn p_41_rules_have_paths_logins_and_lines() {
        let own = read(
            "default_login = \"work\"\n\n[[login_rule]]\npath = \"~/private\"\nlogin = \"mia@example.org\"\n\n\
             [[login_rule]]\nlogin = \"shared\"\npath = \"/srv/team\"\n\n[[login_rule]]\npath = \"~\"\nlogin = \"0\"\n",
        )
        .unwrap();

        let which = |name: &str| Which::parse(name).unwrap();
        let rule = |path: &str, login, line| Rule { path: path.into(), login: which(login), line };
        assert_eq!(own.default_login.map(|login| login.value), Some(which("work")));
        assert_eq!(
            own.rules,
            [
                rule("/home/mia/private", "mia@example.org", 4),
                rule("/srv/team", "shared", 9),
                rule("/home/mia", "0", 12),
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place_and_what_was_expected() {
        let wrong = |text: &str| read(text).unwrap_err().lines().next().unwrap_or_default().to_owned();

        assert_eq!(
            wrong("\ndefault_login = \"No\"\n"),
            "OWN/config.toml:2:17: that is not the name of a login: \
             a login's name begins with a lower-case letter or a digit"
        );
        for path in ["work", "./work", "", "~mia/work"] {
            assert_eq!(
                wrong(&format!("[[login_rule]]\npath = {path:?}\nlogin = \"work\"\n")),
                "OWN/config.toml:2:8: the path of a rule begins with `/` or `~/`",
                "{path}"
            );
        }
        assert_eq!(wrong("[[login_rule]]\npath = \"/w\"\n"), "OWN/config.toml:1:1: missing field `login`");
        assert_eq!(
            wrong("[[login_rules]]\n"),
            "OWN/config.toml:1:3: unknown field `login_rules`, expected one of `issuer`, `default_login`, \
             `precedence`, `login_origins`, `login_rule`"
        );
        assert_eq!(
            wrong("issuer = \"http://id.test\"\n"),
            "OWN/config.toml:1:10: the issuer is not usable: \"http://id.test\" must use https; \
             http is allowed only on loopback"
        );
    }

    #[test]
    fn p_41_a_rule_for_a_link_is_one_for_where_it_leads() {
        let folder = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(folder.path()).unwrap();
        std::os::unix::fs::symlink(&real, real.join("link")).unwrap();

        let own = read(&format!("[[login_rule]]\npath = {:?}\nlogin = \"w\"\n", real.join("link"))).unwrap();

        assert_eq!(own.rules.first().map(|rule| rule.path.clone()), Some(real));
    }
}
