//! The private key of an issuer: ES256.

use crate::TokenType;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{Jwk, KeyAlgorithm, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey};
use keyfob_oauth::Secret;
use std::sync::Arc;

/// A P-256 key that signs with ES256; its name is its thumbprint (RFC 7638).
#[derive(Clone)]
pub struct SigningKey {
    /// Parsed once: that checks the key, which takes longer than to sign.
    pair: Arc<EcdsaKeyPair>,
    pkcs8: Secret,
    public: Jwk,
    id: String,
}

/// A key cannot be made, read or used.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The library made no key.
    #[error("cannot make a signing key")]
    Generate,
    /// The bytes are no P-256 private key in PKCS#8.
    #[error("not a P-256 private key in PKCS#8 (`-----BEGIN PRIVATE KEY-----`)")]
    NotAKey,
    /// The claims are no JSON.
    #[error("cannot write the claims")]
    Write(#[from] serde_json::Error),
    /// The library did not sign.
    #[error("cannot sign the token")]
    Sign,
}

/// Most claims are shorter.
const USUAL_BYTES: usize = 1024;
/// How long a signature is, in base64.
const SIGNATURE_BYTES: usize = 86;

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Makes a new key.
    pub fn generate() -> Result<Self, SigningError> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map_err(|_| SigningError::Generate)?;
        Self::from_pkcs8(document.as_ref())
    }

    /// Reads a key in PKCS#8 DER.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, SigningError> {
        crate::choose_cryptography();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der);
        let pair = Arc::new(pair.map_err(|_| SigningError::NotAKey)?);
        let encoding = EncodingKey::from_ec_der(der);
        let mut public =
            Jwk::from_encoding_key(&encoding, Algorithm::ES256).map_err(|_| SigningError::NotAKey)?;
        let id = public.thumbprint(ThumbprintHash::SHA256).map_err(|_| SigningError::NotAKey)?;
        public.common.key_id = Some(id.clone());
        public.common.key_algorithm = Some(KeyAlgorithm::ES256);
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self { pair, pkcs8: Secret::new(STANDARD.encode(der)), public, id })
    }

    /// Reads a key in PEM, as `openssl genpkey` writes it.
    pub fn from_pem(pem: &str) -> Result<Self, SigningError> {
        let body: String = pem
            .lines()
            .skip_while(|line| line.trim() != "-----BEGIN PRIVATE KEY-----")
            .skip(1)
            .take_while(|line| line.trim() != "-----END PRIVATE KEY-----")
            .flat_map(|line| line.trim().chars())
            .collect();
        Self::from_pkcs8(&STANDARD.decode(body).map_err(|_| SigningError::NotAKey)?)
    }

    /// Returns the key in PKCS#8 DER as base64, for sealing at rest.
    pub fn to_pkcs8_base64(&self) -> &Secret {
        &self.pkcs8
    }

    /// Returns the key's name, `kid`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the public key as a JSON Web Key.
    pub fn public_jwk(&self) -> serde_json::Value {
        serde_json::to_value(&self.public).unwrap_or_default()
    }

    /// Returns the published form of this key alone (RFC 7517 §5).
    pub fn key_set(&self) -> serde_json::Value {
        serde_json::json!({ "keys": [self.public_jwk()] })
    }

    /// Signs `claims` as a token of `token_type` (RFC 7515 §3.1).
    pub fn sign<T: serde::Serialize>(
        &self,
        token_type: TokenType,
        claims: &T,
    ) -> Result<String, SigningError> {
        // Nothing in it has to be escaped: a thumbprint is base64.
        let header = format!(r#"{{"typ":"{}","alg":"ES256","kid":"{}"}}"#, token_type.as_str(), self.id);
        let mut payload = Vec::with_capacity(USUAL_BYTES);
        serde_json::to_writer(&mut payload, claims)?;
        let mut token = String::with_capacity((header.len() + payload.len()) * 4 / 3 + 4 + SIGNATURE_BYTES);
        URL_SAFE_NO_PAD.encode_string(header, &mut token);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature = self.pair.sign(&SystemRandom::new(), token.as_bytes());
        let signature = signature.map_err(|_| SigningError::Sign)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_from_its_stored_form_under_the_same_name() {
        let key = SigningKey::generate().unwrap();
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", key.pkcs8.expose());

        assert_eq!(SigningKey::from_pem(&pem).unwrap().id(), key.id());
        assert!(matches!(
            SigningKey::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA"),
            Err(SigningError::NotAKey)
        ));
        assert!(!format!("{key:?}").contains(key.pkcs8.expose()));
    }

    #[test]
    fn a_header_names_the_type_the_algorithm_and_the_key_and_nothing_else() {
        let key = SigningKey::generate().unwrap();
        for token_type in
            [TokenType::AccessToken, TokenType::IdToken, TokenType::Revocations, TokenType::Logout]
        {
            let token = key.sign(token_type, &serde_json::json!({})).unwrap();
            let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();

            let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
            let expected = serde_json::json!({ "typ": token_type.as_str(), "alg": "ES256", "kid": key.id() });
            assert_eq!(header, expected);
        }
    }

    #[test]
    fn i_40_the_published_key_has_no_private_member() {
        let key = SigningKey::generate().unwrap();
        let members: Vec<String> = key.public_jwk().as_object().unwrap().keys().cloned().collect();

        assert_eq!(members, ["use", "alg", "kid", "kty", "crv", "x", "y"]);
    }
}
