//! The logout, event by event.

use super::*;
use crate::store::{Location, LockError};
use keyfob_codex::auth_file::AuthFile;
use keyfob_codex::client::UNNAMED_ISSUER;
use std::time::Duration;

const ACCOUNT: &str = r#"{"auth_mode":"chatgpt","tokens":{"id_token":"i","access_token":"a","refresh_token":"rt",
    "oauth_provenance":{"issuer":"https://id.test","client_id":"app"}}}"#;

fn slot(text: &str) -> Slot {
    let record = Box::new(AuthFile::parse(text.as_bytes()).unwrap());
    Slot::Holds { digest: Digest::of(text.as_bytes()), record }
}

fn issuers(names: &[&str]) -> Ends {
    Ends::of_issuers(names.iter().map(|name| IssuerUrl::parse(name).unwrap()).collect())
}

fn after_load(slot: Slot) -> (Logout, Effect) {
    after_load_with(slot, issuers(&["https://id.test", UNNAMED_ISSUER]))
}

fn after_load_with(slot: Slot, ends: Ends) -> (Logout, Effect) {
    let (mut logout, effect) = Logout::begin(ends);
    assert!(matches!(effect, Effect::Lock));
    assert!(matches!(logout.step(Event::Locked(Ok(()))), Effect::Load));
    let effect = match logout.step(Event::Loaded(Ok(slot))) {
        Effect::Prepare => logout.step(Event::Prepared(Ok(()))),
        other => other,
    };
    (logout, effect)
}

#[test]
fn codex_defect_11_a_login_is_revoked_at_the_issuer_that_issued_it() {
    let (mut logout, effect) = after_load(slot(ACCOUNT));

    let Effect::Revoke(issuer, request) = effect else { panic!("a revocation") };
    assert_eq!(issuer.as_str(), "https://id.test");
    let form = [("token", "rt"), ("token_type_hint", "refresh_token"), ("client_id", "app")];
    assert_eq!(request.form(), form);
    let Effect::Remove(digest) = logout.step(Event::Revoked(Ok(()))) else { panic!("a removal") };
    assert_eq!(digest, Digest::of(ACCOUNT.as_bytes()));
    let done = logout.step(Event::Removed(Ok(())));
    assert!(matches!(done, Effect::Done(Ok(SignedOut::Removed(Revocation::Confirmed)))));
}

#[test]
fn c_62_the_login_is_removed_here_even_when_the_issuer_does_not_confirm() {
    let (mut logout, _) = after_load(slot(ACCOUNT));

    let down = TokenError::Refused { status: 503, code: None, description: None, retry_after: None };
    let Effect::Queue(issuer, request) = logout.step(Event::Revoked(Err(down))) else {
        panic!("asked again later")
    };
    assert_eq!((issuer.as_str(), request.token.expose()), ("https://id.test", "rt"));
    assert!(matches!(logout.step(Event::Queued(false)), Effect::Remove(_)));
    let done = logout.step(Event::Removed(Ok(())));

    let Effect::Done(Ok(SignedOut::Removed(Revocation::Unconfirmed(issuer, _)))) = done else {
        panic!("a report")
    };
    assert_eq!(issuer.as_str(), "https://id.test");
}

#[test]
fn c_62_a_session_waits_before_its_login_goes_and_no_longer_if_the_login_stays() {
    let down = || TokenError::Refused { status: 503, code: None, description: None, retry_after: None };
    let queued = || {
        let (mut logout, _) = after_load(slot(ACCOUNT));
        assert!(matches!(logout.step(Event::Revoked(Err(down()))), Effect::Queue(..)));
        assert!(matches!(logout.step(Event::Queued(true)), Effect::Remove(_)));
        logout
    };

    let removed = queued().step(Event::Removed(Ok(())));
    let mut failing = queued();
    let busy = LockError::Busy { path: "auth.lock".into(), waited: Duration::from_secs(10) };
    let failed = failing.step(Event::Removed(Err(busy.into())));
    let changed = queued().step(Event::Removed(Err(StoreError::Changed)));

    let Effect::Done(Ok(SignedOut::Removed(Revocation::Queued(issuer, _)))) = removed else {
        panic!("{removed:?}")
    };
    assert_eq!(issuer.as_str(), "https://id.test");
    let Effect::TakeBack(request) = failed else { panic!("{failed:?}") };
    assert_eq!(request.token.expose(), "rt");
    let done = failing.step(Event::TakenBack);
    assert!(matches!(done, Effect::Done(Err(SignOutError::Store(StoreError::Lock(LockError::Busy { .. }))))));
    assert!(matches!(changed, Effect::Load));
}

#[test]
fn a_key_is_removed_without_asking_anybody() {
    let key = r#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk"}"#;

    let (mut logout, effect) = after_load(slot(key));

    let Effect::Remove(digest) = effect else { panic!("a removal") };
    assert_eq!(digest, Digest::of(key.as_bytes()));
    let done = logout.step(Event::Removed(Ok(())));
    assert!(matches!(done, Effect::Done(Ok(SignedOut::Removed(Revocation::NotNeeded)))));
}

#[test]
fn d_14_a_document_that_we_do_not_understand_stays_unless_the_person_says_otherwise() {
    let damaged = || Slot::of(b"{", Location::File("auth.json".into()));

    let kept = after_load(damaged()).1;
    let removed = after_load_with(damaged(), Ends::Anything).1;

    let Effect::Done(Err(SignOutError::Store(StoreError::Corrupt { .. }))) = kept else { panic!("{kept:?}") };
    assert!(matches!(removed, Effect::Remove(digest) if digest == Digest::of(b"{")));
}

#[test]
fn a_login_stored_meanwhile_is_signed_out_too() {
    let (mut logout, _) = after_load(slot(ACCOUNT));
    logout.step(Event::Revoked(Ok(())));

    let effect = logout.step(Event::Removed(Err(StoreError::Changed)));

    assert!(matches!(effect, Effect::Load));
    assert!(matches!(logout.step(Event::Loaded(Ok(slot(ACCOUNT)))), Effect::Prepare));
    assert!(matches!(logout.step(Event::Prepared(Ok(()))), Effect::Revoke(..)));
}

#[test]
fn nothing_stored_is_nothing_to_do() {
    let (_, effect) = after_load(Slot::Empty);

    assert!(matches!(effect, Effect::Done(Ok(SignedOut::NothingStored))));
}

#[test]
fn codex_defect_09_and_10_a_login_that_cannot_be_removed_is_not_ended() {
    let (mut logout, effect) = Logout::begin(issuers(&["https://id.test"]));
    assert!(matches!(effect, Effect::Lock));
    logout.step(Event::Locked(Ok(())));
    assert!(matches!(logout.step(Event::Loaded(Ok(slot(ACCOUNT)))), Effect::Prepare));

    let busy = LockError::Busy { path: "auth.lock".into(), waited: Duration::from_secs(10) };
    let done = logout.step(Event::Prepared(Err(busy.into())));

    assert!(matches!(done, Effect::Done(Err(SignOutError::Store(StoreError::Lock(LockError::Busy { .. }))))));
}

#[test]
fn d_14_a_login_of_an_issuer_that_nobody_named_stays_unless_the_person_says_otherwise() {
    let unnamed = r#"{"tokens":{"id_token":"i","access_token":"a","refresh_token":"rt"}}"#;
    let key = r#"{"OPENAI_API_KEY":"sk"}"#;
    let other = r#"{"auth_mode":"agentIdentity","agent_identity":{"private_key":"k"}}"#;
    let refused = |text: &str, ends: &Ends| match after_load_with(slot(text), ends.clone()).1 {
        Effect::Done(Err(error)) => Some(error.to_string()),
        Effect::Revoke(..) | Effect::Remove(_) => None,
        other => panic!("{other:?}"),
    };
    let of =
        |issuer: &str| Some(format!("the stored login is of {issuer}, where nobody signed in with keyfob"));
    let kind = "the stored login is of a kind (agentIdentity) that keyfob does not handle";

    let ours = issuers(&["https://id.test"]);
    let openai = issuers(&[UNNAMED_ISSUER]);
    for (text, by_us, by_openai) in [
        (ACCOUNT, None, of("https://id.test")),
        (unnamed, of(UNNAMED_ISSUER), None),
        (key, of(UNNAMED_ISSUER), None),
        (other, Some(kind.to_owned()), Some(kind.to_owned())),
    ] {
        assert_eq!(refused(text, &ours), by_us, "{text}");
        assert_eq!(refused(text, &openai), by_openai, "{text}");
        assert_eq!(refused(text, &Ends::Anything), None, "{text}");
    }
}
