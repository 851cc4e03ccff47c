//! Refresh families.

use crate::fixture::{Database, NOW, attempt_digest, family, on_both, refresh_digest};
use keyfob_issuer_core::digest::{AttemptDigest, RefreshDigest};
use keyfob_issuer_core::login_session::Origin;
use keyfob_issuer_core::refresh_family::{
    Delivery, FamilyStatus, RefreshFamily, SealedCopy, StoredToken, Successor,
};
use keyfob_issuer_core::storage::{Rotated, Rotation, StorageError, Transaction};
use keyfob_oauth::Timestamp;
use std::time::Duration;

fn later(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

fn rotation<'a>(
    generation: u32,
    next: &'a RefreshDigest,
    attempt: Option<&'a AttemptDigest>,
    now: Timestamp,
) -> Rotation<'a> {
    Rotation { family: family().id, generation, next, sealed: b"sealed", attempt, now }
}

async fn delivery(transaction: &mut dyn Transaction, token: &str) -> Delivery {
    let (token, _) = transaction.find_refresh_token(&refresh_digest(token)).await.unwrap().unwrap();
    token.successor.unwrap().delivery
}

on_both!(i_24_a_family_rotates_once_per_generation);
async fn i_24_a_family_rotates_once_per_generation(database: Database) {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    transaction.insert_family(&family(), &Origin::default(), &refresh_digest("one"), NOW).await.unwrap();
    let (two, three) = (refresh_digest("two"), refresh_digest("three"));
    let attempt = attempt_digest("attempt");

    let rotated = transaction.rotate(&rotation(0, &two, Some(&attempt), NOW)).await.unwrap();
    assert_eq!(rotated, Rotated::Done);
    let late = transaction.rotate(&rotation(0, &three, None, NOW)).await.unwrap();
    assert_eq!(late, Rotated::TooLate);

    let moved = RefreshFamily { generation: 1, ..family() };
    let copy = SealedCopy { sealed: b"sealed".to_vec(), replays: 0 };
    let spent = StoredToken {
        digest: refresh_digest("one"),
        generation: 0,
        issued_at: NOW,
        successor: Some(Successor {
            superseded_at: NOW,
            attempt: Some(attempt),
            delivery: Delivery::Unknown(copy),
        }),
    };
    let current = StoredToken { digest: two.clone(), generation: 1, issued_at: NOW, successor: None };
    let found = transaction.find_refresh_token(&refresh_digest("one")).await.unwrap();
    assert_eq!(found, Some((spent, moved.clone())));
    assert_eq!(transaction.find_refresh_token(&two).await.unwrap(), Some((current, moved)));
    assert_eq!(transaction.find_refresh_token(&three).await.unwrap(), None);
}

on_both!(i_27_a_successor_is_replayed_then_acknowledged_then_presented);
async fn i_27_a_successor_is_replayed_then_acknowledged_then_presented(database: Database) {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    transaction.insert_family(&family(), &Origin::default(), &refresh_digest("one"), NOW).await.unwrap();
    let copy = |replays| SealedCopy { sealed: b"sealed".to_vec(), replays };
    let id = family().id;

    transaction.rotate(&rotation(0, &refresh_digest("two"), None, NOW)).await.unwrap();
    assert_eq!(delivery(&mut *transaction, "one").await, Delivery::Unknown(copy(0)));
    transaction.count_replay(&refresh_digest("one")).await.unwrap();
    assert_eq!(delivery(&mut *transaction, "one").await, Delivery::Unknown(copy(1)));
    transaction.acknowledge(id, 1, later(5)).await.unwrap();
    transaction.acknowledge(id, 1, later(6)).await.unwrap();
    assert_eq!(delivery(&mut *transaction, "one").await, Delivery::Acknowledged(copy(1), later(5)));
    transaction.rotate(&rotation(1, &refresh_digest("three"), None, later(9))).await.unwrap();
    assert_eq!(delivery(&mut *transaction, "one").await, Delivery::Presented(later(9)));
    assert_eq!(delivery(&mut *transaction, "two").await, Delivery::Unknown(copy(0)));
}

on_both!(i_27_a_family_remembers_its_last_refresh_without_an_attempt_id);
async fn i_27_a_family_remembers_its_last_refresh_without_an_attempt_id(database: Database) {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    transaction.insert_family(&family(), &Origin::default(), &refresh_digest("0"), NOW).await.unwrap();
    let attempt = attempt_digest("attempt");
    let mut seen = Vec::new();

    for (generation, attempt) in [Some(&attempt), None, Some(&attempt)].into_iter().enumerate() {
        let next = refresh_digest(&(generation + 1).to_string());
        let generation = u32::try_from(generation).unwrap();
        transaction.rotate(&rotation(generation, &next, attempt, NOW)).await.unwrap();
        let (_, family) = transaction.find_refresh_token(&next).await.unwrap().unwrap();
        seen.push(family.last_anonymous);
    }

    assert_eq!(seen, [None, Some(2), Some(2)]);
}

on_both!(an_ended_family_keeps_its_first_reason_and_does_not_rotate);
async fn an_ended_family_keeps_its_first_reason_and_does_not_rotate(database: Database) {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    transaction.insert_family(&family(), &Origin::default(), &refresh_digest("one"), NOW).await.unwrap();
    transaction.end_family(family().id, FamilyStatus::Reused, NOW).await.unwrap();
    transaction.end_family(family().id, FamilyStatus::Revoked, NOW).await.unwrap();

    let next = refresh_digest("two");
    let rotated = transaction.rotate(&rotation(0, &next, None, NOW)).await.unwrap();
    assert_eq!(rotated, Rotated::TooLate);
    let (_, found) = transaction.find_refresh_token(&refresh_digest("one")).await.unwrap().unwrap();
    assert_eq!(found.status, FamilyStatus::Reused);
}

on_both!(a_token_cannot_be_stored_twice);
async fn a_token_cannot_be_stored_twice(database: Database) {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    transaction.insert_family(&family(), &Origin::default(), &refresh_digest("one"), NOW).await.unwrap();

    let again = transaction.insert_family(&family(), &Origin::default(), &refresh_digest("one"), NOW).await;

    assert!(matches!(again, Err(StorageError::Exists)), "{again:?}");
}
