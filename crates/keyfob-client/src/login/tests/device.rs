//! A code that is typed on another machine.

use super::*;
use crate::http::HttpError;
use keyfob_oauth::device::{InvalidDeviceAuthorization, UserCode};
use keyfob_oauth::{CodeVerifier, DeviceCode};
use std::time::Duration;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

impl World {
    /// A sign-in that asks for a code.
    fn asking() -> Self {
        let (mut world, _) = Self::begin_by(Means::DeviceCode, Replace::SameIssuer);
        world.login.step(Event::Loaded(Ok(Slot::Empty)));
        world.login.step(Event::Prepared(Ok(())));
        let effect = world.login.step(Event::Discovered(Ok(Box::new(endpoints()))));
        assert!(matches!(effect, Effect::RequestCode(DeviceEndpoint::Codex, Dialect::Codex)));
        world
    }

    /// A sign-in that polls for the first time.
    fn polling() -> Self {
        let mut world = Self::asking();
        let pending = pending();
        let effect = world.login.step(Event::CodeGiven(Ok(Box::new(pending.clone()))));
        assert!(matches!(effect, Effect::ShowCode(shown) if *shown == pending));
        assert!(matches!(world.login.step(Event::Shown), Effect::Pause(pause) if pause == pending.interval));
        let effect = world.login.step(Event::Paused);
        assert!(matches!(effect, Effect::Poll(url, device) if url.path() == "/token" && *device == pending));
        world
    }

    fn pause_after(&mut self, polled: Result<Polled, TokenError>) -> u64 {
        let Effect::Pause(pause) = self.login.step(Event::Polled(polled)) else { panic!("a pause") };
        assert!(matches!(self.login.step(Event::Paused), Effect::Poll(..)));
        pause.as_secs()
    }

    fn outcome_of(&mut self, event: Event) -> LoginError {
        let Effect::Done(Err(error)) = self.login.step(event) else { panic!("an end") };
        error
    }
}

fn pending() -> PendingDevice {
    PendingDevice {
        user_code: UserCode::new("ABCD-1234"),
        address: Url::parse("https://id.test/codex/device").unwrap(),
        life: Duration::from_mins(15),
        interval: Duration::from_secs(5),
        device_code: DeviceCode::new("dc"),
        dialect: crate::device_endpoint::Dialect::Codex,
    }
}

fn refused(status: u16, retry_after: Option<u64>) -> TokenError {
    let retry_after = retry_after.map(Duration::from_secs);
    TokenError::Refused { status, code: None, description: None, retry_after }
}

fn broken() -> TokenError {
    TokenError::Unreachable(HttpError::NoAnswer { why: "connection reset".into() })
}

#[test]
fn s_19_an_approved_code_is_redeemed_with_the_verifier_that_the_issuer_made() {
    let mut world = World::polling();
    let claims = world.claims(|claims| drop(claims.as_object_mut().unwrap().remove("nonce")));

    let approved = Polled::Code(AuthorizationCode::new("code"), CodeVerifier::new(VERIFIER));
    let Effect::Exchange(url, request) = world.login.step(Event::Polled(Ok(approved))) else {
        panic!("a post")
    };
    let answered = world.login.step(Event::Answered(Ok(world.response(&claims))));
    let accepted = world.login.step(world.keys());

    assert_eq!(url.as_str(), "https://id.test/token");
    assert_eq!(
        request.form(),
        [
            ("grant_type", "authorization_code"),
            ("client_id", "app"),
            ("code", "code"),
            ("redirect_uri", "https://id.test/deviceauth/callback"),
            ("code_verifier", VERIFIER),
        ]
    );
    assert!(matches!(answered, Effect::FetchKeys(url) if url.as_str() == "https://id.test/keys"));
    assert!(matches!(accepted, Effect::Lock));
}

#[test]
fn s_19_tokens_that_the_poll_itself_brings_are_verified_too() {
    let mut world = World::polling();
    let claims = world.claims(|claims| claims["aud"] = json!("another"));
    let brought = Polled::Tokens(world.response(&claims));

    assert!(matches!(world.login.step(Event::Polled(Ok(brought))), Effect::FetchKeys(_)));
    assert!(matches!(world.login.step(world.keys()), Effect::Tell(Page::Failed(_))));
    assert!(matches!(world.outcome_of(Event::Told), LoginError::IdToken { .. }));
}

#[test]
fn c_24_a_device_waits_as_long_as_it_is_told_and_longer_when_it_was_too_fast_or_there_is_trouble() {
    let mut world = World::polling();

    assert_eq!(world.pause_after(Ok(Polled::Pending)), 5);
    assert_eq!(world.pause_after(Ok(Polled::SlowDown)), 10);
    assert_eq!(world.pause_after(Ok(Polled::Pending)), 10, "it stays slower");
    assert_eq!(world.pause_after(Err(refused(429, Some(133)))), 133);
    assert_eq!(world.pause_after(Err(refused(500, None))), 40);
    assert_eq!(world.pause_after(Err(broken())), 60);
    assert_eq!(world.pause_after(Err(TokenError::Unreachable(HttpError::TimedOut))), 60);
    assert_eq!(world.pause_after(Ok(Polled::Pending)), 10, "the trouble is over");
    for _ in 0..20 {
        world.pause_after(Ok(Polled::SlowDown));
    }
    assert_eq!(world.pause_after(Ok(Polled::Pending)), 60);
}

#[test]
fn c_24_a_decision_ends_it_at_once_and_so_does_an_answer_that_waiting_does_not_mend() {
    let ends = |polled| World::polling().outcome_of(Event::Polled(polled));

    assert!(matches!(ends(Ok(Polled::Denied)), LoginError::Denied));
    assert!(matches!(ends(Ok(Polled::Expired)), LoginError::CodeExpired));
    assert!(matches!(ends(Err(refused(400, None))), LoginError::NoDeviceCode { .. }));
    assert!(matches!(
        ends(Err(TokenError::Unreachable(HttpError::TooLong))),
        LoginError::NoDeviceCode { .. }
    ));
    let mut waiting = World::polling();
    waiting.login.step(Event::Polled(Ok(Polled::Pending)));
    assert!(matches!(waiting.outcome_of(Event::TimedOut), LoginError::CodeExpired));
}

#[test]
fn c_27_only_an_issuer_without_device_codes_is_signed_in_at_with_a_browser() {
    let mut without = World::asking();
    assert!(matches!(without.login.step(Event::CodeGiven(Err(DeviceError::NotOffered))), Effect::Listen(..)));
    assert!(without.login.fell_back);
    assert!(matches!(without.login.step(Event::Listening(Ok(1455))), Effect::Show(_)));

    let mut in_trouble = World::asking();
    for pause in [1, 2, 4] {
        let asked = in_trouble.login.step(Event::CodeGiven(Err(DeviceError::Failed(broken()))));
        assert!(matches!(asked, Effect::Pause(for_now) if for_now.as_secs() == pause));
        assert!(matches!(in_trouble.login.step(Event::Paused), Effect::RequestCode(..)));
    }
    let ended = in_trouble.outcome_of(Event::CodeGiven(Err(DeviceError::Failed(refused(503, None)))));
    assert!(matches!(ended, LoginError::NoDeviceCode { source: DeviceError::Failed(_), .. }));

    let at_once = |error| World::asking().outcome_of(Event::CodeGiven(Err(error)));
    for error in [
        DeviceError::Failed(refused(403, None)),
        DeviceError::Failed(refused(429, Some(900))),
        DeviceError::Failed(TokenError::Unreachable(HttpError::TimedOut)),
        DeviceError::Unusable(InvalidDeviceAuthorization::UserCode),
    ] {
        assert!(matches!(at_once(error), LoginError::NoDeviceCode { .. }));
    }
}

#[test]
fn s_16_tokens_of_another_workspace_than_the_one_asked_for_are_not_kept() {
    let mut world = World::polling();
    world.login.workspace = Some(keyfob_oauth::WorkspaceId::new("another"));
    let brought = Polled::Tokens(world.response(&world.claims(|_| {})));
    world.login.step(Event::Polled(Ok(brought)));

    assert!(matches!(world.login.step(world.keys()), Effect::Tell(Page::Failed(_))));
    let error = world.outcome_of(Event::Told);
    assert!(matches!(error, LoginError::IdToken { source: IdTokenError::Workspace, .. }));
}
