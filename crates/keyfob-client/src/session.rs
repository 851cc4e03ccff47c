//! One stored login, used by this process among others.

use crate::clock_skew::{ClockSkew, Moment};
use crate::freshness::{Freshness, Need};
use crate::handoff::{self, HandOverError, Handoff};
use crate::issuer_sessions::{IssuerSessions, SessionsError};
use crate::logout::{self, Ends, SignOutError, SignedOut};
use crate::network::Network;
use crate::refresh::{self, Evicted, RefreshError};
use crate::restricted;
use crate::status::Status;
use crate::store::{Digest, SharedStore, Slot, StoreError};
use keyfob_codex::auth_file::Login;
use keyfob_oauth::{AccessToken, Clock, Entropy, Timestamp};
use keyfob_settings::{Broken, Judgement, Presented, Restrictions, Workspace};
use std::sync::Arc;
use std::time::Duration;

/// What signing out everywhere did.
#[derive(Debug)]
pub struct SignedOutEverywhere {
    /// How many sessions the issuer ended, or why it did not.
    pub everywhere: Result<u64, SessionsError>,
    /// What became of the login here.
    pub here: SignedOut,
}

/// The login in one store.
#[derive(Clone, Debug)]
pub struct Session {
    store: SharedStore,
    network: Network,
    restrictions: Arc<Restrictions>,
}

impl Session {
    /// Uses the login in `store` as far as `restrictions` allow, and asks its issuer through `network`; nothing is read yet.
    pub fn new(store: SharedStore, network: Network, restrictions: Arc<Restrictions>) -> Self {
        Self { store, network, restrictions }
    }

    /// Returns where the login is kept.
    pub fn store(&self) -> &SharedStore {
        &self.store
    }

    /// Returns how issuers are asked.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Returns what binds the login.
    pub fn restrictions(&self) -> &Restrictions {
        &self.restrictions
    }

    /// Returns what restrictions say of the stored login, without asking anybody and without any consequence.
    pub fn judgement(&self) -> Result<Judgement, StoreError> {
        // Most people have none.
        if self.restrictions.is_empty() {
            return Ok(Judgement::Allowed);
        }
        Ok(restricted::judge(&self.restrictions, self.store.home(), &self.store.blocking().load()?))
    }

    /// Returns what is stored, without asking anybody.
    pub fn status(&self) -> Result<Status, StoreError> {
        Status::read(self.store.blocking())
    }

    /// Returns the access token if it is stored, fresh and allowed: no lock, no network, no runtime.
    pub fn fresh_token(&self, now: Timestamp, need: Need) -> Result<Option<AccessToken>, StoreError> {
        match self.judgement()? {
            Judgement::Allowed => {}
            Judgement::Broken(_) | Judgement::Unverified(_) => return Ok(None),
        }
        let tokens = match self.store.blocking().login()? {
            Some(Login::Account(tokens)) => tokens,
            Some(Login::AccessToken(token)) if matches!(need, Need::Usable(_)) => return Ok(Some(token)),
            Some(Login::AccessToken(_) | Login::ApiKey | Login::Foreign(_)) | None => return Ok(None),
        };
        let is_fresh = |moment| Freshness::of(&tokens, moment, need) == Freshness::Fresh;
        // The note is read only when it may matter: almost every clock is right.
        let fresh = is_fresh(now.into()) || is_fresh(self.moment(now));
        Ok(fresh.then_some(tokens.access_token))
    }

    /// Returns how wrong this machine's clock is at its `now`, as far as that is known without asking anybody.
    pub fn clock_skew(&self, now: Timestamp) -> Option<ClockSkew> {
        self.clock_skew_by(&self.status().ok()?, now)
    }

    /// As [`Self::clock_skew`], for who has looked at what is stored.
    pub fn clock_skew_by(&self, status: &Status, now: Timestamp) -> Option<ClockSkew> {
        match status {
            Status::Account(account) => self.moment(now).skew_by_token_of(account.access_token_made?),
            Status::SignedOut | Status::ApiKey | Status::AccessToken | Status::Foreign(_) => None,
        }
    }

    fn moment(&self, now: Timestamp) -> Moment {
        Moment { now, skew: ClockSkew::read(self.store.home()) }
    }

    /// Returns a usable access token, refreshed if need be; of many processes one asks the issuer.
    ///
    /// A login that breaks a restriction is ended and removed instead (design D9).
    pub async fn token(
        &self,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
        need: Need,
    ) -> Result<AccessToken, RefreshError> {
        self.admit(clock, entropy).await?;
        let result = refresh::run(&self.store, &self.network, clock, entropy, need).await;
        // A refresh may have brought what another process, or the issuer, has changed.
        match self.stored_judgement().await? {
            (Judgement::Allowed, _) => result,
            (Judgement::Broken(broken), digest) => Err(self.evict(broken, digest, clock).await),
            (Judgement::Unverified(origin), _) => Err(RefreshError::Unverified { origin, source: None }),
        }
    }

    /// Asks the issuer for new tokens, as proof that the session is alive; what restrictions say has no consequence.
    pub async fn check(&self, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<AccessToken, RefreshError> {
        refresh::run(&self.store, &self.network, clock, entropy, Need::New).await
    }

    /// Ends and removes the login here if it breaks a restriction, and says what became of it.
    ///
    /// One that cannot be judged without its issuer stays.
    pub async fn enforce(&self, clock: &dyn Clock) -> Result<(), RefreshError> {
        match self.stored_judgement().await? {
            (Judgement::Allowed | Judgement::Unverified(_), _) => Ok(()),
            (Judgement::Broken(broken), digest) => Err(self.evict(broken, digest, clock).await),
        }
    }

    /// Lets a login be used that breaks no restriction; what it says of itself is had anew from its issuer if nobody has
    /// verified it. One that breaks one is ended and removed.
    pub async fn admit(&self, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<(), RefreshError> {
        let (origin, digest) = match self.stored_judgement().await? {
            (Judgement::Allowed, _) => return Ok(()),
            (Judgement::Broken(broken), digest) => return Err(self.evict(broken, digest, clock).await),
            (Judgement::Unverified(origin), digest) => (origin, digest),
        };
        match refresh::run(&self.store, &self.network, clock, entropy, Need::New).await {
            Ok(_) => Ok(()),
            // It says something else of itself than its issuer does.
            Err(RefreshError::OtherAccount { issuer, workspace }) => {
                let workspace = workspace.as_ref().map_or(Workspace::None, Workspace::Of);
                match self.restrictions.judge(Presented::Account { issuer: &issuer, workspace }) {
                    Judgement::Broken(broken) => Err(self.evict(broken, digest, clock).await),
                    Judgement::Allowed | Judgement::Unverified(_) => {
                        Err(RefreshError::Unverified { origin, source: None })
                    }
                }
            }
            Err(ended @ (RefreshError::Ended { .. } | RefreshError::Copied { .. })) => Err(ended),
            Err(error) => Err(RefreshError::Unverified { origin, source: Some(Box::new(error)) }),
        }
    }

    /// Judges what is stored now, if anything binds it.
    async fn stored_judgement(&self) -> Result<(Judgement, Option<Digest>), RefreshError> {
        if self.restrictions.is_empty() {
            return Ok((Judgement::Allowed, None));
        }
        let slot = self.store.load().await.map_err(RefreshError::Store)?;
        Ok((restricted::judge(&self.restrictions, self.store.home(), &slot), slot.digest()))
    }

    /// Ends and removes the login that breaks a restriction; another one that was stored meanwhile stays.
    async fn evict(&self, broken: Broken, digest: Option<Digest>, clock: &dyn Clock) -> RefreshError {
        let signed_out = match digest {
            Some(digest) => logout::run(&self.store, &self.network, Ends::Document(digest), clock).await,
            None => Ok(SignedOut::NothingStored),
        };
        RefreshError::Restricted(Box::new(Evicted { broken, signed_out }))
    }

    /// Returns the list of the person's sessions at the issuer of the login, which is refreshed if need be.
    pub async fn issuer_sessions(
        &self,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<IssuerSessions, SessionsError> {
        // Long enough for a few requests, whatever the clocks say.
        let token = self.token(clock, entropy, Need::Life(Duration::from_mins(2))).await;
        let token = token.map_err(SessionsError::Token)?;
        let slot =
            self.store.load().await.map_err(|error| SessionsError::Token(RefreshError::Store(error)))?;
        let issuer = slot.issuer().ok_or(SessionsError::NoIssuer)?;
        IssuerSessions::open(&self.network, issuer, token).await
    }

    /// Asks the issuer of the login for what another machine redeems for a session of its own, called `name` in the list.
    ///
    /// The login here stays as it is. Holds the refresh lock while the issuer is asked.
    pub async fn hand_over(
        &self,
        name: &str,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<Handoff, HandOverError> {
        self.admit(clock, entropy).await.map_err(|error| HandOverError::Restricted(Box::new(error)))?;
        handoff::make(&self.store, &self.network, name, clock).await
    }

    /// Ends every session of the person at the issuer of the login, then this one as [`Self::sign_out`] does.
    ///
    /// This machine is signed out whether or not the others could be.
    pub async fn sign_out_everywhere(
        &self,
        ends: Ends,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<SignedOutEverywhere, SignOutError> {
        let ends = ends.with_noted(self.store.home())?;
        if let Slot::Holds { digest, record } = self.store.load().await? {
            logout::admit(&record.login(), digest, &ends)?;
        }
        let everywhere = match self.issuer_sessions(clock, entropy).await {
            Ok(sessions) => sessions.end_all().await,
            Err(error) => Err(error),
        };
        Ok(SignedOutEverywhere {
            everywhere,
            here: logout::run(&self.store, &self.network, ends, clock).await?,
        })
    }

    /// Ends the session at its issuer and removes it here, if it is one that may be ended.
    pub async fn sign_out(&self, ends: Ends, clock: &dyn Clock) -> Result<SignedOut, SignOutError> {
        logout::run(&self.store, &self.network, ends.with_noted(self.store.home())?, clock).await
    }
}
