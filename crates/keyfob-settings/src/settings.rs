//! All layers, read once, and what they come to.

use crate::check;
use crate::error::SettingsError;
use crate::file::Text;
use crate::keys::{FileKind, Key};
use crate::layer::{Layer, Origin, Sourced};
use crate::own::Own;
use crate::problem::Problem;
use crate::restrictions::{Conflict, Restriction, Restrictions};
use crate::texts::Texts;
use keyfob_codex::config::{Config, CredentialsStore, LoginMethod};
use keyfob_codex::provider::{self, ProviderTable};
use keyfob_codex::requirements::{Requirements, UntrustedCi};
use keyfob_oauth::{IssuerUrl, WorkspaceId};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
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
    /// What an administrator says of providers, which is stronger than every layer.
    pins: Vec<Pinned>,
    own: Own,
    restrictions: Restrictions,
}

/// What one file of requirements says of providers.
#[derive(Clone, Debug)]
struct Pinned {
    text: Text,
    provider: Option<Spanned<String>>,
    tables: BTreeMap<String, Spanned<ProviderTable>>,
}

impl Settings {
    /// Reads every layer; a file that is not there says nothing, and what cannot be read or trusted is an error.
    pub fn load(places: &Places) -> Result<Self, SettingsError> {
        Self::of(Texts::read(places), places.home.as_deref())
    }

    /// Makes them of what was read; of several errors an administrator's requirements come first.
    pub(crate) fn of(texts: Texts, home: Option<&Path>) -> Result<Self, SettingsError> {
        if let Some(error) = texts.unreadable.into_iter().next() {
            return Err(error);
        }
        let mut settings = Self::default();
        for text in &texts.requirements {
            settings.require(text)?;
        }
        for text in texts.config {
            let config = config(&text)?;
            settings.layers.push((text, config));
        }
        settings.own = texts.own.map(|text| Own::parse(&text, home)).transpose()?.unwrap_or_default();
        settings.restrict();
        settings.check_providers()?;
        settings.restrictions.check().map_err(SettingsError::Conflict)?;
        Ok(settings)
    }

    /// Says what the file of `key` would say to `value`, which is TOML; `home` is the user's folder.
    pub fn check(key: &Key, value: &str, home: &Path) -> Result<(), Box<Problem>> {
        let content = format!("{} = {value}\n", key.name);
        let layer = if key.file == FileKind::Own { Layer::Own } else { Layer::User };
        let text = Text { layer, file: Arc::new("VALUE".into()), content };
        let checked = match key.file {
            FileKind::Own => Own::parse(&text, Some(home)).map(drop),
            FileKind::Shared => config(&text).map(drop),
            FileKind::Requirements => Self::default().require(&text),
        };
        match checked {
            Err(SettingsError::Invalid { problem, .. }) => Err(problem),
            Ok(()) | Err(_) => Ok(()),
        }
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

    /// Returns which provider of models is chosen, if one is.
    pub(crate) fn model_provider(&self) -> Option<Sourced<String>> {
        let pinned = self.pins.iter().find_map(|pin| pin.provider.as_ref().map(|id| pin.text.sourced(id)));
        pinned.or_else(|| self.first(|config| config.model_provider.as_ref()))
    }

    /// Returns where the built-in provider `openai` serves, if that is configured.
    pub(crate) fn openai_base_url(&self) -> Option<Sourced<String>> {
        self.first(|config| config.openai_base_url.as_ref())
    }

    /// Returns what each layer says of the provider `id`, the strongest first.
    pub(crate) fn provider_tables(&self, id: &str) -> Vec<(&Text, &ProviderTable)> {
        self.provider_layers()
            .filter_map(|(text, tables)| tables.get(id).map(|table| (text, table.get_ref())))
            .collect()
    }

    /// Returns the ids of the providers that are configured.
    pub fn provider_ids(&self) -> BTreeSet<String> {
        self.provider_layers().flat_map(|(_, tables)| tables.keys().cloned()).collect()
    }

    /// Returns the names of the variables in which providers have keys, whichever provider is used.
    pub fn provider_variables(&self) -> BTreeSet<String> {
        let tables = self.provider_layers().flat_map(|(_, tables)| tables.values());
        tables.filter_map(|table| table.get_ref().variable().map(str::to_owned)).collect()
    }

    fn provider_layers(&self) -> impl Iterator<Item = (&Text, &BTreeMap<String, Spanned<ProviderTable>>)> {
        let pins = self.pins.iter().map(|pin| (&pin.text, &pin.tables));
        pins.chain(self.layers.iter().map(|(text, config)| (text, &config.model_providers)))
    }

    /// Refuses entries that are wrong, also of a provider that nobody uses, as the Codex CLI does.
    fn check_providers(&self) -> Result<(), SettingsError> {
        for id in self.provider_ids() {
            let mut table = ProviderTable::default();
            for (_, layer) in self.provider_tables(&id) {
                table.fill_from(layer);
            }
            let Err(wrong) = provider::check(&id, &table) else { continue };
            let mut tables = self.provider_tables(&id).into_iter();
            let of_key = tables.find_map(|(text, table)| Some((text, table.span(wrong.key)?)));
            let of_entry = || {
                let mut entries = self.provider_layers();
                entries.find_map(|(text, tables)| Some((text, tables.get(&id)?.span())))
            };
            if let Some((text, span)) = of_key.or_else(of_entry) {
                return Err(text.problem(span, wrong.message));
            }
        }
        Ok(())
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
    pub(crate) fn require(&mut self, text: &Text) -> Result<(), SettingsError> {
        let requirements = Requirements::parse(&text.content).map_err(|error| text.invalid(error))?;
        // What only looks like a requirement would require nothing.
        if let Some(problem) = check::warnings(FileKind::Requirements, text).into_iter().next() {
            return Err(SettingsError::Invalid { layer: text.layer, problem: Box::new(problem) });
        }
        if requirements.model_provider.is_some() || !requirements.model_providers.is_empty() {
            let (provider, tables) = (requirements.model_provider, requirements.model_providers);
            self.pins.push(Pinned { text: text.clone(), provider, tables });
        }
        let restrictions = &mut self.restrictions;
        if let Some(methods) = requirements.allowed_login_methods {
            let origin = text.origin(&methods.span());
            let allows = methods.into_inner().into_iter().collect();
            restrictions.methods.push(Restriction { key: "allowed_login_methods", allows, origin });
        }
        if let Some(workspaces) = requirements.allowed_chatgpt_workspaces {
            let origin = text.origin(&workspaces.span());
            if workspaces.get_ref().iter().any(|id| id.contains(',')) {
                let message =
                    "a comma is no part of a workspace's id; each is a text of its own: [\"…\", \"…\"]";
                return Err(text.problem(workspaces.span(), message));
            }
            let allows = ids(workspaces.get_ref());
            restrictions.workspaces.push(Restriction { key: "allowed_chatgpt_workspaces", allows, origin });
        }
        let pin = |value: Option<Spanned<CredentialsStore>>| value.map(|value| text.sourced(&value));
        restrictions.store =
            restrictions.store.take().or_else(|| pin(requirements.cli_auth_credentials_store));
        let base_url = requirements.chatgpt_base_url.map(|value| text.sourced(&value));
        restrictions.base_url = restrictions.base_url.take().or(base_url);
        let untrusted_ci = requirements.keyfob.untrusted_ci.map(|value| text.sourced(&value));
        // The stricter one counts.
        restrictions.untrusted_ci = [restrictions.untrusted_ci.take(), untrusted_ci]
            .into_iter()
            .flatten()
            .max_by_key(|said| said.value == UntrustedCi::Refuse);
        if let Some(issuer) = requirements.keyfob.issuer {
            let value = IssuerUrl::parse(issuer.get_ref())
                .map_err(|error| text.problem(issuer.span(), format!("the issuer is not usable: {error}")))?;
            let issuer = Sourced { value, origin: text.origin(&issuer.span()) };
            match &restrictions.issuer {
                Some(stronger) if stronger.value != issuer.value => {
                    let origins = [stronger, &issuer].map(|issuer| ("keyfob.issuer", issuer.origin.clone()));
                    return Err(SettingsError::Conflict(Conflict { origins: origins.into() }));
                }
                Some(_) => {}
                None => restrictions.issuer = Some(issuer),
            }
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

/// Reads the keys of the shared file that are ours too.
pub(crate) fn config(text: &Text) -> Result<Config, SettingsError> {
    Config::parse(&text.content).map_err(|error| text.invalid(error))
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
