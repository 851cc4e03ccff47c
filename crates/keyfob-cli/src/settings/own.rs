//! Our own `config.toml`: where to sign in, and which login is used where.

use super::SettingsError;
use crate::environment::Environment;
use keyfob_client::Home;
use keyfob_client::logins::{Rule, Which};
use keyfob_oauth::IssuerUrl;
use serde::Deserialize;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// The file, as far as it goes today; an unknown key is an error that names the known ones.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    issuer: Option<String>,
    default_login: Option<Spanned<String>>,
    #[serde(default)]
    login_rule: Vec<RuleTable>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleTable {
    path: Spanned<String>,
    login: Spanned<String>,
}

/// What the file says.
#[derive(Debug, Default)]
pub(crate) struct Own {
    pub(crate) issuer: Option<IssuerUrl>,
    pub(crate) default_login: Option<Which>,
    pub(crate) rules: Vec<Rule>,
}

impl Own {
    /// Reads the file; that it is missing says nothing.
    pub(crate) fn read(environment: &Environment, home: &Home) -> Result<Self, SettingsError> {
        let path = home.config_file();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(SettingsError::Read { path, source }),
        };
        let document: Document = toml::from_str(&text)
            .map_err(|source| SettingsError::Parse { path: path.clone(), source: Box::new(source) })?;
        let issuer = document.issuer.map(|issuer| IssuerUrl::parse(&issuer)).transpose();
        let file = File { path: &path, text: &text };
        Ok(Self {
            issuer: issuer.map_err(|source| SettingsError::IssuerInFile { path: path.clone(), source })?,
            default_login: document.default_login.map(|name| file.login(&name)).transpose()?,
            rules: document
                .login_rule
                .into_iter()
                .map(|rule| file.rule(&rule, environment.home.as_deref()))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// Where a value is from, to say so.
struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

impl File<'_> {
    fn line<T>(&self, value: &Spanned<T>) -> usize {
        let before = self.text.get(..value.span().start).unwrap_or(self.text);
        before.matches('\n').count() + 1
    }

    fn login(&self, name: &Spanned<String>) -> Result<Which, SettingsError> {
        let wrong =
            |source| SettingsError::LoginInFile { path: self.path.to_owned(), line: self.line(name), source };
        Which::parse(name.as_ref()).map_err(wrong)
    }

    fn rule(&self, rule: &RuleTable, home: Option<&Path>) -> Result<Rule, SettingsError> {
        let line = self.line(&rule.path);
        let wrong = || SettingsError::RulePath { path: self.path.to_owned(), line };
        let path = absolute(rule.path.as_ref(), home).ok_or_else(wrong)?;
        Ok(Rule { path, login: self.login(&rule.login)?, line })
    }
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
        let home = Home::new(folder.path().to_owned());
        fs::create_dir(home.own_folder()).unwrap();
        io::Write::write_all(&mut fs::File::create(home.config_file()).unwrap(), text.as_bytes()).unwrap();
        let environment = Environment { home: Some("/home/mia".into()), ..Environment::default() };
        let folder = folder.path().display().to_string();
        Own::read(&environment, &home).map_err(|error| error.to_string().replace(&folder, "HOME"))
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
        assert_eq!(own.default_login, Some(which("work")));
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
    fn what_is_wrong_is_named_with_its_line() {
        let wrong = |text: &str| read(text).unwrap_err();

        assert_eq!(
            wrong("\ndefault_login = \"No\"\n"),
            "HOME/keyfob/config.toml:2: that is not the name of a login"
        );
        for path in ["work", "./work", "", "~mia/work"] {
            assert_eq!(
                wrong(&format!("[[login_rule]]\npath = {path:?}\nlogin = \"work\"\n")),
                "HOME/keyfob/config.toml:2: the path of a rule begins with `/` or `~/`",
                "{path}"
            );
        }
        assert_eq!(wrong("[[login_rule]]\npath = \"/w\"\n"), "cannot understand HOME/keyfob/config.toml");
        assert_eq!(wrong("[[login_rules]]\n"), "cannot understand HOME/keyfob/config.toml");
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
