//! The server: how it is reached, and what it takes when it goes.

use crate::fixture::{NOW, client};
use futures_util::FutureExt as _;
use keyfob_issuer_core::storage::Storage as _;
use keyfob_issuer_sql::{Access, Database, DatabaseUrl, OpenError, Urgency};
use keyfob_oauth::Secret;
use keyfob_testing::postgres::{Server, Stop};
use std::error::Error;

async fn reach(url: &str, password: Option<&Secret>) -> Result<Database, OpenError> {
    reach_by(4, url, password).await
}

async fn reach_by(connections: u32, url: &str, password: Option<&Secret>) -> Result<Database, OpenError> {
    let url = DatabaseUrl::parse(url).unwrap();
    Database::reach(&Access { url: &url, directory: "/".as_ref(), password, connections }).await
}

/// What a person is told: the error and what it comes from.
fn told(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", told(cause)),
        None => error.to_string(),
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_with_the_reason() {
    let nowhere = told(&reach("postgres://u@127.0.0.1:1/d", None).await.unwrap_err());

    let expected = "cannot open the database postgres://u@127.0.0.1:1/d: ";
    assert!(nowhere.starts_with(expected) && nowhere.contains("refused"), "{nowhere}");
}

#[tokio::test]
async fn a_database_that_does_not_exist_is_named_with_the_reason() {
    let database = Server::shared().unwrap().database().unwrap();
    let url = database.url().replace("/test_", "/other_");

    let unknown = told(&reach(&url, None).await.unwrap_err());

    assert!(unknown.contains("does not exist"), "{unknown}");
}

#[tokio::test]
async fn a_server_lets_nobody_in_without_the_password_and_no_message_holds_it() {
    let database = Server::shared().unwrap().database().unwrap();
    let url = database.url_with_password("right horse").unwrap();
    let [right, wrong] = ["right horse", "wrong horse"].map(|text| Secret::new(text.into()));

    let refused = reach(&url, Some(&wrong)).await.unwrap_err();
    let missing = reach(&url, None).await.unwrap_err();
    let reached = reach(&url, Some(&right)).await.unwrap();

    assert!(told(&refused).contains("password authentication failed"), "{}", told(&refused));
    let reached_shown = format!("{reached:?}");
    let storage = reached.into_storage(Urgency::Commands).await.unwrap();
    let storage_shown = format!("{storage:?}");
    for shown in [told(&refused), format!("{refused:?}"), told(&missing), reached_shown, storage_shown] {
        assert!(!shown.contains("horse"), "{shown}");
    }
}

#[tokio::test]
async fn a_restart_of_the_server_costs_what_was_under_way_and_nothing_after_it() {
    for stop in [Stop::Fast, Stop::Immediate] {
        let server = Server::own().unwrap().database().unwrap();
        let storage =
            reach(&server.url(), None).await.unwrap().into_storage(Urgency::Commands).await.unwrap();
        // As many connections as there may be, all of them back in the pool.
        let mut transactions = Vec::new();
        for _ in 0..4 {
            transactions.push(storage.begin().await.unwrap());
        }
        drop(transactions);
        let mut committed = storage.begin().await.unwrap();
        committed.insert_client(&client(), NOW).await.unwrap();
        committed.commit().await.unwrap();
        let mut interrupted = storage.begin().await.unwrap();

        server.restart(stop).unwrap();

        assert!(interrupted.find_client(&client().id).await.is_err(), "{stop:?}");
        for _ in 0..8 {
            let mut transaction = storage.begin().await.unwrap();
            assert_eq!(transaction.find_client(&client().id).await.unwrap(), Some(client()), "{stop:?}");
        }
    }
}

#[tokio::test]
async fn a_dropped_transaction_frees_what_it_locked_and_its_connection_serves_on() {
    const CONNECTED: &str =
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let server = Server::shared().unwrap().database().unwrap();
    let storage = reach_by(1, &server.url(), None).await.unwrap();
    let storage = storage.into_storage(Urgency::Commands).await.unwrap();
    let connected = server.query(CONNECTED).unwrap();

    for _ in 0..10 {
        let mut dropped = storage.begin().await.unwrap();
        dropped.insert_client(&client(), NOW).await.unwrap();
        // Mostly in the middle of a statement, whose answer nobody takes.
        drop(dropped.find_client(&client().id).now_or_never());
        drop(dropped);
    }
    let mut committed = storage.begin().await.unwrap();
    committed.insert_client(&client(), NOW).await.unwrap();
    committed.commit().await.unwrap();

    assert_eq!(connected.lines().count(), 1);
    assert_eq!(server.query(CONNECTED).unwrap(), connected);
    storage.close().await;
}

#[tokio::test]
async fn who_goes_before_a_transaction_has_begun_takes_no_place_along() {
    let server = Server::shared().unwrap().database().unwrap();
    let storage = reach_by(1, &server.url(), None).await.unwrap();
    let storage = storage.into_storage(Urgency::Commands).await.unwrap();

    for _ in 0..10 {
        drop(storage.begin().now_or_never());
    }

    let mut transaction = storage.begin().await.unwrap();
    assert_eq!(transaction.find_client(&client().id).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_needs_a_connection_waits_for_a_place_at_a_server_that_has_none_for_the_moment() {
    let server = Server::shared().unwrap().database().unwrap();
    let password = Secret::new("right horse".into());
    let url = server.url_with_password(password.expose()).unwrap();
    let role = url::Url::parse(&url).unwrap().username().to_owned();
    let reached = reach(&url, Some(&password)).await.unwrap();
    let storage = reached.into_storage(Urgency::Commands).await.unwrap();
    let _first = storage.begin().await.unwrap();
    let limit = |connections| format!("ALTER ROLE \"{role}\" CONNECTION LIMIT {connections}");
    server.query(&limit(1)).unwrap();

    let second = tokio::spawn(async move { storage.begin().await });
    // Long enough to be refused, and if it were not it would pass as well.
    for _ in 0..3 {
        server.query("SELECT 1").unwrap();
    }
    server.query(&limit(2)).unwrap();

    let mut second = second.await.unwrap().unwrap();
    assert_eq!(second.find_client(&client().id).await.unwrap(), None);
}
