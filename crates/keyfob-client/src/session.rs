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
use keyfob_oauth::{AccessToken, ApiKey, Clock, Entropy, Timestamp};
use keyfob_settings::{Broken, Judgement, Layer, Presented, Restrictions, Workspace};
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

/// Long enough for a few requests, whatever the clocks say.
const FOR_A_FEW_REQUESTS: Need = Need::Life(Duration::from_mins(2));
/// Whoever stores another login in the very moment of each try means it.
const MOST_TRIES: u32 = 4;

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
        Ok(self.judgement_of(&self.store.blocking().load()?))
    }

    /// Returns what restrictions say of what was read from the store.
    pub fn judgement_of(&self, slot: &Slot) -> Judgement {
        restricted::judge(&self.restrictions, self.store.home(), slot)
    }

    /// Returns what is stored, without asking anybody.
    pub fn status(&self) -> Result<Status, StoreError> {
        Status::read(self.store.blocking())
    }

    /// Returns the key that is stored, if a key is.
    pub fn key(&self) -> Result<Option<ApiKey>, StoreError> {
        Ok(self.store.blocking().load()?.record()?.and_then(|(_, record)| record.api_key()))
    }

    /// Returns the stored login, fresh or not, without asking anybody.
    pub fn login(&self) -> Result<Option<Login>, StoreError> {
        self.store.blocking().login()
    }

    /// Returns the access token if it is stored, fresh and allowed: no lock, no network, no runtime.
    pub fn fresh_token(&self, now: Timestamp, need: Need) -> Result<Option<AccessToken>, StoreError> {
        let Some(login) = self.allowed_login()? else { return Ok(None) };
        let tokens = match login {
            Login::Account(tokens) => tokens,
            Login::AccessToken(token) if matches!(need, Need::Usable(_)) => return Ok(Some(token)),
            Login::AccessToken(_) | Login::ApiKey | Login::Foreign(_) => return Ok(None),
        };
        let is_fresh = |moment| Freshness::of(&tokens, moment, need) == Freshness::Fresh;
        // The note is read only when it may matter: almost every clock is right.
        let fresh = is_fresh(now.into()) || is_fresh(self.moment(now));
        Ok(fresh.then_some(tokens.access_token))
    }

    /// Returns what is stored, if restrictions allow it; nothing of what else is there.
    fn allowed_login(&self) -> Result<Option<Login>, StoreError> {
        if self.restrictions.is_empty() {
            return self.store.blocking().login();
        }
        // What is judged is what is given out.
        let slot = self.store.blocking().load()?;
        Ok(match (self.judgement_of(&slot), slot) {
            (Judgement::Allowed, Slot::Holds { record, .. }) => Some(record.login()),
            (Judgement::Allowed, Slot::Empty | Slot::Corrupt { .. })
            | (Judgement::Broken(_) | Judgement::Unverified(_), _) => None,
        })
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
        if self.restrictions.is_empty() {
            return refresh::run(&self.store, &self.network, clock, entropy, need).await;
        }
        self.admit(clock, entropy).await?;
        for _ in 0..MOST_TRIES {
            let token = refresh::run(&self.store, &self.network, clock, entropy, need).await?;
            // What is judged is what is given out: a refresh may have brought something else.
            match self.look().await? {
                (slot, Judgement::Allowed) if gives(&slot, &token) => return Ok(token),
                // Somebody stored another login in this very moment.
                (_, Judgement::Allowed) => {}
                (slot, Judgement::Broken(_)) => return Err(self.evict_if_broken(&slot, clock).await),
                (_, Judgement::Unverified(origin)) => {
                    return Err(RefreshError::Unverified { origin, source: None });
                }
            }
        }
        Err(RefreshError::Store(StoreError::Changed))
    }

    /// Asks the issuer for new tokens, as proof that the session is alive; what restrictions say has no consequence.
    pub async fn check(&self, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<(), RefreshError> {
        refresh::run(&self.store, &self.network, clock, entropy, Need::New).await.map(drop)
    }

    /// Ends and removes the login here if it breaks a restriction, and says what became of it.
    ///
    /// One that cannot be judged without its issuer stays.
    pub async fn enforce(&self, clock: &dyn Clock) -> Result<(), RefreshError> {
        match self.look().await? {
            (_, Judgement::Allowed | Judgement::Unverified(_)) => Ok(()),
            (slot, Judgement::Broken(_)) => Err(self.evict_if_broken(&slot, clock).await),
        }
    }

    /// Lets a login be used that breaks no restriction; what it says of itself is had anew from its issuer if nobody has
    /// verified it. One that breaks one is ended and removed.
    pub async fn admit(&self, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<(), RefreshError> {
        let (slot, origin) = match self.look().await? {
            (_, Judgement::Allowed) => return Ok(()),
            (slot, Judgement::Broken(_)) => return Err(self.evict_if_broken(&slot, clock).await),
            (slot, Judgement::Unverified(origin)) => (slot, origin),
        };
        let refreshed = refresh::run(&self.store, &self.network, clock, entropy, Need::Vouched).await;
        match refreshed {
            Ok(_) => match self.look().await? {
                (_, Judgement::Allowed) => Ok(()),
                (slot, Judgement::Broken(_)) => Err(self.evict_if_broken(&slot, clock).await),
                (_, Judgement::Unverified(origin)) => Err(RefreshError::Unverified { origin, source: None }),
            },
            // It says something else of itself than its issuer does.
            Err(RefreshError::OtherAccount { issuer, workspace }) => {
                let named = workspace.as_ref().map_or(Workspace::None, Workspace::Of);
                let presented = Presented::Account { issuer: Some(&issuer), workspace: named };
                match (self.restrictions.judge(presented), slot.digest()) {
                    (Judgement::Broken(broken), Some(digest)) => Err(self.evict(broken, digest, clock).await),
                    (Judgement::Broken(_) | Judgement::Allowed | Judgement::Unverified(_), _) => {
                        let source = RefreshError::OtherAccount { issuer, workspace };
                        Err(RefreshError::Unverified { origin, source: Some(Box::new(source)) })
                    }
                }
            }
            Err(
                unknown @ (RefreshError::Unavailable { .. }
                | RefreshError::LeftAlone { .. }
                | RefreshError::NotAnAccount(_)
                | RefreshError::EndUnknown
                | RefreshError::NotRefreshable),
            ) => Err(RefreshError::Unverified { origin, source: Some(Box::new(unknown)) }),
            Err(error) => Err(error),
        }
    }

    /// Reads what is stored and judges it.
    async fn look(&self) -> Result<(Slot, Judgement), RefreshError> {
        let slot = self.store.load().await.map_err(RefreshError::Store)?;
        let judgement = self.judgement_of(&slot);
        Ok((slot, judgement))
    }

    /// Ends what was judged to break a restriction, if it still does when nobody is storing anything: whose a token is, is
    /// noted after the token is stored.
    async fn evict_if_broken(&self, judged: &Slot, clock: &dyn Clock) -> RefreshError {
        // What holds for this command alone ends nothing.
        if let Judgement::Broken(broken) = self.judgement_of(judged)
            && broken.origin.layer == Layer::Flag
        {
            return RefreshError::Restricted(Box::new(Evicted { broken, signed_out: None }));
        }
        let settled = async {
            let _lock = self.store.lock().await?;
            self.store.load_locked().await
        };
        match settled.await {
            Ok(slot) if slot.digest() == judged.digest() => match (self.judgement_of(&slot), slot.digest()) {
                (Judgement::Broken(broken), Some(digest)) => self.evict(broken, digest, clock).await,
                (_, _) => RefreshError::Store(StoreError::Changed),
            },
            Ok(_) => RefreshError::Store(StoreError::Changed),
            Err(error) => match self.judgement_of(judged) {
                Judgement::Broken(broken) => RefreshError::Restricted(Box::new(Evicted {
                    broken,
                    signed_out: Some(Err(error.into())),
                })),
                Judgement::Allowed | Judgement::Unverified(_) => RefreshError::Store(error),
            },
        }
    }

    /// Ends and removes the document with this digest; another login that was stored meanwhile stays.
    async fn evict(&self, broken: Broken, digest: Digest, clock: &dyn Clock) -> RefreshError {
        let signed_out = match broken.origin.layer {
            Layer::Flag => None,
            _ => Some(logout::run(&self.store, &self.network, Ends::Document(digest), clock).await),
        };
        RefreshError::Restricted(Box::new(Evicted { broken, signed_out }))
    }

    /// Returns the list of the person's sessions at the issuer of the login, which is refreshed if need be.
    pub async fn issuer_sessions(
        &self,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<IssuerSessions, SessionsError> {
        let token = self.token(clock, entropy, FOR_A_FEW_REQUESTS).await;
        self.issuer_sessions_with(token.map_err(SessionsError::Token)?).await
    }

    async fn issuer_sessions_with(&self, token: AccessToken) -> Result<IssuerSessions, SessionsError> {
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
        handoff::make(self, name, clock).await
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
        // Whatever binds the login: ending sessions is no use of it that anybody forbids.
        let token = refresh::run(&self.store, &self.network, clock, entropy, FOR_A_FEW_REQUESTS).await;
        let everywhere = match token.map_err(SessionsError::Token) {
            Ok(token) => match self.issuer_sessions_with(token).await {
                Ok(sessions) => sessions.end_all().await,
                Err(error) => Err(error),
            },
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

/// Whether `token` is the one in the slot.
fn gives(slot: &Slot, token: &AccessToken) -> bool {
    let Slot::Holds { record, .. } = slot else { return false };
    match record.login() {
        Login::Account(tokens) => tokens.access_token.expose() == token.expose(),
        Login::AccessToken(stored) => stored.expose() == token.expose(),
        Login::ApiKey | Login::Foreign(_) => false,
    }
}
