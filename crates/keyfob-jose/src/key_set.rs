//! Published keys (RFC 7517 §5).

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};

/// The public keys of one issuer, each with the one algorithm that it may be used with.
#[derive(Clone, Debug, Default)]
pub struct KeySet(Vec<PublicKey>);

#[derive(Clone)]
pub(crate) struct PublicKey {
    pub(crate) id: String,
    pub(crate) algorithm: Algorithm,
    pub(crate) decoding: DecodingKey,
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PublicKey")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// A document is no usable set of keys.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKeySet {
    /// It is not JSON of the right shape.
    #[error("the key set is not JSON of RFC 7517")]
    NotJson(#[source] serde_json::Error),
    /// It holds more keys than any issuer needs.
    #[error("the key set holds more than {MOST_KEYS} keys")]
    TooMany,
    /// None of its keys is one that we verify with.
    #[error("the key set holds no ES256, EdDSA or RS256 signing key with a name")]
    NoUsableKey,
}

const MOST_KEYS: usize = 100;

#[derive(serde::Deserialize)]
struct Wire {
    keys: Vec<serde_json::Value>,
}

impl KeySet {
    /// Parses a published set; keys of other kinds are passed over.
    pub fn parse(document: &[u8]) -> Result<Self, InvalidKeySet> {
        crate::choose_cryptography();
        let wire: Wire = serde_json::from_slice(document).map_err(InvalidKeySet::NotJson)?;
        if wire.keys.len() > MOST_KEYS {
            return Err(InvalidKeySet::TooMany);
        }
        let keys: Vec<PublicKey> = wire.keys.into_iter().filter_map(usable).collect();
        if keys.is_empty() { Err(InvalidKeySet::NoUsableKey) } else { Ok(Self(keys)) }
    }

    /// Whether a key of this name is in the set.
    pub fn contains(&self, id: &str) -> bool {
        self.find(id).is_some()
    }

    pub(crate) fn find(&self, id: &str) -> Option<&PublicKey> {
        self.0.iter().find(|key| key.id == id)
    }
}

/// Returns the key if it is named, for signatures, and of a kind that we verify.
fn usable(value: serde_json::Value) -> Option<PublicKey> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    if jwk.common.public_key_use.as_ref().is_some_and(|usage| *usage != PublicKeyUse::Signature) {
        return None;
    }
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(p) if p.curve == EllipticCurve::P256 => Algorithm::ES256,
        AlgorithmParameters::OctetKeyPair(p) if p.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        _ => return None,
    };
    let declared = match (jwk.common.key_algorithm, algorithm) {
        (None, _)
        | (Some(KeyAlgorithm::ES256), Algorithm::ES256)
        | (Some(KeyAlgorithm::EdDSA), Algorithm::EdDSA)
        | (Some(KeyAlgorithm::RS256), Algorithm::RS256) => true,
        (Some(_), _) => false,
    };
    let decoding = DecodingKey::from_jwk(&jwk).ok()?;
    let id = jwk.common.key_id?;
    declared.then_some(PublicKey { id, algorithm, decoding })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_36_sets_without_a_usable_key_are_refused() {
        let parse = |document: &str| KeySet::parse(document.as_bytes());

        assert!(matches!(parse("<html>"), Err(InvalidKeySet::NotJson(_))));
        assert!(matches!(parse(r#"{"keys":[]}"#), Err(InvalidKeySet::NoUsableKey)));
        let symmetric = r#"{"keys":[{"kty":"oct","kid":"a","k":"c2VjcmV0"}]}"#;
        assert!(matches!(parse(symmetric), Err(InvalidKeySet::NoUsableKey)));
        let many = format!(r#"{{"keys":[{}]}}"#, vec!["{}"; 101].join(","));
        assert!(matches!(parse(&many), Err(InvalidKeySet::TooMany)));
    }
}
