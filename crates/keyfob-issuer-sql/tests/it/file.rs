//! The file: who may read it, what survives, what is never guessed.

use crate::fixture::{Database, NOW, client, user};
use keyfob_issuer_core::client::Client;
use keyfob_issuer_core::storage::Storage as _;
use keyfob_issuer_sql::{OpenError, SqliteStorage};
use keyfob_oauth::ClientId;
use std::os::unix::fs::PermissionsExt as _;

#[tokio::test]
async fn the_files_are_readable_by_their_owner_alone() {
    let database = Database::with_user().await;

    for name in ["issuer.db", "issuer.db-wal", "issuer.db-shm"] {
        let metadata = std::fs::metadata(database.directory.path().join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn what_is_committed_survives_and_what_is_dropped_never_happened() {
    let database = Database::with_user().await;
    let path = database.directory.path().join("issuer.db");
    let dropped = Client { id: ClientId::new("dropped"), ..client() };
    let mut transaction = database.begin().await;
    transaction.insert_client(&dropped, NOW).await.unwrap();
    drop(transaction);
    database.storage.clone().close().await;

    let storage = SqliteStorage::open(&path).await.unwrap();
    let mut transaction = storage.begin().await.unwrap();

    assert_eq!(transaction.find_client(&dropped.id).await.unwrap(), None);
    assert_eq!(transaction.find_user(&user().subject).await.unwrap(), Some(user()));
}

#[tokio::test]
async fn a_database_is_created_once_and_opened_only_where_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("issuer.db");

    assert!(matches!(SqliteStorage::open(&path).await, Err(OpenError::Open { .. })));
    SqliteStorage::create(&path).await.unwrap().close().await;
    assert!(matches!(SqliteStorage::create(&path).await, Err(OpenError::Create { .. })));
}
