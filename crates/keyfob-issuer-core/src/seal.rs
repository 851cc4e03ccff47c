//! Sealing: keeping a secret in the database without the database being able to tell it.
//!
//! AES-256-GCM under a key that HKDF-SHA-256 makes from a secret outside the database: the seal key's file for the signing
//! key (I-41) and for what second factors keep (I-55), the presented token itself for its successor (security §7.2).

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use keyfob_oauth::{Entropy, EntropyError, RefreshToken, Secret, Subject};

use crate::FamilyId;
use crate::factor::FactorKind;

/// The issuer's secret outside the database: 256 random bits.
#[derive(Clone)]
pub struct SealKey(zeroize::Zeroizing<[u8; 32]>);

/// Something cannot be sealed or unsealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// There was no nonce.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The library refused.
    #[error("cannot seal")]
    Seal,
    /// The key is not the one that sealed this, or the sealed bytes were changed.
    #[error("the seal does not open with this key")]
    WrongKey,
}

impl SealKey {
    /// Makes a new one.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        entropy.bytes::<32>().map(zeroize::Zeroizing::new).map(Self)
    }

    /// Takes 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(zeroize::Zeroizing::new).map(Self)
    }

    /// Returns the bytes; for the key's file alone.
    pub fn expose(&self) -> &[u8] {
        &*self.0
    }

    /// Returns the seal of the signing key named `id`.
    pub fn signing_key_seal(&self, id: &str) -> Result<Seal, SealError> {
        Seal::derive(&*self.0, &[b"signing-key", id.as_bytes()])
    }

    /// Returns the seal of what a factor keeps about an account.
    pub(crate) fn enrolment_seal(&self, kind: FactorKind, subject: &Subject) -> Result<Seal, SealError> {
        let (kind, subject) = (kind.as_str().as_bytes(), subject.as_str().as_bytes());
        Seal::derive(&*self.0, &[b"enrolment", kind, b" ", subject])
    }

    /// Returns what the key follows from that signs the audit trail (I-77).
    pub(crate) fn audit_seed(&self) -> Result<zeroize::Zeroizing<[u8; 32]>, SealError> {
        let mut seed = zeroize::Zeroizing::new([0; 32]);
        let key = extract(&*self.0);
        key.expand(&[b"audit"], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut *seed))
            .map_err(|_| SealError::Seal)?;
        Ok(seed)
    }

    /// Returns a key for authenticating what only this issuer may have made, for one purpose.
    pub fn authentication_key(&self, purpose: &str) -> Result<hmac::Key, SealError> {
        let info = [b"authentication".as_slice(), purpose.as_bytes()];
        let key = extract(&*self.0);
        key.expand(&info, hmac::HMAC_SHA256).map(hmac::Key::from).map_err(|_| SealError::Seal)
    }
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey([secret])")
    }
}

/// Closes and opens secrets of one purpose.
#[derive(Debug)]
pub struct Seal(LessSafeKey);

const NONCE_BYTES: usize = 12;

impl Seal {
    /// Returns the seal of the successor of `presented`: only who presents that token again can open it.
    pub fn of_successor(
        presented: &RefreshToken,
        family: FamilyId,
        generation: u32,
    ) -> Result<Self, SealError> {
        let (family, generation) = (family.to_string(), generation.to_string());
        Self::derive(presented.expose().as_bytes(), &[b"succ", family.as_bytes(), generation.as_bytes()])
    }

    fn derive(secret: &[u8], info: &[&[u8]]) -> Result<Self, SealError> {
        let key = extract(secret);
        let key = key.expand(info, &AES_256_GCM).map_err(|_| SealError::Seal)?;
        Ok(Self(LessSafeKey::new(UnboundKey::from(key))))
    }

    /// Seals `secret`: a random nonce, then the ciphertext with its tag.
    pub fn close(&self, secret: &Secret, entropy: &dyn Entropy) -> Result<Vec<u8>, SealError> {
        let nonce = entropy.bytes::<NONCE_BYTES>()?;
        let mut bytes = secret.expose().as_bytes().to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut bytes)
            .map_err(|_| SealError::Seal)?;
        Ok([nonce.as_slice(), &bytes].concat())
    }

    /// Opens what [`Seal::close`] made.
    pub fn open(&self, sealed: &[u8]) -> Result<Secret, SealError> {
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::WrongKey)?;
        let mut bytes = ciphertext.to_vec();
        let plain = self
            .0
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut bytes)
            .map_err(|_| SealError::WrongKey)?;
        std::str::from_utf8(plain).map(|text| Secret::new(text.to_owned())).map_err(|_| SealError::WrongKey)
    }
}

fn extract(secret: &[u8]) -> hkdf::Prk {
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"keyfob").extract(secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyfob_oauth::Timestamp;

    #[derive(Debug)]
    struct Fixed(u8);

    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
            bytes.fill(self.0);
            Ok(())
        }
    }

    #[test]
    fn i_29_a_successor_opens_only_for_the_token_family_and_generation_it_follows() {
        let family = FamilyId::generate(Timestamp::from_unix(0), &Fixed(1)).unwrap();
        let other = FamilyId::generate(Timestamp::from_unix(0), &Fixed(2)).unwrap();
        let token = RefreshToken::new("kfr_presented");
        let sealed = Seal::of_successor(&token, family, 3)
            .unwrap()
            .close(&Secret::new("kfr_next".into()), &Fixed(9))
            .unwrap();
        let open = |token: &RefreshToken, family, generation| {
            Seal::of_successor(token, family, generation).unwrap().open(&sealed)
        };

        assert_eq!(open(&token, family, 3).unwrap(), Secret::new("kfr_next".into()));
        assert!(matches!(open(&RefreshToken::new("kfr_other"), family, 3), Err(SealError::WrongKey)));
        assert!(matches!(open(&token, other, 3), Err(SealError::WrongKey)));
        assert!(matches!(open(&token, family, 4), Err(SealError::WrongKey)));
        assert!(!sealed.windows(8).any(|window| window == b"kfr_next"));
    }

    #[test]
    fn i_41_a_signing_key_opens_only_with_the_seal_key_that_closed_it() {
        let right = SealKey::generate(&Fixed(1)).unwrap();
        let wrong = SealKey::generate(&Fixed(2)).unwrap();
        let sealed =
            right.signing_key_seal("k").unwrap().close(&Secret::new("pkcs8".into()), &Fixed(3)).unwrap();

        assert!(right.signing_key_seal("k").unwrap().open(&sealed).is_ok());
        assert!(matches!(wrong.signing_key_seal("k").unwrap().open(&sealed), Err(SealError::WrongKey)));
        assert!(matches!(right.signing_key_seal("k").unwrap().open(&[0; 5]), Err(SealError::WrongKey)));
    }
}
