//! The login that a command here acts on, and who chose it.

use crate::environment::{Environment, LOGIN};
use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use crate::settings;
use keyfob_client::logins::Logins;
use keyfob_client::why::Asked;
use keyfob_client::{Home, Session};
use keyfob_settings::Settings;
use keyfob_settings::logins::{Chooser, Chosen, Which};
use serde_json::{Value, json};

/// The login that a command here acts on.
pub(crate) struct Acting {
    pub(crate) settings: Settings,
    pub(crate) logins: Logins,
    pub(crate) chosen: Chosen,
    pub(crate) session: Session,
}

impl Acting {
    /// Chooses it; `flag` is what the command was told. Nothing of any login is read.
    pub(crate) fn chosen(flag: Option<&str>, environment: &Environment) -> Result<Self, CommandError> {
        let home = settings::home(environment)?;
        let settings = settings::load(environment, &home)?;
        let chosen = settings::chosen(flag, environment, &settings)?;
        Ok(Self::of(environment, &home, settings, chosen))
    }

    /// As [`Acting::chosen`], where a configuration that cannot be read is no reason to find nothing else.
    pub(crate) fn to_examine(environment: &Environment) -> Result<Self, CommandError> {
        let home = settings::home(environment)?;
        let settings = settings::load(environment, &home).unwrap_or_default();
        let chosen = settings::chosen(None, environment, &settings)
            .unwrap_or(Chosen { login: Which::Shared, by: Chooser::Nobody });
        Ok(Self::of(environment, &home, settings, chosen))
    }

    fn of(environment: &Environment, home: &Home, settings: Settings, chosen: Chosen) -> Self {
        let logins = settings::logins(environment, home, &settings);
        let session = logins.session(&chosen.login);
        Self { settings, logins, chosen, session }
    }

    /// Whether the command itself names the login.
    pub(crate) fn asked(&self) -> Asked {
        match self.chosen.by {
            Chooser::Flag => Asked::Login,
            Chooser::Variable | Chooser::Rule(_) | Chooser::Default | Chooser::Nobody => Asked::Nothing,
        }
    }

    /// Whether there is a login of that name.
    pub(crate) fn is_there(&self) -> bool {
        self.logins.has(&self.chosen.login)
    }

    /// Refuses to act on another login than the one that is named (users' P41).
    pub(crate) fn require(&self) -> Result<(), CommandError> {
        if self.is_there() { Ok(()) } else { Err(self.signed_out()) }
    }

    /// Returns what is said when nobody is signed in.
    pub(crate) fn signed_out(&self) -> CommandError {
        match self.by() {
            Some(by) if !self.is_there() => {
                Failure::NoSuchLogin { login: self.chosen.login.clone(), by }.into()
            }
            Some(_) | None => self.advise(Failure::SignedOut.into()),
        }
    }

    /// Adds how to sign in again under the name of the login.
    pub(crate) fn advise(&self, mut error: CommandError) -> CommandError {
        if let (Which::Beside(name), Exit::SignedOut | Exit::SessionEnded) = (&self.chosen.login, error.exit)
        {
            error.hints.push(format!("`keyfob login --as {name}` signs in under this name"));
        }
        error
    }

    /// Says who chose the login; nothing when nobody did.
    pub(crate) fn by(&self) -> Option<String> {
        let home = self.logins.home();
        Some(match &self.chosen.by {
            Chooser::Nobody => return None,
            Chooser::Flag => "named by the command".to_owned(),
            Chooser::Variable => format!("named by `{LOGIN}`"),
            Chooser::Rule(rule) => format!("named by {}", settings::rule_words(rule, home)),
            Chooser::Default => format!("named by {}", settings::default_words(home)),
        })
    }

    /// Returns the same for programs.
    pub(crate) fn document(&self) -> Value {
        let rule = match &self.chosen.by {
            Chooser::Rule(rule) => json!({
                "path": rule.path.display().to_string(),
                "file": self.logins.home().config_file().display().to_string(),
                "line": rule.line,
            }),
            Chooser::Flag | Chooser::Variable | Chooser::Default | Chooser::Nobody => Value::Null,
        };
        json!({ "name": self.chosen.login.as_str(), "chosen_by": self.chosen.by.as_str(), "rule": rule })
    }
}
