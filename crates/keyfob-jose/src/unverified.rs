//! Reading a token without believing it.

use crate::Claims;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use keyfob_oauth::Timestamp;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// Returns the payload of a token whose signature was not checked, or nothing if it has none.
///
/// Good for what its holder may read about itself (an expiry, a name to show); never for a decision about others.
pub fn read_unverified(token: &str) -> Option<Claims> {
    serde_json::from_slice(&payload(token)?).ok().map(Claims::new)
}

/// When a token was issued and when it ends, as far as it says: what its holder looks at before each use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifetime {
    /// The claim `iat`, if it is a `NumericDate` in whole seconds.
    pub issued: Option<Timestamp>,
    /// The claim `exp`, likewise.
    pub expires: Option<Timestamp>,
}

impl Lifetime {
    /// Reads the lifetime of a token whose signature was not checked, or nothing if it has no payload; the other
    /// claims are passed over.
    pub fn read_unverified(token: &str) -> Option<Self> {
        serde_json::from_slice(&payload(token)?).ok()
    }
}

fn payload(token: &str) -> Option<Vec<u8>> {
    let mut parts = token.split('.');
    let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    URL_SAFE_NO_PAD.decode(payload).ok()
}

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Claim {
    Iat,
    Exp,
    #[serde(other)]
    Other,
}

/// As [`Claims::time`] reads them: of a claim that is there twice the last, and what is no whole number is none.
impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Payload;

        impl<'de> Visitor<'de> for Payload {
            type Value = Lifetime;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Lifetime, A::Error> {
                let mut lifetime = Lifetime::default();
                while let Some(claim) = map.next_key::<Claim>()? {
                    let place = match claim {
                        Claim::Iat => &mut lifetime.issued,
                        Claim::Exp => &mut lifetime.expires,
                        Claim::Other => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    *place = map.next_value::<Value>()?.as_i64().map(Timestamp::from_unix);
                }
                Ok(lifetime)
            }
        }

        deserializer.deserialize_map(Payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_what_the_claims_say() {
        for payload in [
            r#"{"iat":100,"exp":200,"sub":"u"}"#,
            r#"{"exp":200,"nested":{"exp":1,"iat":[{"exp":2}]},"iat":-7}"#,
            r#"{"exp":1,"iat":1,"\u0065xp":2,"iat":3}"#,
            r#"{"exp":1.5,"iat":1e3}"#,
            r#"{"exp":"200","iat":null}"#,
            r#"{"exp":18446744073709551615,"iat":9223372036854775807}"#,
            r#"{"exp":{"exp":1},"iat":[1]}"#,
            "{}",
            "[]",
            "7",
            r#"{"exp":200"#,
            r#"{"exp":200} x"#,
            "",
        ] {
            let token = format!("e30.{}.s", URL_SAFE_NO_PAD.encode(payload));
            let claims = read_unverified(&token)
                .map(|claims| Lifetime { issued: claims.time("iat"), expires: claims.time("exp") });

            assert_eq!(Lifetime::read_unverified(&token), claims, "{payload}");
        }
        for token in ["opaque", "a.b", "e30.!.s", ""] {
            assert_eq!(Lifetime::read_unverified(token), None, "{token}");
        }
    }
}
