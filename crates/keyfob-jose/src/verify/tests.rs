//! The attack corpus of security I-42 and G-33, as far as it goes today.

use super::*;
use crate::SigningKey;
use serde_json::json;

const NOW: Timestamp = Timestamp::from_unix(10_000);
const EXPECTED: Expected<'static> =
    Expected { token_type: TokenType::AccessToken, issuer: "https://id.test", audience: "https://gw.test" };

fn claims() -> Value {
    json!({ "iss": "https://id.test", "aud": "https://gw.test", "sub": "u", "exp": 10_600, "iat": 10_000 })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

struct World {
    key: SigningKey,
    keys: KeySet,
}

impl World {
    fn new() -> Self {
        let key = SigningKey::generate().unwrap();
        let keys = KeySet::parse(key.key_set().to_string().as_bytes()).unwrap();
        Self { key, keys }
    }

    fn outcome(&self, claims: &Value) -> Result<Claims, VerifyError> {
        let token = self.key.sign(TokenType::AccessToken, claims).unwrap();
        self.keys.verify(&token, &EXPECTED, NOW)
    }

    fn with_header(&self, header: &Value) -> Result<Claims, VerifyError> {
        let token = self.key.sign(TokenType::AccessToken, &claims()).unwrap();
        let rest = token.split_once('.').unwrap().1;
        let forged = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()));
        self.keys.verify(&forged, &EXPECTED, NOW)
    }
}

#[test]
fn a_good_token_gives_its_claims() {
    let world = World::new();

    assert_eq!(world.outcome(&claims()).unwrap().text("sub"), Some("u"));
    assert!(world.outcome(&with("aud", json!(["x", "https://gw.test"]))).is_ok());
}

#[test]
fn g_34_issuer_audience_and_times_are_checked() {
    let world = World::new();
    let cases = [
        ("iss", json!("https://id.test/"), VerifyError::WrongIssuer),
        ("iss", json!(null), VerifyError::WrongIssuer),
        ("aud", json!("https://gw.test/"), VerifyError::WrongAudience),
        ("aud", json!(["https://other.test"]), VerifyError::WrongAudience),
        ("exp", json!(9_940), VerifyError::Expired),
        ("exp", json!("10600"), VerifyError::Malformed),
        ("exp", json!(null), VerifyError::Malformed),
        ("exp", json!(10_600.5), VerifyError::Malformed),
        ("nbf", json!(10_061), VerifyError::NotYetValid),
        ("nbf", json!("0"), VerifyError::Malformed),
        ("iat", json!(10_061), VerifyError::NotYetValid),
    ];
    for (name, value, expected) in cases {
        assert_eq!(world.outcome(&with(name, value.clone())), Err(expected), "{name} = {value}");
    }
    assert!(world.outcome(&with("exp", json!(9_941))).is_ok(), "a clock may be a minute late");
}

#[test]
fn i_42_tokens_that_choose_their_own_rules_are_refused() {
    let world = World::new();
    let kid = world.key.id();
    let jwk = SigningKey::generate().unwrap().public_jwk();
    let cases = [
        (json!({"alg":"none","typ":"at+jwt","kid":kid}), VerifyError::BadSignature),
        (json!({"alg":"None","typ":"at+jwt","kid":kid}), VerifyError::BadSignature),
        (json!({"alg":"HS256","typ":"at+jwt","kid":kid}), VerifyError::BadSignature),
        (json!({"alg":"RS256","typ":"at+jwt","kid":kid}), VerifyError::BadSignature),
        (json!({"alg":"ES256","typ":"at+jwt","kid":kid,"jwk":jwk}), VerifyError::BadSignature),
        (json!({"alg":"ES256","typ":"JWT","kid":kid}), VerifyError::WrongType),
        (json!({"alg":"ES256","kid":kid}), VerifyError::WrongType),
        (json!({"alg":"ES256","typ":"at+jwt"}), VerifyError::Malformed),
        (json!({"alg":"ES256","typ":"at+jwt","kid":"../../etc/passwd"}), VerifyError::UnknownKey),
        (json!({"alg":"ES256","typ":"at+jwt","kid":"' OR 1=1"}), VerifyError::UnknownKey),
        (json!({"alg":"ES256","typ":"at+jwt","kid":kid,"crit":["x"]}), VerifyError::Malformed),
        (json!({"alg":"ES256","typ":"at+jwt","kid":kid,"zip":"DEF"}), VerifyError::Malformed),
        (json!({"alg":"dir","enc":"A256GCM","typ":"at+jwt","kid":kid}), VerifyError::Malformed),
        (json!({"alg":"ES256","typ":"at+jwt","kid":kid,"b64":false}), VerifyError::Malformed),
        (json!({"alg":7}), VerifyError::Malformed),
        (json!("ES256"), VerifyError::Malformed),
    ];
    for (header, expected) in cases {
        assert_eq!(world.with_header(&header), Err(expected), "{header}");
    }
}

#[test]
fn i_42_tokens_of_no_acceptable_form_are_refused() {
    let world = World::new();
    let good = world.key.sign(TokenType::AccessToken, &claims()).unwrap();
    let parts: Vec<&str> = good.split('.').collect();
    let malformed = [
        String::new(),
        "at-something".into(),
        "..".into(),
        format!("{}..{}", parts[0], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{good}.x"),
        format!("{}=.{}.{}", parts[0], parts[1], parts[2]),
        format!(" {good}"),
        format!("{}.{}.{}", parts[0], "A".repeat(17_000), parts[2]),
    ];
    for token in malformed {
        let outcome = world.keys.verify(&token, &EXPECTED, NOW);
        assert_eq!(outcome, Err(VerifyError::Malformed), "{token:.80}");
    }
    let other = SigningKey::generate().unwrap().sign(TokenType::AccessToken, &claims()).unwrap();
    assert_eq!(world.keys.verify(&other, &EXPECTED, NOW), Err(VerifyError::UnknownKey));
    let mut flipped = good.clone();
    let last = if flipped.pop() == Some('A') { 'Q' } else { 'A' };
    flipped.push(last);
    assert_eq!(world.keys.verify(&flipped, &EXPECTED, NOW), Err(VerifyError::BadSignature));
}
