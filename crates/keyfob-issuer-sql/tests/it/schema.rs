//! The steps of the schema, on a database that was in use before them.

use crate::fixture::{client, refresh_digest};
use keyfob_issuer_core::refresh_family::{Delivery, RefreshFamily, SealedCopy};
use keyfob_issuer_core::storage::Storage as _;
use keyfob_issuer_sql::SqliteStorage;
use keyfob_oauth::Timestamp;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, SqlSafeStr as _};

/// A family of three tokens, as it was kept when no client sent attempt ids.
const ROWS: &str = "
    INSERT INTO clients VALUES ('c', 'A client', 'codex_cli', 0);
    INSERT INTO refresh_families VALUES
        ('01890000-0000-7000-8000-000000000000', 'c', 'u', 'w', 'openid', 0, 0, 2, 'live', NULL);";

#[tokio::test]
async fn i_27_a_login_from_before_attempt_ids_goes_on_as_one_that_a_stock_client_shares() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("issuer.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let first = include_str!("../../migrations/sqlite/0001_first.sql").into_sql_str();
    let step = Migration::new(1, "first".into(), MigrationType::Simple, first, false);
    Migrator::with_migrations(vec![step]).run_direct(None, &mut connection, false).await.unwrap();
    sqlx::raw_sql(ROWS).execute(&mut connection).await.unwrap();
    for (generation, superseded_at) in [(0_i64, Some(10_i64)), (1, Some(20)), (2, None)] {
        sqlx::query("INSERT INTO refresh_tokens VALUES ($1, $2, $3, 0, $4, $5)")
            .bind(refresh_digest(&generation.to_string()).as_bytes())
            .bind("01890000-0000-7000-8000-000000000000")
            .bind(generation)
            .bind(superseded_at)
            .bind(superseded_at.map(|_| b"sealed".as_slice()))
            .execute(&mut connection)
            .await
            .unwrap();
    }
    connection.close().await.unwrap();

    let storage = SqliteStorage::open(&path).await.unwrap();
    let mut transaction = storage.begin().await.unwrap();
    let mut deliveries = Vec::new();
    let mut families: Vec<RefreshFamily> = Vec::new();
    for token in ["0", "1", "2"] {
        let (token, family) = transaction.find_refresh_token(&refresh_digest(token)).await.unwrap().unwrap();
        deliveries.push(token.successor.map(|successor| successor.delivery));
        families.push(family);
    }

    let copy = SealedCopy { sealed: b"sealed".to_vec(), replays: 0 };
    let presented = Delivery::Presented(Timestamp::from_unix(20));
    assert_eq!(deliveries, [Some(presented), Some(Delivery::Unknown(copy)), None]);
    assert!(families.iter().all(|family| family.last_anonymous == Some(2)));
    assert_eq!(transaction.find_client(&client().id).await.unwrap(), Some(client()));
}
