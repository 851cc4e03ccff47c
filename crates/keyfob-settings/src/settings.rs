//! All layers, read once, and what they come to.

use crate::error::SettingsError;
use crate::file::{self, Text};
use crate::layer::{Layer, Origin, Sourced};
use crate::own::Own;
use crate::preferences::Preferences;
use crate::restrictions::{Restriction, Restrictions};
use keyfob_codex::config::{Config, CredentialsStore, LoginMethod};
use keyfob_codex::requirements::Requirements;
use keyfob_oauth::{IssuerUrl, WorkspaceId};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use toml::Spanned;

/// Where the layers are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The folder of the administrator's files; `/etc/codex` on Linux.
    pub system: PathBuf,
    /// The property lists of a device management.
    pub preferences: Vec<PathBuf>,
    /// The user's `config.toml`, shared with the Codex CLI.
    pub shared: PathBuf,
    /// Our own `config.toml`.
    pub own: PathBuf,
    /// The user's folder, for a `~` in ours.
    pub home: Option<PathBuf>,
    /// What this command was told by `-c`, in order.
    pub flags: Vec<String>,
}

/// What is configured.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The strongest first.
    layers: Vec<(Text, Config)>,
    own: Own,
    restrictions: Restrictions,
}

impl Settings {
    /// Reads every layer; a file that is not there says nothing, and what cannot be read or trusted is an error.
    pub fn load(places: &Places) -> Result<Self, SettingsError> {
        let mut layers = Vec::new();
        let mut requirements = Vec::new();
        for path in &places.preferences {
            let preferences = Preferences::read(path)?;
            layers.extend(preferences.config);
            requirements.extend(preferences.requirements);
        }
        let is_managed = file::is_there(&places.system)?;
        let managed = |layer, name: &str| {
            if is_managed { Text::read(layer, &places.system.join(name)) } else { Ok(None) }
        };
        requirements.extend(managed(Layer::Requirements, "requirements.toml")?);
        layers.extend(managed(Layer::ManagedConfig, "managed_config.toml")?);
        // The last one that was given counts.
        layers.extend(places.flags.iter().rev().map(|flag| of_flag(flag)));
        layers.extend(Text::read(Layer::User, &places.shared)?);
        layers.extend(managed(Layer::System, "config.toml")?);
        let layers = layers.into_iter().map(|text| {
            let config = Config::parse(&text.content).map_err(|error| text.invalid(error))?;
            Ok((text, config))
        });
        let mut settings = Self {
            layers: layers.collect::<Result<_, _>>()?,
            own: Own::read(&places.own, places.home.as_deref())?,
            restrictions: Restrictions::default(),
        };
        for text in requirements {
            let requirements = Requirements::parse(&text.content).map_err(|error| text.invalid(error))?;
            settings.require(&text, requirements)?;
        }
        settings.restrict();
        settings.restrictions.check().map_err(SettingsError::Conflict)?;
        Ok(settings)
    }

    /// Returns where logins are kept, and who says so; without anybody's word, in files.
    pub fn store(&self) -> Option<Sourced<CredentialsStore>> {
        let pinned = self.restrictions.store.clone();
        pinned.or_else(|| self.first(|config| config.cli_auth_credentials_store.as_ref()))
    }

    /// Returns where the Codex CLI sends the login of an account, if not to OpenAI's hosts.
    pub fn chatgpt_base_url(&self) -> Option<Sourced<String>> {
        let pinned = self.restrictions.base_url.clone();
        pinned.or_else(|| self.first(|config| config.chatgpt_base_url.as_ref()))
    }

    /// Returns where accounts sign in who are told nothing else.
    pub fn issuer(&self) -> Option<&Sourced<IssuerUrl>> {
        self.restrictions.issuer.as_ref().or(self.own.issuer.as_ref())
    }

    /// Returns what our own file says.
    pub fn own(&self) -> &Own {
        &self.own
    }

    /// Returns what restricts sign-in.
    pub fn restrictions(&self) -> &Restrictions {
        &self.restrictions
    }

    /// Returns the value of the strongest layer that has one.
    fn first<T: Clone>(&self, value: impl Fn(&Config) -> Option<&Spanned<T>>) -> Option<Sourced<T>> {
        self.layers.iter().find_map(|(text, config)| value(config).map(|value| text.sourced(value)))
    }

    /// Adds an administrator's requirements; of two pins the stronger file's counts.
    fn require(&mut self, text: &Text, requirements: Requirements) -> Result<(), SettingsError> {
        let restrictions = &mut self.restrictions;
        if let Some(methods) = requirements.allowed_login_methods {
            let origin = text.origin(&methods.span());
            let allows = methods.into_inner().into_iter().collect();
            restrictions.methods.push(Restriction { key: "allowed_login_methods", allows, origin });
        }
        if let Some(workspaces) = requirements.allowed_chatgpt_workspaces {
            let origin = text.origin(&workspaces.span());
            let allows = ids(workspaces.get_ref());
            restrictions.workspaces.push(Restriction { key: "allowed_chatgpt_workspaces", allows, origin });
        }
        let pin = |value: Option<Spanned<CredentialsStore>>| value.map(|value| text.sourced(&value));
        restrictions.store =
            restrictions.store.take().or_else(|| pin(requirements.cli_auth_credentials_store));
        let base_url = requirements.chatgpt_base_url.map(|value| text.sourced(&value));
        restrictions.base_url = restrictions.base_url.take().or(base_url);
        let untrusted_ci = requirements.keyfob.untrusted_ci.map(|value| text.sourced(&value));
        restrictions.untrusted_ci = restrictions.untrusted_ci.take().or(untrusted_ci);
        if let Some(issuer) = requirements.keyfob.issuer {
            let value = IssuerUrl::parse(issuer.get_ref())
                .map_err(|error| text.problem(issuer.span(), format!("the issuer is not usable: {error}")))?;
            let issuer = Sourced { value, origin: text.origin(&issuer.span()) };
            restrictions.issuer.get_or_insert(issuer);
        }
        Ok(())
    }

    /// Adds what `forced_…` keys say: all of an administrator's count, and of the others the strongest (S18).
    fn restrict(&mut self) {
        let (mut has_method, mut has_workspaces) = (false, false);
        for (text, config) in &self.layers {
            let binds = text.layer.is_administrators();
            if let Some(method) = &config.forced_login_method
                && (binds || !has_method)
            {
                has_method |= !binds;
                let origin = text.origin(&method.span());
                let allows = BTreeSet::<LoginMethod>::from([*method.get_ref()]);
                self.restrictions.methods.push(Restriction { key: "forced_login_method", allows, origin });
            }
            if let Some(workspaces) = &config.forced_chatgpt_workspace_id
                && (binds || !has_workspaces)
            {
                has_workspaces |= !binds;
                let origin = text.origin(&workspaces.span());
                let allows = ids(&workspaces.get_ref().0);
                // An empty list restricts nothing, as in the Codex CLI.
                if !allows.is_empty() {
                    let key = "forced_chatgpt_workspace_id";
                    self.restrictions.workspaces.push(Restriction { key, allows, origin });
                }
            }
        }
    }
}

fn ids(texts: &[String]) -> BTreeSet<WorkspaceId> {
    let named = texts.iter().map(|id| id.trim()).filter(|id| !id.is_empty());
    named.map(WorkspaceId::new).collect()
}

/// Makes a text of `KEY=VALUE`; a value that is no TOML is a text, as in the Codex CLI.
fn of_flag(flag: &str) -> Text {
    let (key, value) = flag.split_once('=').unwrap_or((flag, ""));
    let line = format!("{}={value}", key.trim_end());
    let text = match toml::from_str::<toml::Table>(&line) {
        Ok(_) => line,
        Err(_) => format!("{}={}", key.trim_end(), toml::Value::from(value.trim())),
    };
    Text { layer: Layer::Flag, file: Arc::new("-c".into()), content: text }
}

impl Restrictions {
    /// Returns where each restriction is, the administrator's first.
    pub fn origins(&self) -> Vec<(&'static str, Origin)> {
        let methods = self.methods.iter().map(|restriction| (restriction.key, restriction.origin.clone()));
        let workspaces =
            self.workspaces.iter().map(|restriction| (restriction.key, restriction.origin.clone()));
        methods.chain(workspaces).collect()
    }
}

#[cfg(test)]
mod tests;
