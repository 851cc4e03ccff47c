//! The logout, event by event.

use super::*;
use crate::store::{Location, LockError};
use keyfob_codex::auth_file::AuthFile;
use std::time::Duration;

const ACCOUNT: &str = r#"{"auth_mode":"chatgpt","tokens":{"id_token":"i","access_token":"a","refresh_token":"rt",
    "oauth_provenance":{"issuer":"https://id.test","client_id":"app"}}}"#;

fn slot(text: &str) -> Slot {
    let record = Box::new(AuthFile::parse(text.as_bytes()).unwrap());
    Slot::Holds { digest: Digest::of(text.as_bytes()), record }
}

fn after_load(slot: Slot) -> (Logout, Effect) {
    let (mut logout, effect) = Logout::begin();
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
    assert!(matches!(logout.step(Event::Revoked(Err(down))), Effect::Remove(_)));
    let done = logout.step(Event::Removed(Ok(())));

    let Effect::Done(Ok(SignedOut::Removed(Revocation::Unconfirmed(issuer, _)))) = done else {
        panic!("a report")
    };
    assert_eq!(issuer.as_str(), "https://id.test");
}

#[test]
fn keys_and_damaged_documents_are_removed_without_asking_anybody() {
    let key = r#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk"}"#;
    let damaged = Slot::of(b"{", Location::File("auth.json".into()));

    for (slot, bytes) in [(slot(key), key.as_bytes()), (damaged, b"{")] {
        let (mut logout, effect) = after_load(slot);
        let Effect::Remove(digest) = effect else { panic!("a removal") };
        assert_eq!(digest, Digest::of(bytes));
        let done = logout.step(Event::Removed(Ok(())));
        assert!(matches!(done, Effect::Done(Ok(SignedOut::Removed(Revocation::NotNeeded)))));
    }
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
    let (mut logout, effect) = Logout::begin();
    assert!(matches!(effect, Effect::Lock));
    logout.step(Event::Locked(Ok(())));
    assert!(matches!(logout.step(Event::Loaded(Ok(slot(ACCOUNT)))), Effect::Prepare));

    let busy = LockError::Busy { path: "auth.lock".into(), waited: Duration::from_secs(10) };
    let done = logout.step(Event::Prepared(Err(busy.into())));

    assert!(matches!(done, Effect::Done(Err(StoreError::Lock(LockError::Busy { .. })))));
}
