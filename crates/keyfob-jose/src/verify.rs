//! Verifying: the one door from a token to its claims (RFC 8725, RFC 9068 §4).

use crate::{Claims, KeySet};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Validation;
use keyfob_oauth::Timestamp;
use serde_json::{Map, Value};
use std::time::Duration;

/// What a token is for; the header's `typ` keeps one kind from passing as another (RFC 8725 §3.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// An access token, `at+jwt` (RFC 9068 §2.1).
    AccessToken,
    /// An ID token, `JWT` or no type.
    IdToken,
    /// An answer of the revocation feed; a type of ours.
    Revocations,
    /// A logout token, `logout+jwt` (OpenID Connect Back-Channel Logout 1.0 §2.4).
    Logout,
}

impl TokenType {
    /// Returns the word in the header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "at+jwt",
            Self::IdToken => "JWT",
            Self::Revocations => "keyfob-revocations+jwt",
            Self::Logout => "logout+jwt",
        }
    }

    fn allows(self, typ: Option<&str>) -> bool {
        match self {
            Self::AccessToken => typ.is_some_and(|typ| {
                typ.eq_ignore_ascii_case("at+jwt") || typ.eq_ignore_ascii_case("application/at+jwt")
            }),
            Self::IdToken => typ.is_none_or(|typ| typ.eq_ignore_ascii_case("jwt")),
            Self::Revocations | Self::Logout => typ == Some(self.as_str()),
        }
    }
}

/// What a token must say.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Its kind.
    pub token_type: TokenType,
    /// Its `iss`, exactly.
    pub issuer: &'a str,
    /// In its `aud`, exactly.
    pub audience: &'a str,
}

/// A token is not accepted; the caller is told no more than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// It is no signed token of an acceptable form.
    #[error("the token is malformed")]
    Malformed,
    /// It names no key of the issuer; the set may be out of date.
    #[error("the token is signed with a key that the issuer does not publish")]
    UnknownKey,
    /// The signature does not fit.
    #[error("the signature does not fit")]
    BadSignature,
    /// It is another kind of token.
    #[error("the token is of another kind")]
    WrongType,
    /// It comes from another issuer.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// It is meant for somebody else.
    #[error("the token is for another audience")]
    WrongAudience,
    /// Its time is over.
    #[error("the token is expired")]
    Expired,
    /// Its time has not come, or it lives longer than any token should.
    #[error("the token is not valid at this time")]
    NotYetValid,
}

/// How far two clocks may differ.
const CLOCK_SKEW: Duration = Duration::from_mins(1);
/// No token of a login is longer than this.
const MOST_BYTES: usize = 16 * 1024;

#[derive(serde::Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
    zip: Option<Value>,
    enc: Option<Value>,
    b64: Option<Value>,
}

impl KeySet {
    /// Returns the claims of `token` if its signature fits one of these keys and it says what is `expected` at `now`.
    pub fn verify(
        &self,
        token: &str,
        expected: &Expected<'_>,
        now: Timestamp,
    ) -> Result<Claims, VerifyError> {
        let header = header(token)?;
        let key =
            self.find(header.kid.as_deref().ok_or(VerifyError::Malformed)?).ok_or(VerifyError::UnknownKey)?;
        // The key decides the algorithm; a token that asks for another one is not even tried.
        if header.alg != format!("{:?}", key.algorithm) {
            return Err(VerifyError::BadSignature);
        }
        if !expected.token_type.allows(header.typ.as_deref()) {
            return Err(VerifyError::WrongType);
        }
        let mut signature_only = Validation::new(key.algorithm);
        signature_only.required_spec_claims.clear();
        signature_only.validate_exp = false;
        signature_only.validate_aud = false;
        let claims = jsonwebtoken::decode::<Map<String, Value>>(token, &key.decoding, &signature_only)
            .map_err(|_| VerifyError::BadSignature)?
            .claims;
        check(Claims::new(claims), expected, now)
    }
}

fn header(token: &str) -> Result<Header, VerifyError> {
    let parts: Vec<&str> = token.split('.').collect();
    let [head, payload, signature] = parts[..] else { return Err(VerifyError::Malformed) };
    if token.len() > MOST_BYTES || payload.is_empty() || signature.is_empty() {
        return Err(VerifyError::Malformed);
    }
    let bytes = URL_SAFE_NO_PAD.decode(head).map_err(|_| VerifyError::Malformed)?;
    let header: Header = serde_json::from_slice(&bytes).map_err(|_| VerifyError::Malformed)?;
    let unusual =
        header.crit.is_some() || header.zip.is_some() || header.enc.is_some() || header.b64.is_some();
    if unusual { Err(VerifyError::Malformed) } else { Ok(header) }
}

fn check(claims: Claims, expected: &Expected<'_>, now: Timestamp) -> Result<Claims, VerifyError> {
    if claims.text("iss") != Some(expected.issuer) {
        return Err(VerifyError::WrongIssuer);
    }
    if !claims.is_for(expected.audience) {
        return Err(VerifyError::WrongAudience);
    }
    let expires = claims.time("exp").ok_or(VerifyError::Malformed)?;
    if now >= expires.plus(CLOCK_SKEW) {
        return Err(VerifyError::Expired);
    }
    for earliest in ["nbf", "iat"] {
        match (claims.get(earliest), claims.time(earliest)) {
            (None, _) => {}
            (Some(_), Some(moment)) if moment <= now.plus(CLOCK_SKEW) => {}
            (Some(_), Some(_)) => return Err(VerifyError::NotYetValid),
            (Some(_), None) => return Err(VerifyError::Malformed),
        }
    }
    Ok(claims)
}

#[cfg(test)]
mod tests;
