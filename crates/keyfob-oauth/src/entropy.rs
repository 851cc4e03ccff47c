//! Randomness as an argument.

use crate::Secret;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// A source of cryptographically secure random bytes.
pub trait Entropy: Send + Sync + std::fmt::Debug {
    /// Fills `bytes` completely or fails; a failure leaves no usable bytes.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError>;
}

impl dyn Entropy + '_ {
    /// Returns `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], EntropyError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Returns 256 random bits as 43 characters of base64url: the size of every one-time value here.
    pub fn token(&self) -> Result<Secret, EntropyError> {
        Ok(Secret::new(URL_SAFE_NO_PAD.encode(self.bytes::<32>()?)))
    }
}

/// The operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct EntropyError;
