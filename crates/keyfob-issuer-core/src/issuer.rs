//! What every operation needs, and how it breaks.

use crate::anomaly::Watch;
use crate::audit::{self, AuditEvent, AuditKey, Circumstances};
use crate::browser_session::SessionTimes;
use crate::device_grant::{DeviceSettings, MatchNumber, NumberMatch, UserCode, UserCodeDigest};
use crate::digest::DeviceAuthId;
use crate::grace::Grace;
use crate::key_ring::KeyRing;
use crate::misuse::Misuses;
use crate::seal::{SealError, SealKey};
use crate::storage::{Storage, StorageError, StoredSigningKey, Transaction};
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use keyfob_jose::{InvalidKeySet, SigningError, TokenType};
use keyfob_oauth::{Audience, ClientId, Clock, Entropy, EntropyError, IssuerUrl, Secret, Timestamp};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

/// What an issuer is made of.
#[derive(Debug)]
pub struct IssuerParts {
    /// Its identifier.
    pub url: IssuerUrl,
    /// The resource server that its access tokens are for.
    pub audience: Audience,
    /// How forgiving it is with spent refresh tokens.
    pub grace: Grace,
    /// Which sign-ins of devices it offers.
    pub devices: DeviceSettings,
    /// How long browsers stay signed in.
    pub browser_sessions: SessionTimes,
    /// Whether anomalies are told.
    pub watch: Watch,
    /// Which programs are told of sessions that ended.
    pub told_of_logouts: BTreeSet<ClientId>,
    /// Where everything rests.
    pub storage: Arc<dyn Storage>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Which request is being answered.
    pub circumstances: Arc<dyn Circumstances>,
    /// The secret outside the database.
    pub seal_key: SealKey,
}

/// The issuer: its operations are methods, one file each in [`crate::operation`].
#[derive(Debug)]
pub struct Issuer {
    pub(crate) url: IssuerUrl,
    pub(crate) audience: Audience,
    pub(crate) grace: Grace,
    pub(crate) devices: DeviceSettings,
    pub(crate) browser_sessions: SessionTimes,
    pub(crate) watch: Watch,
    pub(crate) told_of_logouts: BTreeSet<ClientId>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    ring: RwLock<Arc<KeyRing>>,
    pub(crate) seal_key: SealKey,
    pub(crate) circumstances: Arc<dyn Circumstances>,
    pub(crate) audit_key: AuditKey,
    pub(crate) keys: Keys,
    pub(crate) misuses: Misuses,
    pub(crate) storage: Arc<dyn Storage>,
}

/// What the issuer authenticates with, one key for each purpose.
#[derive(Debug)]
pub(crate) struct Keys {
    /// How user codes rest.
    user_code: hmac::Key,
    /// What the numbers beside user codes follow from.
    match_number: hmac::Key,
    /// What the answers to devices follow from.
    device_answer: hmac::Key,
    /// What makes the codes by which a session is handed over.
    pub(crate) handoff: hmac::Key,
    /// How the names of what is counted rest.
    pub(crate) throttle: hmac::Key,
    /// What marks the browsers that somebody has signed in with.
    pub(crate) browser_mark: hmac::Key,
    /// What the secrets follow from that are offered to accounts without a second factor.
    pub(crate) set_up: hmac::Key,
}

impl Keys {
    fn new(seal_key: &SealKey) -> Result<Self, SealError> {
        Ok(Self {
            user_code: seal_key.authentication_key("user-code")?,
            match_number: seal_key.authentication_key("match-number")?,
            device_answer: seal_key.authentication_key("device-answer")?,
            handoff: seal_key.authentication_key("handoff")?,
            throttle: seal_key.authentication_key("throttle")?,
            browser_mark: seal_key.authentication_key("browser-mark")?,
            set_up: seal_key.authentication_key("set-up")?,
        })
    }
}

/// Something broke inside; the person or program that asked did nothing wrong.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Randomness.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// Sealing.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Signing.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// The published keys.
    #[error(transparent)]
    Keys(#[from] InvalidKeySet),
    /// The database holds no signing key.
    #[error("the database holds no signing key")]
    NoSigningKey,
    /// The database holds a family or grant that leads nowhere.
    #[error("{0} names something that does not exist")]
    Dangling(&'static str),
}

impl Issuer {
    /// Opens the issuer in `parts.storage`: unseals the signing keys, and changes nothing.
    pub async fn open(parts: IssuerParts) -> Result<Self, Fault> {
        let stored = parts.storage.begin().await?.list_signing_keys().await?;
        Ok(Self {
            ring: RwLock::new(Arc::new(KeyRing::open(stored, &parts.seal_key)?)),
            keys: Keys::new(&parts.seal_key)?,
            misuses: Misuses::default(),
            audit_key: AuditKey::of(&parts.seal_key)?,
            circumstances: parts.circumstances,
            url: parts.url,
            audience: parts.audience,
            grace: parts.grace,
            devices: parts.devices,
            browser_sessions: parts.browser_sessions,
            watch: parts.watch,
            told_of_logouts: parts.told_of_logouts,
            clock: parts.clock,
            entropy: parts.entropy,
            seal_key: parts.seal_key,
            storage: parts.storage,
        })
    }

    /// Returns the issuer's identifier.
    pub fn url(&self) -> &IssuerUrl {
        &self.url
    }

    /// Returns which sign-ins of devices are offered.
    pub fn devices(&self) -> DeviceSettings {
        self.devices
    }

    /// Returns the published keys (RFC 7517 §5).
    pub fn key_set(&self) -> Value {
        self.ring().published(self.now())
    }

    /// Returns the keys as this node last read them.
    pub(crate) fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Signs `claims` as a token of `token_type` with the key whose turn it is.
    pub(crate) fn sign(&self, token_type: TokenType, claims: &impl Serialize) -> Result<String, Fault> {
        Ok(self.ring().signing(self.now())?.sign(token_type, claims)?)
    }

    /// Takes up these keys; returns whether they are others than before.
    pub(crate) fn take_up(&self, stored: Vec<StoredSigningKey>) -> Result<bool, Fault> {
        if self.ring().is(&stored) {
            return Ok(false);
        }
        let ring = Arc::new(KeyRing::open(stored, &self.seal_key)?);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        Ok(true)
    }

    /// Returns the moment, by the issuer's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) async fn begin(&self) -> Result<Box<dyn Transaction>, StorageError> {
        self.storage.begin().await
    }

    /// Records `event` as the last thing that `transaction` does, and commits.
    pub(crate) async fn commit(
        &self,
        transaction: Box<dyn Transaction>,
        event: AuditEvent,
    ) -> Result<(), StorageError> {
        audit::commit(transaction, self.now(), &self.circumstances.present(), &event).await
    }

    pub(crate) fn user_code_digest(&self, code: &UserCode) -> Result<UserCodeDigest, SealError> {
        UserCodeDigest::of(code, &self.keys.user_code).ok_or(SealError::Seal)
    }

    /// Returns the number that is asked for beside `code`, if one is.
    pub(crate) fn match_number(&self, code: &UserCode) -> Result<Option<MatchNumber>, SealError> {
        match self.devices.number {
            NumberMatch::Off => Ok(None),
            NumberMatch::On => {
                MatchNumber::of(code, &self.keys.match_number).map(Some).ok_or(SealError::Seal)
            }
        }
    }

    /// Returns the part `purpose` of the answer to the device that polls with `id`: 256 bits, as of random ones.
    ///
    /// It follows from what only the device knows and a key outside the database, so that it can be told again and rests
    /// nowhere.
    pub(crate) fn device_answer(&self, purpose: &str, id: &DeviceAuthId) -> Secret {
        let mut context = hmac::Context::with_key(&self.keys.device_answer);
        context.update(purpose.as_bytes());
        context.update(b"\0");
        context.update(id.expose().as_bytes());
        Secret::new(URL_SAFE_NO_PAD.encode(context.sign()))
    }
}
