//! The refresh, event by event.

use super::*;
use crate::freshness::{Jitter, Need};
use crate::http::HttpError;
use crate::store::LockError;
use keyfob_codex::auth_file::{AccountTokens, Login, Provenance};
use keyfob_jose::{SigningKey, TokenType};
use keyfob_oauth::{IdToken, TokenResponse};
use serde_json::json;

mod waiting;

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

    fn response(&self, subject: &str) -> Redeemed {
        let tokens = TokenResponse {
            access_token: self.access(20_000),
            refresh_token: Some(RefreshToken::new("rt2")),
            id_token: Some(self.id(subject)),
            expires_in: None,
        };
        Redeemed { tokens, recoverable: true }
    }
}

fn slot(record: &AuthFile) -> Slot {
    let digest = Digest::of(record.to_text().as_bytes());
    Slot::Holds { digest, record: Box::new(record.clone()) }
}

fn loaded(record: &AuthFile) -> Event {
    Event::Loaded(Ok(slot(record)), None, NOW.into())
}

/// A refresh that has read `record` under the lock.
fn after_load(record: &AuthFile) -> (Refresh, Effect) {
    let (mut refresh, effect) = Refresh::begin(Need::Usable(Jitter::NONE));
    assert!(matches!(effect, Effect::Lock));
    assert!(matches!(refresh.step(Event::Locked(Ok(()))), Effect::Load));
    let effect = refresh.step(loaded(record));
    (refresh, effect)
}

/// The name of every spending here.
fn attempt() -> AttemptId {
    AttemptId::named("attempt")
}

fn after_post(record: &AuthFile) -> Refresh {
    let (mut refresh, effect) = after_load(record);
    assert!(matches!(effect, Effect::Prepare(token) if token == RefreshToken::new("rt1")));
    let Effect::Post(issuer, request, named) = refresh.step(Event::Prepared(Ok(attempt()))) else {
        panic!("a post")
    };
    assert_eq!((issuer.as_str(), named), ("https://id.test", attempt()));
    let form = [("grant_type", "refresh_token"), ("client_id", "app"), ("refresh_token", "rt1")];
    assert_eq!(request.form(), form);
    refresh
}

fn lost() -> Event {
    let lost = HttpError::NoAnswer { why: "connection reset".into() };
    Event::Answered(Err(TokenError::Unreachable(lost)), NOW)
}

fn rejected(reason: RefreshRejection) -> Event {
    Event::Answered(Err(TokenError::Rejected(Some(reason))), NOW)
}

fn trouble(retry_after: Option<u64>) -> Event {
    let retry_after = retry_after.map(Duration::from_secs);
    let refused = TokenError::Refused { status: 503, code: None, description: None, retry_after };
    Event::Answered(Err(refused), NOW)
}

fn stored_token(record: &AuthFile) -> AccessToken {
    let Login::Account(stored) = record.login() else { panic!("an account") };
    stored.access_token
}

fn disk_full() -> StoreError {
    StoreError::Write { path: "auth.json".into(), source: std::io::ErrorKind::StorageFull.into() }
}

#[test]
fn s_12_an_expired_token_is_refreshed_and_stored_before_it_is_given_out() {
    let tokens = Tokens::new();
    let record = tokens.record(9_000, "rt1");
    let mut refresh = after_post(&record);

    let redeemed = tokens.response("mia");
    let Effect::Save(expected, saved, _) = refresh.step(Event::Answered(Ok(redeemed.clone()), NOW)) else {
        panic!("a save")
    };

    assert_eq!(expected, Digest::of(record.to_text().as_bytes()));
    let response = redeemed.tokens;
    let mut wanted = record;
    wanted.replace_tokens(
        &response.access_token,
        response.refresh_token.as_ref(),
        response.id_token.as_ref(),
    );
    wanted.set_last_refresh(NOW);
    assert_eq!(*saved, wanted);
    let Effect::Acknowledge(told) = refresh.step(Event::Saved(Ok(expected))) else {
        panic!("an acknowledgement")
    };
    assert_eq!((told.issuer.as_str(), told.refresh_token), ("https://id.test", RefreshToken::new("rt2")));
    let Effect::Done(Ok(token)) = refresh.step(Event::Tried) else { panic!("a token") };
    assert_eq!(token, response.access_token);
}

#[test]
fn an_issuer_that_does_not_know_attempts_is_not_told_of_the_end_of_one() {
    let tokens = Tokens::new();
    let mut refresh = after_post(&tokens.record(9_000, "rt1"));
    let redeemed = Redeemed { recoverable: false, ..tokens.response("mia") };
    refresh.step(Event::Answered(Ok(redeemed), NOW));

    assert!(matches!(refresh.step(Event::Saved(Ok(Digest::of(b"")))), Effect::Done(Ok(_))));
}

#[test]
fn c_57_what_another_process_refreshed_is_adopted_without_asking_the_issuer() {
    let tokens = Tokens::new();
    let fresh = tokens.record(20_000, "rt2");

    let (_, effect) = after_load(&fresh);

    assert!(matches!(effect, Effect::Done(Ok(token)) if token == stored_token(&fresh)));
}

#[test]
fn r_03_a_lost_answer_is_asked_for_again_under_the_same_name() {
    let tokens = Tokens::new();
    let mut refresh = after_post(&tokens.record(9_000, "rt1"));
    let mut pauses = Vec::new();

    for _ in 0..3 {
        let Effect::Pause(pause) = refresh.step(lost()) else { panic!("a pause") };
        pauses.push(pause.as_millis());
        let Effect::Post(_, request, named) = refresh.step(Event::Paused) else { panic!("another try") };
        assert_eq!((request.form()[2].1, named), ("rt1", attempt()));
    }
    let effect = refresh.step(lost());

    assert_eq!(pauses, [100, 400, 1600]);
    let Effect::Remember(Some(trouble)) = effect else { panic!("trouble") };
    let what = "the issuer did not answer".to_owned();
    let until = Timestamp::from_unix(10_010);
    assert_eq!(trouble, Trouble { failures: 1, until, since: NOW, what });
    assert!(matches!(refresh.step(Event::Tried), Effect::Done(Err(RefreshError::Unavailable { .. }))));
}

#[test]
fn c_60_an_issuer_in_trouble_is_left_alone_for_as_long_as_it_asks() {
    let tokens = Tokens::new();
    let mut refresh = after_post(&tokens.record(9_000, "rt1"));
    let Effect::Remember(Some(remembered)) = refresh.step(trouble(Some(90))) else { panic!("trouble") };
    assert_eq!(remembered.until, Timestamp::from_unix(10_090));

    let later = |record: &AuthFile, now: i64| {
        let (mut refresh, _) = Refresh::begin(Need::Usable(Jitter::NONE));
        refresh.step(Event::Locked(Ok(())));
        refresh.step(Event::Loaded(
            Ok(slot(record)),
            Some(remembered.clone()),
            Timestamp::from_unix(now).into(),
        ))
    };

    let expired = tokens.record(9_000, "rt1");
    let Effect::Done(Err(RefreshError::LeftAlone { pause, .. })) = later(&expired, 10_030) else {
        panic!("a pause")
    };
    assert_eq!(pause.as_secs(), 60);
    assert!(matches!(later(&tokens.record(10_300, "rt1"), 10_030), Effect::Done(Ok(_))), "it still works");
    assert!(matches!(later(&expired, 10_090), Effect::Prepare(_)), "the pause is over");
}

#[test]
fn trouble_that_is_over_is_forgotten() {
    let tokens = Tokens::new();
    let record = tokens.record(9_000, "rt1");
    let past = Trouble { failures: 3, until: NOW, since: Timestamp::from_unix(9_900), what: "503".into() };
    let (mut refresh, _) = Refresh::begin(Need::Usable(Jitter::NONE));
    refresh.step(Event::Locked(Ok(())));
    refresh.step(Event::Loaded(Ok(slot(&record)), Some(past), NOW.into()));
    refresh.step(Event::Prepared(Ok(attempt())));
    refresh.step(Event::Answered(Ok(tokens.response("mia")), NOW));

    assert!(matches!(refresh.step(Event::Saved(Ok(Digest::of(b"")))), Effect::Remember(None)));
    assert!(matches!(refresh.step(Event::Tried), Effect::Acknowledge(_)));
    assert!(matches!(refresh.step(Event::Tried), Effect::Done(Ok(_))));
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
fn c_58_a_refusal_ends_the_session_only_for_the_token_that_is_stored() {
    let tokens = Tokens::new();
    let old = tokens.record(9_000, "rt1");
    let mut ended = after_post(&old);
    let mut overtaken = after_post(&old);
    let newer = tokens.record(30_000, "rt9");

    assert!(matches!(ended.step(rejected(RefreshRejection::Reused)), Effect::Load));
    assert!(matches!(overtaken.step(rejected(RefreshRejection::Reused)), Effect::Load));

    assert!(matches!(ended.step(loaded(&old)), Effect::Recognise(_)));
    let Effect::Done(Err(RefreshError::Ended { reason, .. })) = ended.step(Event::Recognised(true)) else {
        panic!("an end")
    };
    assert_eq!(reason, Some(RefreshRejection::Reused));
    assert!(
        matches!(overtaken.step(loaded(&newer)), Effect::Done(Ok(token)) if token == stored_token(&newer))
    );
}

#[test]
fn r_47_a_login_that_this_home_did_not_write_and_that_went_on_elsewhere_is_a_copy() {
    let tokens = Tokens::new();
    let old = tokens.record(9_000, "rt1");
    let digest = Digest::of(old.to_text().as_bytes());
    let mut reused = after_post(&old);
    let mut superseded = after_post(&old);

    reused.step(rejected(RefreshRejection::Reused));
    superseded.step(rejected(RefreshRejection::Superseded));

    assert!(matches!(reused.step(loaded(&old)), Effect::Recognise(asked) if asked == digest));
    let copied = [reused.step(Event::Recognised(false)), superseded.step(loaded(&old))];
    for effect in copied {
        let Effect::Done(Err(RefreshError::Copied { issuer, .. })) = effect else { panic!("{effect:?}") };
        assert_eq!(issuer.as_str(), "https://id.test");
    }
}

#[test]
fn a_second_refusal_is_believed() {
    let tokens = Tokens::new();
    let mut refresh = after_post(&tokens.record(9_000, "rt1"));
    refresh.step(rejected(RefreshRejection::Reused));
    let expired_too = tokens.record(9_500, "rt5");

    assert!(
        matches!(refresh.step(loaded(&expired_too)), Effect::Prepare(token) if token == RefreshToken::new("rt5"))
    );
    refresh.step(Event::Prepared(Ok(attempt())));
    assert!(matches!(refresh.step(rejected(RefreshRejection::Reused)), Effect::Load));
    let effect = refresh.step(loaded(&tokens.record(9_500, "rt6")));

    assert!(matches!(effect, Effect::Recognise(_)));
    let effect = refresh.step(Event::Recognised(true));
    assert!(matches!(effect, Effect::Done(Err(RefreshError::Ended { .. }))));
}

#[test]
fn c_58_trouble_gives_out_what_still_works() {
    let tokens = Tokens::new();
    let mut usable = after_post(&tokens.record(10_300, "rt1"));

    assert!(matches!(usable.step(trouble(None)), Effect::Remember(Some(_))));

    assert!(matches!(usable.step(Event::Tried), Effect::Done(Ok(_))));
}

#[test]
fn codex_defect_16_c_59_tokens_of_another_account_are_not_kept() {
    let tokens = Tokens::new();
    let mut refresh = after_post(&tokens.record(9_000, "rt1"));

    let effect = refresh.step(Event::Answered(Ok(tokens.response("eve")), NOW));

    assert!(matches!(effect, Effect::Done(Err(RefreshError::OtherAccount { .. }))));
}

/// A refresh whose document was replaced by another program before it could be saved.
fn after_conflict(tokens: &Tokens) -> Refresh {
    let mut refresh = after_post(&tokens.record(9_000, "rt1"));
    refresh.step(Event::Answered(Ok(tokens.response("mia")), NOW));
    assert!(matches!(refresh.step(Event::Saved(Err(StoreError::Changed))), Effect::Load));
    refresh
}

#[test]
fn a_newer_document_of_the_same_login_is_adopted_and_its_session_stays() {
    let tokens = Tokens::new();
    let newer = tokens.record(30_000, "rt9");

    let effect = after_conflict(&tokens).step(loaded(&newer));

    assert!(matches!(effect, Effect::Done(Ok(token)) if token == stored_token(&newer)));
}

#[test]
fn r_08_a_login_that_came_during_the_refresh_wins_and_what_we_got_is_ended() {
    let tokens = Tokens::new();
    let Login::Account(other) = tokens.record(30_000, "rt9").login() else { panic!("an account") };
    let other = AuthFile::of_account(&other, "another login");
    let mut refresh = after_conflict(&tokens);

    let Effect::Revoke(issuer, request) = refresh.step(loaded(&other)) else { panic!("a revocation") };

    assert_eq!((issuer.as_str(), request.token), ("https://id.test", RefreshToken::new("rt2")));
    assert!(matches!(refresh.step(Event::Tried), Effect::Done(Ok(token)) if token == stored_token(&other)));
}

#[test]
fn c_63_a_logout_during_the_refresh_stays_a_logout_and_what_we_got_is_ended() {
    let tokens = Tokens::new();
    let mut refresh = after_conflict(&tokens);

    let effect = refresh.step(Event::Loaded(Ok(Slot::Empty), None, NOW.into()));

    assert!(matches!(effect, Effect::Revoke(_, request) if request.token == RefreshToken::new("rt2")));
    assert!(matches!(refresh.step(Event::Tried), Effect::Done(Err(RefreshError::SignedOut))));
}

#[test]
fn a_login_without_tokens_says_what_it_is() {
    let load = |slot: Slot| {
        let (mut refresh, _) = Refresh::begin(Need::Usable(Jitter::NONE));
        refresh.step(Event::Locked(Ok(())));
        refresh.step(Event::Loaded(Ok(slot), None, NOW.into()))
    };
    let key = AuthFile::parse(br#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk"}"#).unwrap();

    assert!(matches!(load(Slot::Empty), Effect::Done(Err(RefreshError::SignedOut))));
    assert!(
        matches!(load(slot(&key)), Effect::Done(Err(RefreshError::NotAnAccount(kind))) if kind == "API key")
    );
}
