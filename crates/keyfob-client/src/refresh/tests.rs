//! The refresh, event by event.

use super::*;
use keyfob_codex::auth_file::Provenance;
use keyfob_jose::{SigningKey, TokenType};
use keyfob_oauth::{IdToken, RefreshToken};
use serde_json::json;

const NOW: Timestamp = Timestamp::from_unix(10_000);

struct Tokens(SigningKey);

impl Tokens {
    fn new() -> Self {
        Self(SigningKey::generate().unwrap())
    }

    fn access(&self, expires: i64) -> AccessToken {
        AccessToken::new(self.0.sign(TokenType::AccessToken, &json!({ "iat": 0, "exp": expires })).unwrap())
    }

    fn id(&self, subject: &str) -> IdToken {
        let claims = json!({ "sub": subject, "https://api.openai.com/auth": { "chatgpt_account_id": "ws" } });
        IdToken::new(self.0.sign(TokenType::IdToken, &claims).unwrap())
    }

    fn record(&self, expires: i64, refresh_token: &str) -> AuthFile {
        let tokens = AccountTokens {
            access_token: self.access(expires),
            refresh_token: Some(RefreshToken::new(refresh_token)),
            id_token: self.id("mia"),
            provenance: Some(Provenance {
                issuer: IssuerUrl::parse("https://id.test").unwrap(),
                client_id: ClientId::new("app"),
            }),
            account_id: Some("ws".into()),
            last_refresh: None,
        };
        AuthFile::of_account(&tokens, "owner")
    }

    fn response(&self, subject: &str) -> TokenResponse {
        TokenResponse {
            access_token: self.access(20_000),
            refresh_token: Some(RefreshToken::new("rt2")),
            id_token: Some(self.id(subject)),
            expires_in: None,
        }
    }
}

fn slot(record: &AuthFile) -> Slot {
    let digest = Digest::of(record.to_text().as_bytes());
    Slot::Holds { digest, record: Box::new(record.clone()) }
}

fn loaded(record: &AuthFile) -> Event {
    Event::Loaded(Ok(slot(record)), NOW)
}

/// A refresh that has read `record` under the lock.
fn after_load(record: &AuthFile) -> (Refresh, Effect) {
    let (mut refresh, effect) = Refresh::begin(Jitter::NONE);
    assert!(matches!(effect, Effect::Lock));
    assert!(matches!(refresh.step(Event::Locked(Ok(()))), Effect::Load));
    let effect = refresh.step(loaded(record));
    (refresh, effect)
}

fn after_post(record: &AuthFile) -> Refresh {
    let (mut refresh, effect) = after_load(record);
    assert!(matches!(effect, Effect::Prepare));
    let Effect::Post(issuer, request) = refresh.step(Event::Prepared(Ok(()))) else { panic!("a post") };
    assert_eq!(issuer.as_str(), "https://id.test");
    let form = [("grant_type", "refresh_token"), ("client_id", "app"), ("refresh_token", "rt1")];
    assert_eq!(request.form(), form);
    refresh
}

fn disk_full() -> StoreError {
    StoreError::Write { path: "auth.json".into(), source: std::io::ErrorKind::StorageFull.into() }
}

#[test]
fn s_12_an_expired_token_is_refreshed_and_stored_before_it_is_given_out() {
    let tokens = Tokens::new();
    let record = tokens.record(9_000, "rt1");
    let mut refresh = after_post(&record);

    let response = tokens.response("mia");
    let Effect::Save(expected, saved) = refresh.step(Event::Answered(Ok(response.clone()), NOW)) else {
        panic!("a save")
    };

    assert_eq!(expected, Digest::of(record.to_text().as_bytes()));
    let mut wanted = record;
    wanted.replace_tokens(
        &response.access_token,
        response.refresh_token.as_ref(),
        response.id_token.as_ref(),
    );
    wanted.set_last_refresh(NOW);
    assert_eq!(*saved, wanted);
    let Effect::Done(Ok(token)) = refresh.step(Event::Saved(Ok(expected))) else { panic!("a token") };
    assert_eq!(token, response.access_token);
}

#[test]
fn c_57_what_another_process_refreshed_is_adopted_without_asking_the_issuer() {
    let tokens = Tokens::new();
    let fresh = tokens.record(20_000, "rt2");

    let (_, effect) = after_load(&fresh);

    let Effect::Done(Ok(token)) = effect else { panic!("a token") };
    let Login::Account(stored) = fresh.login() else { panic!("an account") };
    assert_eq!(token, stored.access_token);
}

#[test]
fn r_11_no_token_is_spent_when_the_disk_would_not_take_the_next_one() {
    let tokens = Tokens::new();
    let (mut expired, _) = after_load(&tokens.record(9_000, "rt1"));
    let (mut usable, _) = after_load(&tokens.record(10_300, "rt1"));

    let refused = expired.step(Event::Prepared(Err(disk_full())));
    let given = usable.step(Event::Prepared(Err(disk_full())));

    assert!(matches!(refused, Effect::Done(Err(RefreshError::Store(StoreError::Write { .. })))));
    assert!(matches!(given, Effect::Done(Ok(_))));
}

#[test]
fn c_58_a_refusal_ends_the_session_and_trouble_does_not() {
    let tokens = Tokens::new();
    let mut ended = after_post(&tokens.record(9_000, "rt1"));
    let mut troubled = after_post(&tokens.record(9_000, "rt1"));
    let mut usable = after_post(&tokens.record(10_300, "rt1"));
    let trouble = || TokenError::Refused { status: 503, code: None, description: None };

    let reused = TokenError::Rejected(Some(RefreshRejection::Reused));
    let ended = ended.step(Event::Answered(Err(reused), NOW));
    let troubled = troubled.step(Event::Answered(Err(trouble()), NOW));
    let usable = usable.step(Event::Answered(Err(trouble()), NOW));

    let Effect::Done(Err(RefreshError::Ended { reason, .. })) = ended else { panic!("an end") };
    assert_eq!(reason, Some(RefreshRejection::Reused));
    assert!(matches!(troubled, Effect::Done(Err(RefreshError::Unavailable { .. }))));
    assert!(matches!(usable, Effect::Done(Ok(_))));
}

#[test]
fn c_59_tokens_of_another_account_are_not_kept() {
    let tokens = Tokens::new();
    let mut refresh = after_post(&tokens.record(9_000, "rt1"));

    let effect = refresh.step(Event::Answered(Ok(tokens.response("eve")), NOW));

    assert!(matches!(effect, Effect::Done(Err(RefreshError::OtherAccount(_)))));
}

#[test]
fn a_login_that_changed_during_the_refresh_is_adopted_and_not_overwritten() {
    let tokens = Tokens::new();
    let mut refresh = after_post(&tokens.record(9_000, "rt1"));
    refresh.step(Event::Answered(Ok(tokens.response("mia")), NOW));

    let effect = refresh.step(Event::Saved(Err(StoreError::Changed)));
    assert!(matches!(effect, Effect::Load));
    let newer = tokens.record(30_000, "rt9");
    let effect = refresh.step(loaded(&newer));

    let Effect::Done(Ok(token)) = effect else { panic!("a token") };
    let Login::Account(stored) = newer.login() else { panic!("an account") };
    assert_eq!(token, stored.access_token);
}

#[test]
fn a_login_without_tokens_says_what_it_is() {
    let load = |slot: Slot| {
        let (mut refresh, _) = Refresh::begin(Jitter::NONE);
        refresh.step(Event::Locked(Ok(())));
        refresh.step(Event::Loaded(Ok(slot), NOW))
    };
    let key = AuthFile::parse(br#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk"}"#).unwrap();

    assert!(matches!(load(Slot::Empty), Effect::Done(Err(RefreshError::SignedOut))));
    assert!(
        matches!(load(slot(&key)), Effect::Done(Err(RefreshError::NotAnAccount(kind))) if kind == "API key")
    );
}
