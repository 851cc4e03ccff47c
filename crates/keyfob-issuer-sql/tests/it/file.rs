//! The file: who may read it, and when there is one.

use crate::fixture::Place;
use keyfob_issuer_sql::{Database, OpenError, Urgency};
use std::os::unix::fs::PermissionsExt as _;

#[tokio::test]
async fn the_files_are_readable_by_their_owner_alone() {
    let database = Place::file().database().await.with_user().await;

    for name in ["issuer.db", "issuer.db-wal", "issuer.db-shm"] {
        let metadata = std::fs::metadata(database.place.directory.path().join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_database_is_created_once_and_opened_only_where_it_is() {
    let place = Place::file();

    assert!(matches!(Database::reach(&place.access()).await, Err(OpenError::Open { .. })));
    let made = Database::create(&place.access()).await.unwrap();
    made.into_storage(Urgency::Commands).await.unwrap().close().await;
    assert!(matches!(Database::create(&place.access()).await, Err(OpenError::Create { .. })));
    Database::reach(&place.access()).await.unwrap();
}
