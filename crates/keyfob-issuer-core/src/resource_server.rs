//! A program that is allowed to ask what a token means: a gateway, or another server that tokens are for.

use crate::digest::ServerSecretDigest;
use keyfob_oauth::{Audience, Entropy, EntropyError, secret_newtype};

secret_newtype! {
    /// What a resource server authenticates with; shown once.
    ServerSecret
}

/// A registered resource server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceServer {
    /// Its name, which is also its `client_id` (RFC 7662 §2.1).
    pub id: ServerId,
    /// How its secret rests.
    pub secret: ServerSecretDigest,
    /// Which tokens are for it: it learns nothing of others (I-35).
    pub audience: Audience,
}

/// The name of a resource server: what an administrator calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerId(String);

/// No name is longer.
const LONGEST: usize = 64;

impl ServerId {
    /// Parses lower-case letters, digits, dots and dashes: what needs no escaping in any header.
    pub fn parse(text: &str) -> Option<Self> {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
        let fits = !text.is_empty() && text.len() <= LONGEST && text.bytes().all(legal);
        fits.then(|| Self(text.to_owned()))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ServerSecret {
    /// Makes a secret.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        Ok(Self::new(format!("kfs_{}", entropy.token()?.expose())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_need_no_escaping() {
        assert_eq!(ServerId::parse("gateway-1.eu").unwrap().as_str(), "gateway-1.eu");
        for bad in ["", "Gateway", "a b", "a:b", "a/b", "ü", &"x".repeat(65)] {
            assert_eq!(ServerId::parse(bad), None, "{bad:?}");
        }
    }
}
