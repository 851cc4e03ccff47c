//! Second factors, how often something was tried, and links that reset a password.

use crate::fixture::{Database, NOW, on_both, user};
use crate::world::World;
use keyfob_issuer_core::digest::{EmailLinkDigest, ResetDigest, ResetToken};
use keyfob_issuer_core::email_link::{EmailLink, EmailPurpose};
use keyfob_issuer_core::factor::{Enrolment, FactorKind};
use keyfob_issuer_core::operation::{TryError, TryOrigin};
use keyfob_issuer_core::password::PasswordHash;
use keyfob_issuer_core::storage::{Changed, StorageError};
use keyfob_issuer_core::throttle::{Counter, ThrottleKey};
use keyfob_issuer_core::user::{Email, User};
use keyfob_oauth::Subject;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

fn enrolment(kind: FactorKind, sealed: &[u8]) -> Enrolment {
    Enrolment { subject: user().subject, kind, sealed: sealed.to_vec(), version: 0, enrolled_at: NOW }
}

on_both!(i_55_of_two_who_change_what_a_factor_keeps_one_loses);
async fn i_55_of_two_who_change_what_a_factor_keeps_one_loses(database: Database) {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    let totp = enrolment(FactorKind::Totp, b"first");
    let recovery = enrolment(FactorKind::Recovery, b"codes");
    transaction.replace_enrolment(&totp).await.unwrap();
    transaction.replace_enrolment(&recovery).await.unwrap();

    let first = transaction.update_enrolment(&totp, b"second").await.unwrap();
    let late = transaction.update_enrolment(&totp, b"third").await.unwrap();

    assert_eq!((first, late), (Changed::Yes, Changed::No));
    let changed = Enrolment { sealed: b"second".to_vec(), version: 1, ..totp.clone() };
    let found = transaction.find_enrolments(&user().subject).await.unwrap();
    assert_eq!(found, [recovery, changed]);
}

on_both!(a_factor_that_is_replaced_cannot_be_changed_by_who_saw_the_one_before);
async fn a_factor_that_is_replaced_cannot_be_changed_by_who_saw_the_one_before(database: Database) {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    let old = enrolment(FactorKind::Totp, b"old");
    transaction.replace_enrolment(&old).await.unwrap();
    transaction.replace_enrolment(&enrolment(FactorKind::Totp, b"new")).await.unwrap();

    assert_eq!(transaction.update_enrolment(&old, b"stale").await.unwrap(), Changed::No);

    transaction.delete_enrolments(&user().subject).await.unwrap();
    assert_eq!(transaction.find_enrolments(&user().subject).await.unwrap(), []);
}

on_both!(i_54_a_counter_comes_back_until_it_begins_again_or_is_forgotten);
async fn i_54_a_counter_comes_back_until_it_begins_again_or_is_forgotten(database: Database) {
    let mut transaction = database.begin().await;
    let (mia, zoe, tom) = (key(1), key(2), key(3));
    let at = |seconds| Counter { failures: 7, last: NOW.plus(Duration::from_secs(seconds)) };
    for (key, counter) in [(&mia, at(0)), (&zoe, at(1)), (&tom, at(2))] {
        transaction.insert_counter(key, counter).await.unwrap();
    }
    let more = Counter { failures: 8, last: NOW };
    transaction.update_counter(&mia, more).await.unwrap();
    assert_eq!(transaction.find_counter(&mia).await.unwrap(), Some(more));

    transaction.delete_counter(&mia).await.unwrap();
    assert_eq!(transaction.find_counter(&mia).await.unwrap(), None);
    let later = NOW.plus(Duration::from_secs(2));
    assert_eq!(transaction.forget_counters(later, 9).await.unwrap(), 1);
    assert_eq!(transaction.find_counter(&zoe).await.unwrap(), None);
    assert_eq!(transaction.find_counter(&tom).await.unwrap(), Some(at(2)));
}

on_both!(i_54_of_two_who_begin_a_counter_one_has_to_look_again);
async fn i_54_of_two_who_begin_a_counter_one_has_to_look_again(database: Database) {
    let mut transaction = database.begin().await;
    let counter = |failures| Counter { failures, last: NOW };
    transaction.insert_counter(&key(1), counter(1)).await.unwrap();

    let second = transaction.insert_counter(&key(1), counter(9)).await;

    assert!(matches!(second, Err(StorageError::Conflict)), "{second:?}");
    assert_eq!(transaction.find_counter(&key(1)).await.unwrap(), Some(counter(1)));
}

on_both!(i_54_tries_at_the_same_moment_are_each_counted);
async fn i_54_tries_at_the_same_moment_are_each_counted(database: Database) {
    let world = Arc::new(World::start(database).await);
    let mut tries = JoinSet::new();
    for _ in 0..20 {
        let world = Arc::clone(&world);
        tries.spawn(async move { world.issuer.candidate("mia@example.org", &TryOrigin::default()).await });
    }

    let outcomes = tries.join_all().await;

    let admitted = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let throttled = outcomes.iter().filter(|outcome| matches!(outcome, Err(TryError::Throttled(_)))).count();
    assert_eq!((admitted, throttled), (5, 15), "{outcomes:?}");
}

on_both!(i_60_a_link_is_found_until_it_ends_or_is_replaced_or_the_password_changes);
async fn i_60_a_link_is_found_until_it_ends_or_is_replaced_or_the_password_changes(database: Database) {
    let database = database.with_user().await;
    let mut transaction = database.begin().await;
    let mia = user().subject;
    let [first, second] = ["first", "second"].map(|token| ResetDigest::of(&ResetToken::new(token)));
    let ends = NOW.plus(Duration::from_secs(1));

    transaction.replace_reset_link(&first, &mia, ends).await.unwrap();
    assert_eq!(transaction.find_reset_link(&first, NOW).await.unwrap(), Some(mia.clone()));
    assert_eq!(transaction.find_reset_link(&first, ends).await.unwrap(), None);

    transaction.replace_reset_link(&second, &mia, ends).await.unwrap();
    assert_eq!(transaction.find_reset_link(&first, NOW).await.unwrap(), None);
    assert_eq!(transaction.find_reset_link(&second, NOW).await.unwrap(), Some(mia.clone()));

    let password = PasswordHash::from_stored("another".into());
    transaction.set_password(&mia, &password).await.unwrap();
    assert_eq!(transaction.find_reset_link(&second, NOW).await.unwrap(), None);
    assert_eq!(transaction.find_user(&mia).await.unwrap(), Some(User { password, ..user() }));
}

fn key(byte: u8) -> ThrottleKey {
    ThrottleKey::from_bytes(&[byte; 32]).unwrap()
}

on_both!(i_06_a_link_to_an_address_is_found_for_its_purpose_alone_until_it_ends_or_is_forgotten);
async fn i_06_a_link_to_an_address_is_found_for_its_purpose_alone_until_it_ends_or_is_forgotten(
    database: Database,
) {
    let database = database.with_user().await;
    let ends = NOW.plus(Duration::from_mins(1));
    let link = |number: u8, purpose| EmailLink {
        digest: EmailLinkDigest::from_bytes(&[number; 32]).unwrap(),
        purpose,
        subject: user().subject,
        email: Email::parse("new@example.org").unwrap(),
        expires_at: ends,
    };
    let (verify, undo) = (link(1, EmailPurpose::Verify), link(2, EmailPurpose::Undo));
    let mut transaction = database.begin().await;
    transaction.insert_email_link(&verify).await.unwrap();
    transaction.insert_email_link(&undo).await.unwrap();

    let mut found = Vec::new();
    for (purpose, now) in
        [(EmailPurpose::Verify, NOW), (EmailPurpose::Undo, NOW), (EmailPurpose::Verify, ends)]
    {
        found.push(transaction.find_email_link(&verify.digest, purpose, now).await.unwrap());
    }
    assert_eq!(found, [Some(verify.clone()), None, None]);

    transaction.delete_email_links(&user().subject, EmailPurpose::Verify).await.unwrap();
    let gone = transaction.find_email_link(&verify.digest, EmailPurpose::Verify, NOW).await.unwrap();
    let kept = transaction.find_email_link(&undo.digest, EmailPurpose::Undo, NOW).await.unwrap();
    assert_eq!((gone, kept), (None, Some(undo)));
    assert_eq!(transaction.forget_email_links(ends, 9).await.unwrap(), 0);
    assert_eq!(transaction.forget_email_links(ends.plus(Duration::from_secs(1)), 9).await.unwrap(), 1);
}

on_both!(i_61_an_address_that_somebody_has_becomes_nobody_elses);
async fn i_61_an_address_that_somebody_has_becomes_nobody_elses(database: Database) {
    let database = database.with_user().await;
    let zoe = User {
        subject: Subject::new("z"),
        email: Email::parse("zoe@example.org").unwrap(),
        email_verified_at: None,
        ..user()
    };
    let mut transaction = database.begin().await;
    transaction.insert_user(&zoe).await.unwrap();
    assert_eq!(transaction.find_user(&zoe.subject).await.unwrap(), Some(zoe.clone()));
    let new = Email::parse("new@example.org").unwrap();
    let later = NOW.plus(Duration::from_mins(1));
    transaction.set_email(&zoe.subject, &new, later).await.unwrap();
    let moved = User { email: new, email_verified_at: Some(later), ..zoe.clone() };
    assert_eq!(transaction.find_user(&zoe.subject).await.unwrap(), Some(moved));

    let taken = transaction.set_email(&zoe.subject, &user().email, later).await;

    assert!(matches!(taken, Err(StorageError::Exists)), "{taken:?}");
}
