use super::*;

const DAY: i64 = 24 * 3600;

fn family(generation: u32, status: FamilyStatus) -> RefreshFamily {
    RefreshFamily {
        id: FamilyId::parse("01890000-0000-7000-8000-000000000000").unwrap(),
        client_id: ClientId::new("c"),
        subject: Subject::new("u"),
        workspace_id: WorkspaceId::new("w"),
        scope: Scope::parse("openid").unwrap(),
        auth_time: Timestamp::from_unix(0),
        amr: Amr::Password,
        created_at: Timestamp::from_unix(0),
        generation,
        last_anonymous: None,
        status,
    }
}

fn token(generation: u32, issued_at: i64, successor: Option<Successor>) -> StoredToken {
    StoredToken {
        digest: RefreshDigest::from_bytes(&[0; 32]).unwrap(),
        generation,
        issued_at: Timestamp::from_unix(issued_at),
        successor,
    }
}

/// A token that was spent at 100 by the attempt of `device`.
fn spent(delivery: Delivery) -> StoredToken {
    let successor = Successor { superseded_at: at(100), attempt: Some(device()), delivery };
    token(1, 0, Some(successor))
}

fn copy(replays: u32) -> SealedCopy {
    SealedCopy { sealed: vec![1], replays }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds)
}

fn device() -> AttemptDigest {
    AttemptDigest::from_bytes(&[1; 32]).unwrap()
}

fn other() -> AttemptDigest {
    AttemptDigest::from_bytes(&[2; 32]).unwrap()
}

const SUPERSEDED: Verdict<'static> = Verdict::Refuse(RefreshRejection::Superseded);
const EXPIRED: Verdict<'static> = Verdict::Refuse(RefreshRejection::Expired);

#[test]
fn i_27_the_attempt_that_spent_a_token_gets_the_successor_until_it_confirms() {
    let live = family(2, FamilyStatus::Live);
    let judge = |token, now| live.judge(token, Some(&device()), Grace::STRICT, at(now));
    let (lost, full) = (spent(Delivery::Unknown(copy(0))), spent(Delivery::Unknown(copy(9_999))));
    let stored = spent(Delivery::Acknowledged(copy(0), at(500)));
    let used = spent(Delivery::Presented(at(500)));

    assert_eq!(live.judge(&token(2, 0, None), None, Grace::STRICT, at(10)), Verdict::Rotate);
    assert_eq!(judge(&lost, 100 + 30 * DAY - 1), Verdict::Repeat(&copy(0)));
    assert_eq!(judge(&full, 100 + DAY), Verdict::Repeat(&copy(9_999)));
    assert_eq!(judge(&lost, 100 + 30 * DAY), EXPIRED);
    for confirmed in [&stored, &used] {
        assert_eq!(judge(confirmed, 560), SUPERSEDED);
        assert_eq!(judge(confirmed, 561), Verdict::Reuse);
    }
}

#[test]
fn i_27_anybody_else_gets_the_successor_for_seconds_and_until_it_was_used() {
    let ours = family(2, FamilyStatus::Live);
    let shared = |generation, last| RefreshFamily {
        last_anonymous: Some(last),
        ..family(generation, FamilyStatus::Live)
    };
    let (lost, used) = (spent(Delivery::Unknown(copy(63))), spent(Delivery::Presented(at(100))));
    let stored = spent(Delivery::Acknowledged(copy(63), at(100)));
    let worn = spent(Delivery::Unknown(copy(64)));

    for attempt in [None, Some(&other())] {
        let judge =
            |family: &RefreshFamily, token, now| match family.judge(token, attempt, Grace::WIDEST, at(now)) {
                Verdict::Repeat(_) => "repeat",
                Verdict::SlowDown => "slow down",
                Verdict::Reuse => "reuse",
                Verdict::Rotate | Verdict::Refuse(_) => "else",
            };
        for token in [&lost, &stored] {
            assert_eq!((judge(&ours, token, 110), judge(&ours, token, 111)), ("repeat", "reuse"));
            let shared = shared(9, 2);
            assert_eq!((judge(&shared, token, 160), judge(&shared, token, 161)), ("repeat", "reuse"));
        }
        assert_eq!(judge(&shared(10, 2), &lost, 111), "reuse");
        assert_eq!((judge(&ours, &worn, 110), judge(&ours, &worn, 111)), ("slow down", "reuse"));
        assert_eq!(judge(&ours, &used, 100), "reuse");
        assert_eq!(ours.judge(&lost, attempt, Grace::STRICT, at(100)), Verdict::Reuse);
    }
}

#[test]
fn i_30_a_token_ends_after_30_idle_days_and_a_family_after_180() {
    let live = family(0, FamilyStatus::Live);
    let judge = |token: &StoredToken, now| live.judge(token, None, Grace::WIDEST, at(now)) == EXPIRED;

    assert!(!judge(&token(0, 0, None), 30 * DAY - 1));
    assert!(judge(&token(0, 0, None), 30 * DAY));
    assert!(!judge(&token(0, 179 * DAY, None), 180 * DAY - 1));
    assert!(judge(&token(0, 179 * DAY, None), 180 * DAY));
}

#[test]
fn a_family_that_ended_says_how() {
    for (status, reason) in [
        (FamilyStatus::Revoked, RefreshRejection::Invalidated),
        (FamilyStatus::Reused, RefreshRejection::Reused),
    ] {
        assert_eq!(
            family(0, status).judge(&token(0, 0, None), None, Grace::WIDEST, at(1)),
            Verdict::Refuse(reason)
        );
    }
}
