//! The signing keys of an issuer, one after the other, so that nobody notices when one takes over (I-40).
//!
//! A key is *published* before it signs, for longer than anybody keeps the published set; it *signs* until the next one
//! does; it stays published, *retired*, until the last token that it signed is over; then it is *gone*. All of that follows
//! from one moment for each key: from when on it signs.

use crate::issuer::Fault;
use crate::lifetime;
use crate::seal::SealKey;
use crate::storage::StoredSigningKey;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use keyfob_jose::{KeySet, SigningError, SigningKey};
use keyfob_oauth::{Secret, Timestamp};
use serde_json::json;

/// What a signing key is for at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It will sign; others may learn of it.
    Published,
    /// It signs.
    Signing,
    /// It signed tokens that may still count.
    Retired,
    /// Nothing that it signed counts any more.
    Gone,
}

impl KeyState {
    /// Returns the word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Signing => "signing",
            Self::Retired => "retired",
            Self::Gone => "gone",
        }
    }
}

/// What is said of a key without its private part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSigningKey {
    /// Its `kid`.
    pub id: String,
    /// What it is for.
    pub state: KeyState,
    /// When it was made, and published.
    pub created_at: Timestamp,
    /// From when on it signs.
    pub signs_from: Timestamp,
    /// Until when it is published, once it is known which key follows.
    pub published_until: Option<Timestamp>,
}

/// Says what each of `keys`, in the order in which they sign, is for at `now`.
pub fn schedule(keys: &[StoredSigningKey], now: Timestamp) -> Vec<ListedSigningKey> {
    // Of keys whose moment has come, the last one signs; while there is none, the first one does.
    let signing = keys.iter().rposition(|key| key.signs_from <= now).unwrap_or(0);
    let ends =
        keys.iter().skip(1).map(|next| Some(next.signs_from.plus(lifetime::RETIRED_KEY))).chain([None]);
    let listed = keys.iter().zip(ends).enumerate().map(|(at, (key, end))| {
        let state = match at.cmp(&signing) {
            std::cmp::Ordering::Greater => KeyState::Published,
            std::cmp::Ordering::Equal => KeyState::Signing,
            std::cmp::Ordering::Less if end.is_some_and(|end| now < end) => KeyState::Retired,
            std::cmp::Ordering::Less => KeyState::Gone,
        };
        ListedSigningKey {
            id: key.key.id.clone(),
            state,
            created_at: key.created_at,
            signs_from: key.signs_from,
            published_until: end,
        }
    });
    listed.collect()
}

/// The keys, opened.
#[derive(Debug)]
pub(crate) struct KeyRing {
    stored: Vec<StoredSigningKey>,
    opened: Vec<SigningKey>,
    /// Each as others see it, to verify our own tokens with.
    key_set: KeySet,
}

impl KeyRing {
    /// Opens the keys; none that does not open is left out.
    pub(crate) fn open(stored: Vec<StoredSigningKey>, seal_key: &SealKey) -> Result<Self, Fault> {
        let open = |stored: &StoredSigningKey| -> Result<SigningKey, Fault> {
            let pkcs8 = seal_key.signing_key_seal(&stored.key.id)?.open(&stored.key.sealed)?;
            Ok(signing_key(&pkcs8)?)
        };
        let opened = stored.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        if opened.is_empty() {
            return Err(Fault::NoSigningKey);
        }
        let document = json!({ "keys": opened.iter().map(SigningKey::public_jwk).collect::<Vec<_>>() });
        Ok(Self { key_set: KeySet::parse(document.to_string().as_bytes())?, stored, opened })
    }

    /// Whether these are the keys that rest.
    pub(crate) fn is(&self, stored: &[StoredSigningKey]) -> bool {
        self.stored == stored
    }

    /// Returns the key that signs.
    pub(crate) fn signing(&self, now: Timestamp) -> Result<&SigningKey, Fault> {
        let mut states = schedule(&self.stored, now).into_iter();
        let at = states.position(|key| key.state == KeyState::Signing);
        at.and_then(|at| self.opened.get(at)).ok_or(Fault::NoSigningKey)
    }

    /// Returns what verifies.
    pub(crate) fn key_set(&self) -> &KeySet {
        &self.key_set
    }

    /// Returns the published form (RFC 7517 §5).
    pub(crate) fn published(&self, now: Timestamp) -> serde_json::Value {
        let keys: Vec<_> = schedule(&self.stored, now)
            .into_iter()
            .zip(&self.opened)
            .filter(|(listed, _)| listed.state != KeyState::Gone)
            .map(|(_, key)| key.public_jwk())
            .collect();
        json!({ "keys": keys })
    }
}

fn signing_key(pkcs8: &Secret) -> Result<SigningKey, SigningError> {
    let der = STANDARD.decode(pkcs8.expose()).map_err(|_| SigningError::NotAKey)?;
    SigningKey::from_pkcs8(&der)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::SealedSigningKey;
    use KeyState::{Gone, Published, Retired, Signing};

    fn states(from: &[i64], now: i64) -> Vec<KeyState> {
        let key = |from: &i64| StoredSigningKey {
            key: SealedSigningKey { id: from.to_string(), sealed: vec![] },
            created_at: Timestamp::from_unix(0),
            signs_from: Timestamp::from_unix(*from),
        };
        let keys: Vec<_> = from.iter().map(key).collect();
        schedule(&keys, Timestamp::from_unix(now)).into_iter().map(|key| key.state).collect()
    }

    #[test]
    fn i_40_a_key_is_published_then_signs_then_is_retired_then_gone() {
        let retired = i64::try_from(lifetime::RETIRED_KEY.as_secs()).unwrap();

        assert_eq!(states(&[0], 0), [Signing]);
        assert_eq!(states(&[0, 1_000], 999), [Signing, Published]);
        assert_eq!(states(&[0, 1_000], 1_000), [Retired, Signing]);
        assert_eq!(states(&[0, 1_000], 999 + retired), [Retired, Signing]);
        assert_eq!(states(&[0, 1_000], 1_000 + retired), [Gone, Signing]);
        assert_eq!(states(&[0, 1_000, 2_000], 1_500), [Retired, Signing, Published]);
        assert_eq!(states(&[50], 0), [Signing], "a clock that went back leaves nobody without a key");
    }

    #[test]
    fn i_40_the_times_follow_from_how_long_keys_and_tokens_are_kept() {
        assert!(lifetime::NEXT_KEY >= lifetime::KEY_SET_CACHE * 2);
        assert!(lifetime::RETIRED_KEY > lifetime::ACCESS_TOKEN.max(lifetime::ID_TOKEN));
    }
}
