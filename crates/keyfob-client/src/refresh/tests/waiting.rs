//! While another process has the lock.

use super::*;

#[test]
fn c_57_whoever_waits_for_the_lock_takes_a_token_that_another_process_stored_and_waits_no_more() {
    let tokens = Tokens::new();
    let look = |found: Result<Option<Login>, StoreError>| {
        let (mut refresh, _) = Refresh::begin(Need::Usable(Jitter::NONE));
        assert!(matches!(refresh.step(Event::Overtaken), Effect::Look));
        refresh.step(Event::Seen(found, NOW.into()))
    };
    let refreshed = tokens.record(20_000, "rt2");

    let Effect::Done(Ok(taken)) = look(Ok(Some(refreshed.login()))) else { panic!("a token") };

    assert_eq!(taken, stored_token(&refreshed));
    let judged_under_the_lock = [
        Ok(Some(tokens.record(9_000, "rt1").login())),
        Ok(Some(tokens.record(10_300, "rt1").login())),
        Ok(Some(Login::ApiKey)),
        Ok(None),
        Err(disk_full()),
    ];
    for found in judged_under_the_lock {
        assert!(matches!(look(found), Effect::Lock));
    }
}

#[test]
fn r_04_a_lock_that_nobody_lets_go_does_not_stop_a_token_that_still_works() {
    let tokens = Tokens::new();
    let outcome = |expires: i64| {
        let (mut refresh, _) = Refresh::begin(Need::Usable(Jitter::NONE));
        let busy = LockError::Busy { path: "refresh.lock".into(), waited: Duration::from_secs(30) };
        assert!(matches!(refresh.step(Event::Locked(Err(busy.into()))), Effect::Load));
        refresh.step(loaded(&tokens.record(expires, "rt1")))
    };

    assert!(matches!(outcome(10_300), Effect::Done(Ok(_))));
    assert!(matches!(outcome(9_000), Effect::Done(Err(RefreshError::Store(StoreError::Lock(_))))));
}
