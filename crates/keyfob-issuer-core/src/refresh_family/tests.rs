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
        created_at: Timestamp::from_unix(0),
        generation,
        status,
    }
}

fn token(generation: u32, issued_at: i64, superseded_at: Option<i64>) -> StoredToken {
    StoredToken {
        digest: RefreshDigest::from_bytes(&[0; 32]).unwrap(),
        generation,
        issued_at: Timestamp::from_unix(issued_at),
        successor: superseded_at
            .map(|at| Successor { superseded_at: Timestamp::from_unix(at), sealed: vec![1] }),
    }
}

#[test]
fn i_27_the_table_of_verdicts() {
    let live = |generation| family(generation, FamilyStatus::Live);
    let spent = token(1, 0, Some(100));
    let repeat = Verdict::Repeat(spent.successor.as_ref().unwrap());
    let at = Timestamp::from_unix;

    assert_eq!(live(2).judge(&token(2, 0, None), at(10)), Verdict::Rotate);
    assert_eq!(live(2).judge(&spent, at(100)), repeat);
    assert_eq!(live(2).judge(&spent, at(160)), repeat);
    assert_eq!(live(2).judge(&spent, at(161)), Verdict::Reuse);
    assert_eq!(live(3).judge(&spent, at(101)), Verdict::Reuse);
}

#[test]
fn i_30_a_token_ends_after_30_idle_days_and_a_family_after_180() {
    let live = family(0, FamilyStatus::Live);
    let expired = Verdict::Refuse(RefreshRejection::Expired);
    let judge = |token: &StoredToken, now| live.judge(token, Timestamp::from_unix(now)) == expired;

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
            family(0, status).judge(&token(0, 0, None), Timestamp::from_unix(1)),
            Verdict::Refuse(reason)
        );
    }
}
