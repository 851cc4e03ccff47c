//! Signatures of the chain's end, by a key that no database holds.

use crate::audit::Head;
use crate::seal::{SealError, SealKey};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use keyfob_oauth::Timestamp;

/// The end of the chain at some moment, signed: no entry up to it has changed since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead {
    /// The last entry at that moment.
    pub head: Head,
    /// The moment.
    pub signed_at: Timestamp,
    /// An Ed25519 signature (RFC 8032); base64url without padding.
    pub signature: String,
}

/// What signs: it follows from the seal key, and so never changes while that does not.
#[derive(Debug)]
pub struct AuditKey(Ed25519KeyPair);

/// What verifies: 32 bytes, which anybody may know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey(Vec<u8>);

impl AuditKey {
    /// Returns the key that belongs to this seal key.
    pub fn of(seal_key: &SealKey) -> Result<Self, SealError> {
        let seed = seal_key.audit_seed()?;
        Ed25519KeyPair::from_seed_unchecked(&*seed).map(Self).map_err(|_| SealError::Seal)
    }

    /// Signs `head`.
    pub fn sign(&self, head: Head, now: Timestamp) -> SignedHead {
        let signature = self.0.sign(message(&head, now).as_bytes());
        SignedHead { signature: URL_SAFE_NO_PAD.encode(signature), head, signed_at: now }
    }

    /// Returns what verifies its signatures.
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.public_key().as_ref().to_vec())
    }
}

impl VerifyingKey {
    /// Reads the form that people copy: base64url without padding.
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 32).map(Self)
    }

    pub(crate) fn fits(&self, signed: &SignedHead) -> bool {
        let message = message(&signed.head, signed.signed_at);
        let key = UnparsedPublicKey::new(&ED25519, &self.0);
        URL_SAFE_NO_PAD
            .decode(&signed.signature)
            .is_ok_and(|signature| key.verify(message.as_bytes(), &signature).is_ok())
    }
}

impl std::fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

fn message(head: &Head, signed_at: Timestamp) -> String {
    format!("keyfob audit head\n{}\n{}\n{}", head.sequence, head.hash, signed_at.as_unix())
}
