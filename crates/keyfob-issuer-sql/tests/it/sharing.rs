//! Transactions that share a commit: nobody is answered before what they saw is durable.

use crate::fixture::{Database, NOW, Place, client};
use keyfob_issuer_core::client::Client;
use keyfob_issuer_core::storage::{Storage as _, StorageError, Transaction};
use keyfob_oauth::ClientId;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

const CLIENTS: &str = "SELECT id FROM clients ORDER BY id";

fn named(name: &str) -> Client {
    Client { id: ClientId::new(name), ..client() }
}

async fn adding(database: &Database, name: &str) -> Box<dyn Transaction> {
    let mut transaction = database.storage.begin_shared().await.unwrap();
    transaction.insert_client(&named(name), NOW).await.unwrap();
    transaction
}

/// Polls once; whether it is done.
async fn is_done<T>(mut future: Pin<&mut impl Future<Output = T>>) -> bool {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await
}

/// Lets the next one wait for its turn, then commits the first, so that they share.
///
/// Returns the first one's commit, which goes on, and the next one in its turn.
async fn two(database: &Database) -> (impl Future<Output = Result<(), StorageError>>, Box<dyn Transaction>) {
    let first = adding(database, "a").await;
    let mut next = Box::pin(adding(database, "b"));
    assert!(!is_done(next.as_mut()).await);
    let mut committing = Box::pin(first.commit());
    assert!(!is_done(committing.as_mut()).await);
    let next = next.await;
    assert!(!is_done(committing.as_mut()).await);
    (committing, next)
}

#[tokio::test]
async fn r_28_transactions_that_share_a_commit_are_answered_when_all_of_them_are_durable() {
    let database = Place::file().database().await;
    let (committing, next) = two(&database).await;
    assert_eq!(database.place.query(CLIENTS).await, [""; 0]);

    next.commit().await.unwrap();

    assert_eq!(database.place.query(CLIENTS).await, ["a", "b"]);
    committing.await.unwrap();
}

#[tokio::test]
async fn r_28_who_changes_nothing_is_answered_when_what_they_saw_is_durable() {
    let database = Place::file().database().await;
    let (committing, mut next) = two(&database).await;
    assert_eq!(next.find_client(&ClientId::new("a")).await.unwrap(), Some(named("a")));

    next.roll_back().await.unwrap();

    assert_eq!(database.place.query(CLIENTS).await, ["a"]);
    committing.await.unwrap();
}

#[tokio::test]
async fn r_28_one_that_is_dropped_takes_nobody_along() {
    let database = Place::file().database().await;
    let (committing, next) = two(&database).await;

    drop(next);

    committing.await.unwrap();
    assert_eq!(database.place.query(CLIENTS).await, ["a"]);
}

#[tokio::test]
async fn r_28_one_in_which_a_statement_failed_takes_nobody_along() {
    let database = Place::file().database().await;
    let (committing, mut next) = two(&database).await;
    let twice = next.insert_client(&named("a"), NOW).await;
    assert!(matches!(twice, Err(StorageError::Exists)), "{twice:?}");

    let committed = next.commit().await;

    assert!(matches!(committed, Err(StorageError::Unavailable(_))), "{committed:?}");
    committing.await.unwrap();
    assert_eq!(database.place.query(CLIENTS).await, ["a"]);
}

#[tokio::test]
async fn r_28_one_that_shares_with_nobody_sees_only_what_is_durable() {
    let database = Place::file().database().await;
    let first = adding(&database, "a").await;
    let mut alone = Box::pin(database.storage.begin());
    assert!(!is_done(alone.as_mut()).await);
    let mut committing = pin!(first.commit());
    assert!(!is_done(committing.as_mut()).await);

    let mut alone = alone.await.unwrap();

    assert_eq!(database.place.query(CLIENTS).await, ["a"]);
    assert_eq!(alone.find_client(&ClientId::new("a")).await.unwrap(), Some(named("a")));
    committing.await.unwrap();
}

#[tokio::test]
async fn one_whose_turn_never_comes_holds_nobody_up() {
    let database = Place::file().database().await;
    let first = adding(&database, "a").await;
    let mut gone = Box::pin(adding(&database, "b"));
    assert!(!is_done(gone.as_mut()).await);
    let mut committing = pin!(first.commit());
    assert!(!is_done(committing.as_mut()).await);

    drop(gone);

    committing.await.unwrap();
    assert_eq!(database.place.query(CLIENTS).await, ["a"]);
}
