//! The feed of what has ended.

use crate::fixture::{Database, NOW, family, on_both, refresh_digest};
use keyfob_issuer_core::access_key::{AccessKey, KeyKind, KeyLabel, Models};
use keyfob_issuer_core::digest::KeyDigest;
use keyfob_issuer_core::login_session::Origin;
use keyfob_issuer_core::operation::{Fate, Settled, settle_restored};
use keyfob_issuer_core::refresh_family::{FamilyStatus, RefreshFamily};
use keyfob_issuer_core::revocation::{Feed, Revocation, Revoked};
use keyfob_issuer_core::storage::Storage as _;
use keyfob_issuer_core::{FamilyId, KeyId};
use keyfob_oauth::{Clock, Scope, Subject, Timestamp, WorkspaceId};

#[derive(Debug)]
struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        NOW
    }
}

fn id(number: u32) -> FamilyId {
    FamilyId::parse(&format!("01890000-0000-7000-8000-{number:012}")).unwrap()
}

fn entry(epoch: u64, revoked: Revoked) -> Revocation {
    Revocation { epoch, revoked, at: NOW }
}

async fn add_family(database: &Database, number: u32) {
    let mut transaction = database.begin().await;
    let family = RefreshFamily { id: id(number), ..family() };
    transaction
        .insert_family(&family, &Origin::default(), &refresh_digest(&number.to_string()), NOW)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

fn key() -> AccessKey {
    AccessKey {
        id: KeyId::parse("01890000-0000-7000-8000-000000000009").unwrap(),
        kind: KeyKind::Api,
        digest: KeyDigest::from_bytes(&[1; 32]).unwrap(),
        ending: "abcd".into(),
        label: KeyLabel::parse("ci").unwrap(),
        subject: Subject::new("u"),
        workspace_id: WorkspaceId::new("w"),
        scope: Scope::default(),
        models: Models::All,
        created_at: NOW,
        expires_at: None,
        last_used_at: None,
        revoked_at: None,
    }
}

on_both!(i_72_g_38_what_ends_is_in_the_feed_once_and_in_order);
async fn i_72_g_38_what_ends_is_in_the_feed_once_and_in_order(database: Database) {
    let database = database.with_user().await;
    for number in 1..=3 {
        add_family(&database, number).await;
    }
    let mut transaction = database.begin().await;
    assert_eq!(transaction.revocations_after(0, 9).await.unwrap(), Feed { epoch: 0, entries: vec![] });
    transaction.insert_key(&key()).await.unwrap();
    let member = Revoked::Member(Subject::new("u"), WorkspaceId::new("w"));
    let user = Revoked::User(Subject::new("u"));

    for _ in 0..2 {
        transaction.end_family(id(1), FamilyStatus::Reused, NOW).await.unwrap();
        transaction.end_key(key().id, NOW).await.unwrap();
    }
    transaction.note_revoked(&member, NOW).await.unwrap();
    let spared = Some(id(3));
    assert_eq!(transaction.end_everything_of(&Subject::new("u"), spared, NOW).await.unwrap(), 1);
    transaction.note_revoked(&user, NOW).await.unwrap();

    let all = [
        entry(1, Revoked::Session(id(1))),
        entry(2, Revoked::Key(key().id)),
        entry(3, member),
        entry(4, Revoked::Session(id(2))),
        entry(5, user),
    ];
    let feed = transaction.revocations_after(0, 9).await.unwrap();
    assert_eq!(feed, Feed { epoch: 5, entries: all.to_vec() });
    let part = transaction.revocations_after(1, 2).await.unwrap();
    assert_eq!(part, Feed { epoch: 3, entries: all[1..3].to_vec() });
    let none = transaction.revocations_after(9, 9).await.unwrap();
    assert_eq!(none, Feed { epoch: 5, entries: vec![] }, "a number from before a restore");
}

on_both!(a_revocation_that_is_rolled_back_leaves_no_gap_and_no_entry);
async fn a_revocation_that_is_rolled_back_leaves_no_gap_and_no_entry(database: Database) {
    let database = database.with_user().await;
    let user = Revoked::User(Subject::new("u"));
    let mut transaction = database.begin().await;
    transaction.note_revoked(&user, NOW).await.unwrap();
    drop(transaction);

    let mut transaction = database.begin().await;
    transaction.note_revoked(&user, NOW).await.unwrap();

    assert_eq!(transaction.revocations_after(0, 9).await.unwrap().entries, [entry(1, user)]);
}

on_both!(r_40_what_a_restored_database_ends_comes_after_what_was_told_since_the_backup);
async fn r_40_what_a_restored_database_ends_comes_after_what_was_told_since_the_backup(database: Database) {
    let database = database.with_user().await;
    add_family(&database, 1).await;
    let mut transaction = database.begin().await;
    transaction.insert_key(&key()).await.unwrap();
    transaction.note_revoked(&Revoked::User(Subject::new("u")), NOW).await.unwrap();

    transaction.commit().await.unwrap();
    let settled = settle_restored(&database.storage, &FixedClock, Fate::Ends, Fate::Ends).await.unwrap();
    assert_eq!(settled, Settled { sessions: 1, keys: 1 });

    let told = database.begin().await.revocations_after(99_999_999, 9).await.unwrap();
    let ended = [entry(100_000_002, Revoked::Session(id(1))), entry(100_000_003, Revoked::Key(key().id))];
    assert_eq!(told, Feed { epoch: 100_000_003, entries: ended.to_vec() });
}

on_both!(revocations_of_many_at_once_become_visible_in_order);
async fn revocations_of_many_at_once_become_visible_in_order(database: Database) {
    let database = database.with_user().await;
    let revoke = |number: u32| {
        let storage = database.storage.clone();
        async move {
            let mut transaction = storage.begin().await.unwrap();
            transaction.note_revoked(&Revoked::Session(id(number)), NOW).await.unwrap();
            transaction.commit().await.unwrap();
        }
    };
    let writers: Vec<_> = (0..32).map(|number| tokio::spawn(revoke(number))).collect();

    let mut seen = 0;
    while seen < 32 {
        let feed = database.begin().await.revocations_after(seen, 9).await.unwrap();
        for entry in feed.entries {
            seen += 1;
            assert_eq!(entry.epoch, seen, "none was passed over");
        }
    }

    for writer in writers {
        writer.await.unwrap();
    }
}

on_both!(i_87_revocations_are_forgotten_and_their_numbers_are_not_given_again);
async fn i_87_revocations_are_forgotten_and_their_numbers_are_not_given_again(database: Database) {
    let database = database.with_user().await;
    let user = Revoked::User(Subject::new("u"));
    let mut transaction = database.begin().await;
    for _ in 0..2 {
        transaction.note_revoked(&user, NOW).await.unwrap();
    }

    assert_eq!(transaction.forget_revocations(NOW, 9).await.unwrap(), 0);
    let later = Timestamp::from_unix(NOW.as_unix() + 1);
    assert_eq!(transaction.forget_revocations(later, 9).await.unwrap(), 2);
    transaction.note_revoked(&user, later).await.unwrap();

    let feed = transaction.revocations_after(0, 9).await.unwrap();
    assert_eq!(feed.entries, [Revocation { epoch: 3, revoked: user, at: later }]);
}
