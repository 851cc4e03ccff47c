//! What each place holds, seen offline.

use super::command::Cached;
use super::credential::Credential;
use super::decision::{Decision, Source, Way};
use crate::account::Account;
use crate::session::Session;
use crate::token_of;
use crate::why::{Asked, Flaw, Found, visible};
use keyfob_codex::auth_file::Login;
use keyfob_jose::read_unverified;
use keyfob_oauth::{AccessToken, ApiKey, IssuerUrl, Secret, Timestamp, WorkspaceId};
use keyfob_settings::{Precedence, Provider};
use std::ffi::{OsStr, OsString};

/// Where to look.
#[derive(Clone, Copy)]
pub struct Lookup<'a> {
    /// For whom.
    pub provider: &'a Provider,
    /// In which order.
    pub precedence: Precedence,
    /// What the command was told.
    pub asked: Asked,
    /// The environment.
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
    /// The login that a command here acts on.
    pub login: &'a Session,
    /// The place of the provider's own key; nothing where its id cannot name one.
    pub kept: Option<&'a Session>,
    /// Whose keys of ours are.
    pub own_issuer: Option<&'a IssuerUrl>,
    /// Now.
    pub now: Timestamp,
}

/// What was found.
#[derive(Debug)]
pub struct Looked {
    /// What the provider goes by.
    pub way: Way,
    /// Each place, in the order in which they count.
    pub places: Vec<Place>,
    /// The variable of the provider, where it is set and passed over.
    pub passed_over: Option<String>,
}

/// One place.
#[derive(Debug)]
pub struct Place {
    /// Which.
    pub source: Source,
    /// What it holds.
    pub found: Found,
    /// The credential, as far as it is there already: a command may have to run first, a login may have to be refreshed.
    pub credential: Option<Credential>,
}

impl std::fmt::Debug for Lookup<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lookup").field("provider", &self.provider.id).finish_non_exhaustive()
    }
}

impl Lookup<'_> {
    /// Looks into every place that counts for the provider; nobody is asked and nothing runs.
    pub fn look(&self) -> Looked {
        let way = Way::of(self.provider, self.precedence);
        let places =
            way.order(self.precedence, self.asked).iter().map(|source| self.place(*source)).collect();
        let passed_over = match way {
            Way::EnvKey => None,
            Way::Command | Way::BearerToken | Way::Login | Way::Open => self.provider.env_key.as_ref(),
        };
        let is_set = |name: &String| (self.variable)(name).is_some();
        Looked { way, places, passed_over: passed_over.map(|key| key.value.clone()).filter(is_set) }
    }

    fn place(&self, source: Source) -> Place {
        let held = match source {
            Source::CodexApiKey => self
                .of_variable(source.as_str())
                .map(|text| text.and_then(|text| Credential::of_key(&ApiKey::from(text), self.own_issuer))),
            Source::CodexAccessToken => self.access_token(),
            Source::StoredLogin => self.stored(),
            Source::EnvKey => match &self.provider.env_key {
                Some(key) => self.env_key(&key.value).map(|text| text.map(Credential::of_provider)),
                None => Ok(None),
            },
            Source::BearerToken => Ok(self
                .provider
                .bearer_token
                .as_ref()
                .map(|token| Credential::of_provider(token.value.clone()))),
            Source::Command => return self.command(),
            Source::KeptKey => self.kept_key(),
        };
        match held {
            Ok(credential) => {
                let found = if credential.is_some() { Found::Present } else { Found::Absent };
                Place { source, found, credential }
            }
            Err(flaw) => Place { source, found: Found::Flawed(flaw), credential: None },
        }
    }

    /// Reads one of the Codex CLI's own variables: one that is set and wrong is an error, unless Codex is reproduced, which
    /// trims it and takes nothing for not set.
    fn of_variable(&self, name: &str) -> Result<Option<Secret>, Flaw> {
        let Some(value) = (self.variable)(name) else { return Ok(None) };
        match self.precedence {
            Precedence::Keyfob => visible(&value).map(|text| Some(secret(text))),
            Precedence::Codex => match value.to_str().map(str::trim) {
                Some("") => Ok(None),
                Some(text) => visible(OsStr::new(text)).map(|text| Some(secret(text))),
                None => Err(Flaw::Characters),
            },
        }
    }

    fn access_token(&self) -> Result<Option<Credential>, Flaw> {
        let Some(text) = self.of_variable(Source::CodexAccessToken.as_str())? else { return Ok(None) };
        match Found::access_token(Some(OsStr::new(text.expose()))) {
            Found::Flawed(flaw) => return Err(flaw),
            Found::Present | Found::Absent => {}
        }
        let claims = read_unverified(text.expose());
        let issuer = claims.as_ref().and_then(|claims| claims.text("iss"));
        let issuer = issuer.and_then(|text| IssuerUrl::parse(text).ok());
        let workspace = claims.as_ref().and_then(|claims| Account::from_claims(claims).workspace);
        // One that does not say whose it is is of the issuer that is configured.
        let issuer = issuer.or_else(|| self.own_issuer.cloned());
        Ok(Credential::of_account(&AccessToken::from(text), issuer, workspace))
    }

    fn stored(&self) -> Result<Option<Credential>, Flaw> {
        let unreadable = |_| Flaw::Unreadable;
        match self.login.login().map_err(unreadable)? {
            None => Ok(None),
            Some(Login::ApiKey) => {
                let key = self.login.key().map_err(unreadable)?;
                Ok(key.and_then(|key| Credential::of_key(&key, self.own_issuer)))
            }
            Some(Login::AccessToken(token)) => {
                let store = self.login.store();
                let digest = store.blocking().load().map_err(unreadable)?.digest();
                let whose = digest.and_then(|digest| token_of::read(store.home(), digest));
                let (issuer, workspace) = whose.map(|of| (of.issuer, of.workspace)).unzip();
                // One that another program stored is of the issuer where people sign in here.
                Ok(Credential::of_account(&token, issuer.or_else(|| self.own_issuer.cloned()), workspace))
            }
            Some(Login::Foreign(_)) => Err(Flaw::Foreign),
            Some(Login::Account(tokens)) => {
                let workspace = tokens.account_id.clone().map(WorkspaceId::new);
                let issuer = tokens.provenance.map(|from| from.issuer);
                Ok(Credential::of_account(&tokens.access_token, issuer, workspace))
            }
        }
    }

    fn env_key(&self, name: &str) -> Result<Option<Secret>, Flaw> {
        let Some(value) = (self.variable)(name) else { return Ok(None) };
        match self.precedence {
            Precedence::Keyfob => visible(&value).map(|text| Some(secret(text))),
            // Sent as it is, but for one that has nothing in it.
            Precedence::Codex => match value.to_str() {
                Some(text) if text.trim().is_empty() => Ok(None),
                Some(text) if text.chars().any(char::is_control) => Err(Flaw::Characters),
                Some(text) => Ok(Some(secret(text))),
                None => Err(Flaw::Characters),
            },
        }
    }

    fn command(&self) -> Place {
        let cached = self
            .provider
            .command
            .as_ref()
            .zip(self.kept)
            .and_then(|(command, kept)| Cached::read(kept.store().blocking(), &command.value, self.now));
        let credential = cached.map(|cached| Credential::of_provider(cached.token));
        Place { source: Source::Command, found: Found::Present, credential }
    }

    fn kept_key(&self) -> Result<Option<Credential>, Flaw> {
        let Some(kept) = self.kept else { return Ok(None) };
        let key = kept.key().map_err(|_| Flaw::Unreadable)?;
        Ok(key.map(|key| Credential::of_provider(Secret::new(key.expose().to_owned()))))
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

impl Looked {
    /// Returns the place that decides: the first that is not empty, or the one that was asked for, whatever it holds.
    fn first(&self, asked: Asked) -> Option<&Place> {
        match (self.way, asked) {
            (Way::Login, Asked::Login) => self.places.first(),
            (_, _) => self.places.iter().find(|place| place.found != Found::Absent),
        }
    }

    /// Decides; a place that comes first and cannot be used is not passed over (design D8).
    pub fn decide(&self, asked: Asked) -> Decision {
        match self.first(asked).map(|place| (place.source, place.found)) {
            Some((source, Found::Present)) => Decision::Uses(source),
            Some((source, Found::Flawed(flaw))) => Decision::Refuses(source, flaw),
            Some((_, Found::Absent)) | None => Decision::Nothing,
        }
    }

    /// Returns the credential that is used, as far as it is there already.
    pub fn credential(&self, asked: Asked) -> Option<&Credential> {
        match self.decide(asked) {
            Decision::Uses(_) => self.first(asked)?.credential.as_ref(),
            Decision::Refuses(..) | Decision::Nothing => None,
        }
    }

    /// Returns the places that hold something and come after the one that decides.
    pub fn shadowed(&self, asked: Asked) -> Vec<Source> {
        let first = self.first(asked).map(|place| place.source);
        let others = self.places.iter().filter(|place| Some(place.source) != first);
        others.filter(|place| place.found != Found::Absent).map(|place| place.source).collect()
    }
}
