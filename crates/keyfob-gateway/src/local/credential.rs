//! What one request shows the provider: the credential that the `keyfob` command would use, admitted by the same rules and
//! bound to the one server (design D8, D9; security C-23).

use super::person::{Found, Person, Unusable};
use crate::upstream::{UpstreamKey, UpstreamUrl};
use http::{HeaderName, HeaderValue};
use keyfob_client::provider::{Bound, Credential, Decision, Source, authorize, command, headers, variable};
use keyfob_client::store::StoreError;
use keyfob_client::{Jitter, Need, why};
use keyfob_codex::client::UNNAMED_ISSUER;
use keyfob_codex::provider::WORKSPACE_HEADER;
use keyfob_oauth::{AccessToken, Clock, Entropy, IssuerUrl, Secret};
use keyfob_settings::Provider;
use std::sync::Arc;
use tokio::runtime::Handle;

/// What is shown.
#[derive(Debug)]
pub(super) struct Shown {
    /// As a bearer token; nothing where the provider asks for none.
    pub(super) key: Option<UpstreamKey>,
    /// Headers beside it.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// What may be had anew if it is refused.
    pub(super) renewable: Option<Secret>,
}

/// Gets credentials of one person for one server, which is fixed at the start (security G-08).
#[derive(Debug)]
pub(super) struct Credentials {
    pub(super) person: Person,
    pub(super) upstream: UpstreamUrl,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
}

impl Credentials {
    /// Returns what is shown now; in the place of what was `refused`, if something was.
    ///
    /// A login is refreshed by the one refresh of all processes (security C-57), a command run by one of them. Files are
    /// read, so this leaves the runtime's threads; when dropped, what was begun goes on to its end, within its limits.
    pub(super) async fn show(self: &Arc<Self>, refused: Option<&Secret>) -> Result<Shown, Unusable> {
        let (this, refused, runtime) = (Arc::clone(self), refused.cloned(), Handle::current());
        tokio::task::spawn_blocking(move || runtime.block_on(this.show_here(refused.as_ref()))).await?
    }

    async fn show_here(&self, refused: Option<&Secret>) -> Result<Shown, Unusable> {
        let found = self.person.look(self.clock.now())?;
        let source = match found.looked.decide(found.asked) {
            Decision::Uses(source) => source,
            Decision::Refuses(_, flaw) => return Err(Unusable::Flawed(flaw)),
            Decision::Nothing if found.looked.way.needs_credential() => return Err(nothing(&found.provider)),
            Decision::Nothing => return self.shown(&found, None, None),
        };
        let credential = found.looked.credential(found.asked).cloned();
        match (source, credential) {
            (Source::Command, _) => self.of_command(&found, refused).await,
            (_, None) => Err(nothing(&found.provider)),
            (Source::StoredLogin, Some(stored)) if is_account(&stored) => {
                self.of_account(found, &stored, refused).await
            }
            (Source::StoredLogin, Some(key)) => {
                found.session.admit(&*self.clock, &*self.entropy).await?;
                self.shown(&found, Some(&key), None)
            }
            (Source::CodexApiKey, Some(key)) => {
                self.admit_variable(why::Source::CodexApiKey, &key, &found).await?;
                self.shown(&found, Some(&key), None)
            }
            (Source::CodexAccessToken, Some(token)) => {
                self.admit_variable(why::Source::CodexAccessToken, &token, &found).await?;
                self.shown(&found, Some(&token), None)
            }
            (Source::EnvKey | Source::BearerToken | Source::KeptKey, Some(own)) => {
                self.shown(&found, Some(&own), None)
            }
        }
    }

    async fn of_account(
        &self,
        found: Found,
        stored: &Credential,
        refused: Option<&Secret>,
    ) -> Result<Shown, Unusable> {
        let need = match refused {
            Some(refused) => Need::in_place_of(&AccessToken::new(refused.expose())),
            None => Need::Usable(Jitter::draw(&*self.entropy)?),
        };
        let token = match found.session.fresh_token(self.clock.now(), need)? {
            Some(token) => token,
            None => found.session.token(&*self.clock, &*self.entropy, need).await?,
        };
        let renewable = Some(Secret::new(token.expose().to_owned()));
        if token.expose() == stored.secret.expose() {
            return self.shown(&found, Some(stored), renewable);
        }
        // Whose it is, is asked of the store: another login may have been stored meanwhile.
        let found = self.person.look(self.clock.now())?;
        match found.looked.credential(found.asked) {
            Some(newer) if newer.secret.expose() == token.expose() => {
                self.shown(&found, Some(newer), renewable)
            }
            Some(_) | None => Err(StoreError::Changed.into()),
        }
    }

    async fn of_command(&self, found: &Found, refused: Option<&Secret>) -> Result<Shown, Unusable> {
        let Some(entry) = &found.provider.command else { return Err(nothing(&found.provider)) };
        let (entry, kept, without) = (&entry.value, found.kept.as_ref(), &self.person.without);
        // Before anything runs: a place that gets no credential needs none.
        self.person.destination(&found.provider, None)?;
        let token = match refused {
            Some(refused) => command::token_in_place_of(refused, entry, kept, without, &*self.clock).await?,
            None => command::token(entry, kept, without, &*self.clock).await?,
        };
        self.shown(found, Some(&Credential::of_provider(token.clone())), Some(token))
    }

    async fn admit_variable(
        &self,
        source: why::Source,
        held: &Credential,
        found: &Found,
    ) -> Result<(), Unusable> {
        let token = AccessToken::new(held.secret.expose());
        let configured = found.settings.issuer().map(|issuer| issuer.value.clone());
        let here = configured.or_else(|| IssuerUrl::parse(UNNAMED_ISSUER).ok());
        let (restrictions, network) = (found.settings.restrictions(), found.logins.network());
        Ok(variable::admit(source, Some(&token), restrictions, here.as_ref(), network).await?)
    }

    /// Binds the credential to where it goes, which is where it went at the start.
    fn shown(
        &self,
        found: &Found,
        credential: Option<&Credential>,
        renewable: Option<Secret>,
    ) -> Result<Shown, Unusable> {
        let to = self.person.destination(&found.provider, credential)?;
        if UpstreamUrl::parse(to.url.as_str())? != self.upstream {
            return Err(Unusable::Moved);
        }
        let named = found.settings.own().login_origins.iter().map(|url| url.value.clone());
        let named: Vec<_> = named.collect();
        let key = match credential {
            Some(credential) => {
                let bound = authorize(credential, &to, &named)?;
                let secret = bound.for_url(&to.url).map_err(|_| Unusable::Moved)?;
                Some(UpstreamKey::parse(secret.expose()).map_err(|_| Unusable::NotAHeader)?)
            }
            None => None,
        };
        let mut beside = headers(&found.provider, &*self.person.variable, credential.is_some());
        if let Some(Bound::Person { workspace: Some(workspace), .. }) =
            credential.map(|credential| &credential.bound)
        {
            beside.push((WORKSPACE_HEADER.to_owned(), Secret::new(workspace.as_str().to_owned())));
        }
        let headers = beside.iter().map(|(name, value)| header(name, value)).collect::<Option<Vec<_>>>();
        Ok(Shown { key, headers: headers.ok_or(Unusable::NotAHeader)?, renewable })
    }
}

fn nothing(provider: &Provider) -> Unusable {
    match &provider.env_key {
        Some(name) if provider.login.is_none() => Unusable::NoKey(name.value.clone()),
        Some(_) | None => Unusable::SignedOut,
    }
}

fn is_account(credential: &Credential) -> bool {
    matches!(credential.bound, Bound::Person { is_account: true, .. })
}

fn header(name: &str, value: &Secret) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
    let mut value = HeaderValue::from_str(value.expose()).ok()?;
    value.set_sensitive(true);
    Some((name, value))
}
