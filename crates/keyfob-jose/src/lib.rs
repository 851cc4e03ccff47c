//! JSON Web Keys and Tokens: sign, publish, verify (RFC 7515, RFC 7517, RFC 7519).
//!
//! [`SigningKey`] signs what an issuer hands out; [`KeySet`] is what it publishes; [`KeySet::verify`] is the one door
//! through which a token becomes [`Claims`].
//!
//! It refuses: `none` and HMAC signatures, keys or addresses that a token brings along (`jwk`, `jku`, `x5c`, `x5u`),
//! an algorithm chosen by the token (the key decides), critical headers it does not know, encrypted or compressed
//! tokens, numbers in strings, and reading a clock: the moment is an argument.
//!
//! ```
//! use keyfob_jose::{Expected, KeySet, SigningKey, TokenType};
//! use keyfob_oauth::Timestamp;
//!
//! let key = SigningKey::generate().unwrap();
//! let token = key.sign(TokenType::AccessToken, &serde_json::json!({
//!     "iss": "https://id.example.org", "aud": "https://gateway.example.org", "exp": 2_000, "sub": "u-1",
//! })).unwrap();
//!
//! let keys = KeySet::parse(key.key_set().to_string().as_bytes()).unwrap();
//! let expected = Expected {
//!     token_type: TokenType::AccessToken,
//!     issuer: "https://id.example.org",
//!     audience: "https://gateway.example.org",
//! };
//! let claims = keys.verify(&token, &expected, Timestamp::from_unix(1_000)).unwrap();
//! assert_eq!(claims.text("sub"), Some("u-1"));
//! ```

mod claims;
mod key_set;
mod signing_key;
mod unverified;
mod verify;

pub use claims::Claims;
pub use key_set::{InvalidKeySet, KeySet};
pub use signing_key::{SigningError, SigningKey};
pub use unverified::{Lifetime, read_unverified};
pub use verify::{Expected, TokenType, VerifyError};

/// Chooses the one cryptographic library for the whole process; safe to call more than once.
///
/// Another crate in the graph may enable a second one, and the first use would then panic.
fn choose_cryptography() {
    // An error means that a provider was chosen before, which is what we want.
    let _already_chosen = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
}
