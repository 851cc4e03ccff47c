//! Refresh families.

use crate::fixture::{Database, NOW, family, refresh_digest};
use keyfob_issuer_core::refresh_family::{FamilyStatus, RefreshFamily, StoredToken, Successor};
use keyfob_issuer_core::storage::{Rotated, Rotation, StorageError};

#[tokio::test]
async fn i_24_a_family_rotates_once_per_generation() {
    let database = Database::with_user().await;
    let mut transaction = database.begin().await;
    transaction.insert_family(&family(), &refresh_digest("one")).await.unwrap();
    let (two, three) = (refresh_digest("two"), refresh_digest("three"));
    let rotation = |next| Rotation { family: family().id, generation: 0, next, sealed: b"sealed", now: NOW };

    assert_eq!(transaction.rotate(&rotation(&two)).await.unwrap(), Rotated::Done);
    assert_eq!(transaction.rotate(&rotation(&three)).await.unwrap(), Rotated::TooLate);

    let moved = RefreshFamily { generation: 1, ..family() };
    let spent = StoredToken {
        digest: refresh_digest("one"),
        generation: 0,
        issued_at: NOW,
        successor: Some(Successor { superseded_at: NOW, sealed: b"sealed".to_vec() }),
    };
    let current = StoredToken { digest: two.clone(), generation: 1, issued_at: NOW, successor: None };
    let found = transaction.find_refresh_token(&refresh_digest("one")).await.unwrap();
    assert_eq!(found, Some((spent, moved.clone())));
    assert_eq!(transaction.find_refresh_token(&two).await.unwrap(), Some((current, moved)));
    assert_eq!(transaction.find_refresh_token(&three).await.unwrap(), None);
}

#[tokio::test]
async fn an_ended_family_keeps_its_first_reason_and_does_not_rotate() {
    let database = Database::with_user().await;
    let mut transaction = database.begin().await;
    transaction.insert_family(&family(), &refresh_digest("one")).await.unwrap();
    transaction.end_family(family().id, FamilyStatus::Reused, NOW).await.unwrap();
    transaction.end_family(family().id, FamilyStatus::Revoked, NOW).await.unwrap();

    let next = refresh_digest("two");
    let rotation = Rotation { family: family().id, generation: 0, next: &next, sealed: b"s", now: NOW };
    assert_eq!(transaction.rotate(&rotation).await.unwrap(), Rotated::TooLate);
    let (_, found) = transaction.find_refresh_token(&refresh_digest("one")).await.unwrap().unwrap();
    assert_eq!(found.status, FamilyStatus::Reused);
}

#[tokio::test]
async fn a_token_cannot_be_stored_twice() {
    let database = Database::with_user().await;
    let mut transaction = database.begin().await;
    transaction.insert_family(&family(), &refresh_digest("one")).await.unwrap();

    let again = transaction.insert_family(&family(), &refresh_digest("one")).await;

    assert!(matches!(again, Err(StorageError::Exists)), "{again:?}");
}
