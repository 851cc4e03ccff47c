//! The provider of models that a command is for, and which credential it gets.

use super::used::title;
use super::{Acting, on_runtime, variables};
use crate::environment::{names_of_codex_credentials, variable};
use crate::error::{CommandError, Failure, ProviderFailure};
use keyfob_client::provider::{
    Authorization, Bound, Credential, Decision, Destination, Local, Looked, Lookup, Source, Way, authorize,
    command, destination, headers,
};
use keyfob_client::why;
use keyfob_client::{Session, SystemClock, SystemEntropy};
use keyfob_codex::provider::WORKSPACE_HEADER;
use keyfob_oauth::{Clock as _, Secret};
use keyfob_settings::{Judgement, Precedence, Provider};

/// Where Codex looks for local providers.
const LOCAL_ADDRESS: &str = "CODEX_OSS_BASE_URL";
const LOCAL_PORT: &str = "CODEX_OSS_PORT";

/// A provider, and what was found for it offline.
pub(crate) struct Provided {
    pub(crate) provider: Provider,
    pub(crate) precedence: Precedence,
    /// The place of its own key; nothing where its id cannot name one.
    pub(crate) kept: Option<Session>,
    pub(crate) looked: Looked,
    asked: why::Asked,
}

impl Provided {
    /// Looks for the credential of the provider `id`, or of the one that is configured.
    pub(crate) fn find(id: Option<&str>, acting: &Acting) -> Result<Self, CommandError> {
        let settings = &acting.settings;
        let provider = settings.provider(id).map_err(ProviderFailure::from)?;
        let precedence =
            settings.own().precedence.as_ref().map(|precedence| precedence.value).unwrap_or_default();
        let kept = acting.logins.provider(&provider.id);
        let asked = acting.asked();
        let lookup = Lookup {
            provider: &provider,
            precedence,
            asked,
            variable: &variable,
            login: &acting.session,
            kept: kept.as_ref(),
            own_issuer: settings.issuer().map(|issuer| &issuer.value),
            now: SystemClock.now(),
        };
        let looked = lookup.look();
        Ok(Self { provider, precedence, kept, looked, asked })
    }

    /// Returns what is used.
    pub(crate) fn decide(&self) -> Decision {
        self.looked.decide(self.asked)
    }

    /// Returns the credential that is used, as far as it is there already.
    pub(crate) fn credential(&self) -> Option<&Credential> {
        self.looked.credential(self.asked)
    }

    /// Returns the places that are set and not used.
    pub(crate) fn shadowed(&self) -> Vec<Source> {
        self.looked.shadowed(self.asked)
    }

    /// Returns where the provider serves whoever has `credential`.
    pub(crate) fn destination(
        &self,
        credential: Option<&Credential>,
    ) -> Result<Destination, ProviderFailure> {
        let text =
            |name| variable(name).and_then(|value| value.into_string().ok()).filter(|text| !text.is_empty());
        let local = Local {
            base_url: text(LOCAL_ADDRESS),
            port: text(LOCAL_PORT).and_then(|port| port.parse().ok()),
        };
        Ok(destination(&self.provider, credential, &local)?)
    }

    /// Returns which place is used, if the provider goes by any; refuses where none can be or may be.
    pub(crate) fn source(&self, acting: &Acting) -> Result<Option<Source>, CommandError> {
        let Provider { id, own_sign_in, .. } = &self.provider;
        if let Some(origin) = own_sign_in {
            return Err(ProviderFailure::OwnSignIn { id: id.clone(), origin: origin.clone() }.into());
        }
        if self.looked.way == Way::Login {
            acting.require()?;
        } else if self.asked == why::Asked::Login {
            return Err(ProviderFailure::NoLogin(id.clone()).into());
        }
        match self.decide() {
            Decision::Uses(source) => {
                self.admit(acting)?;
                Ok(Some(source))
            }
            Decision::Refuses(source, flaw) => Err(self.flawed(source, flaw)),
            Decision::Nothing if self.looked.way.needs_credential() => Err(self.nothing(acting)),
            Decision::Nothing => Ok(None),
        }
    }

    /// Returns what `source` holds, or what its command prints: in the place of what was `refused`, if something was.
    pub(crate) fn held(
        &self,
        source: Source,
        refused: Option<&Secret>,
        acting: &Acting,
    ) -> Result<Credential, CommandError> {
        match (source, &self.provider.command, self.credential()) {
            (Source::Command, Some(command), _) => {
                // Before anything runs: a place that gets no credential needs none.
                let to = self.destination(None)?;
                let (command, kept) = (&command.value, self.kept.as_ref());
                let without = names_of_codex_credentials();
                let token = on_runtime(async {
                    Ok(match refused {
                        None => command::token(command, kept, &without, &SystemClock).await?,
                        Some(refused) => {
                            command::token_in_place_of(refused, command, kept, &without, &SystemClock).await?
                        }
                    })
                })?;
                let credential = Credential::of_provider(token);
                Self::authorize(&credential, &to, acting)?;
                Ok(credential)
            }
            (_, _, Some(credential)) => Ok(credential.clone()),
            (_, _, None) => Err(self.nothing(acting)),
        }
    }

    /// Returns the headers that go with each request of whoever shows `credential`, beside it.
    pub(crate) fn headers(&self, credential: Option<&Credential>) -> Vec<(String, Secret)> {
        let mut headers = headers(&self.provider, &variable, credential.is_some());
        if let Some(Bound::Person { workspace: Some(workspace), .. }) =
            credential.map(|credential| &credential.bound)
        {
            headers.push((WORKSPACE_HEADER.to_owned(), Secret::new(workspace.as_str().to_owned())));
        }
        headers
    }

    /// Binds `credential` to where it goes, or refuses because nobody vouches for the server.
    pub(crate) fn authorize(
        credential: &Credential,
        to: &Destination,
        acting: &Acting,
    ) -> Result<Authorization, ProviderFailure> {
        let named = acting.settings.own().login_origins.iter().map(|url| url.value.clone());
        Ok(authorize(credential, to, &named.collect::<Vec<_>>())?)
    }

    /// Returns what restrictions say of what is used; what belongs to the provider alone is bound by none.
    pub(crate) fn judgement(&self, acting: &Acting) -> Judgement {
        match self.decide() {
            Decision::Uses(Source::StoredLogin) => acting.session.judgement().unwrap_or(Judgement::Allowed),
            Decision::Uses(Source::CodexApiKey) => {
                variables::judge(why::Source::CodexApiKey, &acting.settings)
            }
            Decision::Uses(Source::CodexAccessToken) => {
                variables::judge(why::Source::CodexAccessToken, &acting.settings)
            }
            Decision::Uses(Source::EnvKey | Source::BearerToken | Source::Command | Source::KeptKey)
            | Decision::Refuses(..)
            | Decision::Nothing => Judgement::Allowed,
        }
    }

    /// Refuses what restrictions exclude; a stored login that breaks one is ended and removed (design D9).
    pub(crate) fn admit(&self, acting: &Acting) -> Result<(), CommandError> {
        match self.decide() {
            Decision::Uses(Source::StoredLogin) if acting.settings.restrictions().is_empty() => Ok(()),
            Decision::Uses(Source::StoredLogin) => {
                on_runtime(async { Ok(acting.session.admit(&SystemClock, &SystemEntropy).await?) })
            }
            Decision::Uses(Source::CodexApiKey) => variables::admit(why::Source::CodexApiKey, acting),
            Decision::Uses(Source::CodexAccessToken) => {
                variables::admit(why::Source::CodexAccessToken, acting)
            }
            Decision::Uses(Source::EnvKey | Source::BearerToken | Source::Command | Source::KeptKey)
            | Decision::Refuses(..)
            | Decision::Nothing => Ok(()),
        }
    }

    /// Returns what is said where there is no credential and the provider asks for one.
    pub(crate) fn nothing(&self, acting: &Acting) -> CommandError {
        match &self.provider.env_key {
            Some(name) if self.looked.way == Way::EnvKey => ProviderFailure::NoVariable {
                name: name.value.clone(),
                id: self.provider.id.clone(),
                instructions: self.provider.env_key_instructions.clone(),
            }
            .into(),
            Some(_) | None => acting.signed_out(),
        }
    }

    /// Returns what is said where the place that decides cannot be used.
    pub(crate) fn flawed(&self, source: Source, flaw: why::Flaw) -> CommandError {
        match source {
            Source::CodexApiKey | Source::CodexAccessToken => {
                Failure::UnusableVariable { name: source.as_str(), flaw }.into()
            }
            Source::StoredLogin
            | Source::EnvKey
            | Source::BearerToken
            | Source::Command
            | Source::KeptKey => ProviderFailure::Flawed { place: self.title(source), flaw }.into(),
        }
    }

    /// Returns how people know a place.
    pub(crate) fn title(&self, source: Source) -> String {
        let named = |key: Option<&String>| key.map_or_else(String::new, |name| format!("`{name}`"));
        match source {
            Source::CodexApiKey => title(why::Source::CodexApiKey).into(),
            Source::CodexAccessToken => title(why::Source::CodexAccessToken).into(),
            Source::StoredLogin => title(why::Source::StoredLogin).into(),
            Source::EnvKey => named(self.provider.env_key.as_ref().map(|key| &key.value)),
            Source::BearerToken => "`experimental_bearer_token`".into(),
            Source::Command => {
                let program = self.provider.command.as_ref().map(|command| &command.value.program);
                format!("command {}", named(program))
            }
            Source::KeptKey => format!("key kept for `{}`", self.provider.id),
        }
    }
}
