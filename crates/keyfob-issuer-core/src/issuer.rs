//! What every operation needs, and how it breaks.

use crate::audit::{self, AuditEvent, AuditKey, Circumstances};
use crate::device_grant::{UserCode, UserCodeDigest};
use crate::grace::Grace;
use crate::seal::{SealError, SealKey};
use crate::storage::{Storage, StorageError, Transaction};
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use keyfob_jose::{InvalidKeySet, KeySet, SigningError, SigningKey};
use keyfob_oauth::{Audience, Clock, Entropy, EntropyError, IssuerUrl, Secret, Timestamp};
use std::sync::Arc;

/// What an issuer is made of.
#[derive(Debug)]
pub struct IssuerParts {
    /// Its identifier.
    pub url: IssuerUrl,
    /// The resource server that its access tokens are for.
    pub audience: Audience,
    /// How forgiving it is with spent refresh tokens.
    pub grace: Grace,
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
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) signing_key: SigningKey,
    /// What is published, to verify our own tokens with.
    pub(crate) key_set: KeySet,
    pub(crate) seal_key: SealKey,
    circumstances: Arc<dyn Circumstances>,
    pub(crate) audit_key: AuditKey,
    pub(crate) keys: Keys,
    pub(crate) storage: Arc<dyn Storage>,
}

/// What the issuer authenticates with, one key for each purpose.
#[derive(Debug)]
pub(crate) struct Keys {
    /// How user codes rest.
    user_code: hmac::Key,
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
    /// Opens the issuer in `parts.storage`: unseals the signing key, and changes nothing.
    pub async fn open(parts: IssuerParts) -> Result<Self, Fault> {
        let sealed = parts.storage.begin().await?.newest_signing_key().await?.ok_or(Fault::NoSigningKey)?;
        let pkcs8 = parts.seal_key.signing_key_seal(&sealed.id)?.open(&sealed.sealed)?;
        let signing_key = signing_key(&pkcs8)?;
        Ok(Self {
            keys: Keys::new(&parts.seal_key)?,
            audit_key: AuditKey::of(&parts.seal_key)?,
            circumstances: parts.circumstances,
            key_set: KeySet::parse(signing_key.key_set().to_string().as_bytes())?,
            signing_key,
            url: parts.url,
            audience: parts.audience,
            grace: parts.grace,
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

    /// Returns the published keys (RFC 7517 §5).
    pub fn key_set(&self) -> serde_json::Value {
        self.signing_key.key_set()
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
}

fn signing_key(pkcs8: &Secret) -> Result<SigningKey, SigningError> {
    let der = STANDARD.decode(pkcs8.expose()).map_err(|_| SigningError::NotAKey)?;
    SigningKey::from_pkcs8(&der)
}
