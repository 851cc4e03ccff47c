//! The audit trail: one chain, however many add to it.

use crate::fixture::{Database, NOW, on_both};
use keyfob_issuer_core::audit::{
    Action, AuditEvent, AuditKey, Circumstance, Entry, Head, SignedHead, Verifier,
};
use keyfob_issuer_core::seal::SealKey;
use keyfob_issuer_core::storage::{Storage as _, StorageError};
use std::time::Duration;

fn after(head: &Head) -> Entry {
    Entry::after(head, NOW, &Circumstance::default(), &AuditEvent::done(Action::Backup))
}

on_both!(i_77_of_transactions_that_add_to_the_trail_at_once_each_follows_another);
async fn i_77_of_transactions_that_add_to_the_trail_at_once_each_follows_another(database: Database) {
    let add = || {
        let storage = database.storage.clone();
        async move {
            let mut transaction = storage.begin().await.unwrap();
            let head = transaction.lock_audit_head().await.unwrap();
            transaction.append_audit_entry(&after(&head)).await.unwrap();
            transaction.commit().await.unwrap();
        }
    };
    for task in (0..32).map(|_| tokio::spawn(add())).collect::<Vec<_>>() {
        task.await.unwrap();
    }

    let mut transaction = database.begin().await;
    let key = AuditKey::of(&SealKey::from_bytes(&[1; 32]).unwrap()).unwrap().verifying_key();
    let mut verifier = Verifier::new(&key, vec![]).unwrap();
    let entries = transaction.list_audit_entries(0, 100).await.unwrap();
    for entry in &entries {
        verifier.take(entry).unwrap();
    }
    let left = transaction.audit_head().await.unwrap();
    assert_eq!(left.sequence, 32);
    assert_eq!(verifier.finish(&left), Ok((left, 0)));
    let one = transaction.list_audit_entries(30, 1).await.unwrap();
    assert_eq!(one.first(), entries.iter().find(|entry| entry.sequence == 31));
}

on_both!(i_77_an_entry_that_does_not_follow_the_last_one_is_not_added);
async fn i_77_an_entry_that_does_not_follow_the_last_one_is_not_added(database: Database) {
    let mut transaction = database.begin().await;
    let first = after(&transaction.lock_audit_head().await.unwrap());
    transaction.append_audit_entry(&first).await.unwrap();

    let again = transaction.append_audit_entry(&first).await;

    assert!(matches!(again, Err(StorageError::Conflict)), "{again:?}");
    assert_eq!(transaction.audit_head().await.unwrap(), first.head());
}

on_both!(i_77_what_a_dropped_transaction_recorded_never_happened);
async fn i_77_what_a_dropped_transaction_recorded_never_happened(database: Database) {
    let mut transaction = database.begin().await;
    let head = transaction.lock_audit_head().await.unwrap();
    transaction.append_audit_entry(&after(&head)).await.unwrap();
    drop(transaction);

    let mut transaction = database.begin().await;
    assert_eq!(transaction.audit_head().await.unwrap(), Head::start());
    assert_eq!(transaction.list_audit_entries(0, 9).await.unwrap(), []);
}

on_both!(i_77_a_head_is_signed_once);
async fn i_77_a_head_is_signed_once(database: Database) {
    let key = AuditKey::of(&SealKey::from_bytes(&[1; 32]).unwrap()).unwrap();
    let head = |sequence| Head { sequence, hash: "hash".into() };
    let [first, second] = [3, 7].map(|sequence| key.sign(head(sequence), NOW));
    let late = SignedHead { signed_at: NOW.plus(Duration::from_secs(1)), ..second.clone() };
    let mut transaction = database.begin().await;
    assert_eq!(transaction.newest_signed_head().await.unwrap(), None);

    for signed in [&second, &first, &late] {
        transaction.insert_signed_head(signed).await.unwrap();
    }

    assert_eq!(transaction.newest_signed_head().await.unwrap(), Some(second.clone()));
    assert_eq!(transaction.list_signed_heads().await.unwrap(), [first, second]);
}
