//! Proof Key for Code Exchange, method S256 only (RFC 7636; `plain` is left out on purpose).

use crate::{Entropy, EntropyError};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

crate::secret_newtype! {
    /// The client's proof: 43 to 128 unreserved characters (RFC 7636 §4.1).
    CodeVerifier
}

/// A text is no verifier or challenge of RFC 7636.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a PKCE value of RFC 7636")]
pub struct InvalidPkce;

impl CodeVerifier {
    /// Makes a verifier of 86 characters from 64 random bytes.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        Ok(Self::new(URL_SAFE_NO_PAD.encode(entropy.bytes::<64>()?)))
    }

    /// Parses; length and alphabet are those of RFC 7636 §4.1.
    pub fn parse(text: &str) -> Result<Self, InvalidPkce> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        if (43..=128).contains(&text.len()) && text.bytes().all(legal) {
            Ok(Self::new(text))
        } else {
            Err(InvalidPkce)
        }
    }

    /// Returns the S256 challenge of this verifier (RFC 7636 §4.2).
    pub fn challenge(&self) -> CodeChallenge {
        CodeChallenge(URL_SAFE_NO_PAD.encode(Sha256::digest(self.expose())))
    }
}

/// What the issuer keeps: the base64url SHA-256 of the verifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeChallenge(String);

impl CodeChallenge {
    /// Parses 43 characters of base64url.
    pub fn parse(text: &str) -> Result<Self, InvalidPkce> {
        match URL_SAFE_NO_PAD.decode(text) {
            Ok(bytes) if bytes.len() == 32 => Ok(Self(text.to_owned())),
            _ => Err(InvalidPkce),
        }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `verifier` is the proof of this challenge; compared in constant time.
    pub fn is_answered_by(&self, verifier: &CodeVerifier) -> bool {
        self.0.as_bytes().ct_eq(verifier.challenge().0.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug)]
    struct Counting(std::sync::atomic::AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
            bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
            Ok(())
        }
    }

    #[test]
    fn c_01_verifiers_are_legal_and_new_each_time() {
        let entropy = Counting(0.into());
        let first = CodeVerifier::generate(&entropy).unwrap();
        let second = CodeVerifier::generate(&entropy).unwrap();

        assert_ne!(first, second);
        assert_eq!(first.expose().len(), 86);
        assert_eq!(CodeVerifier::parse(first.expose()).as_ref(), Ok(&first));
        assert!(!first.challenge().is_answered_by(&second));
    }

    proptest! {
        #[test]
        fn only_legal_lengths_and_characters_are_verifiers(text in ".{0,140}") {
            let legal = text.len() >= 43 && text.len() <= 128
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c));
            prop_assert_eq!(CodeVerifier::parse(&text).is_ok(), legal);
        }
    }
}
