//! The schema: the same on both, taken step by step, on a database that was in use before or by several at once.

use crate::fixture::{self, NOW, Place, client, on_both, refresh_digest};
use keyfob_issuer_core::refresh_family::{Delivery, RefreshFamily, SealedCopy};
use keyfob_issuer_core::sign_in::MfaPolicy;
use keyfob_issuer_core::storage::{SealedSigningKey, Storage as _, StoredSigningKey};
use keyfob_issuer_core::workspace::{Membership, Role};
use keyfob_issuer_sql::{Database, OpenError, Urgency};
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
    let place = Place::file();
    let path = place.url.file(place.directory.path()).unwrap();
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let first = include_str!("../../migrations/0001_first.sql").into_sql_str();
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

    let storage =
        Database::reach(&place.access()).await.unwrap().into_storage(Urgency::Commands).await.unwrap();
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

/// The columns of every table of ours, as SQLite and as PostgreSQL list them.
const COLUMNS_OF_FILE: &str = "
    SELECT m.name || '.' || c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c
    WHERE m.type = 'table' AND m.name <> '_sqlx_migrations'";
const COLUMNS_OF_SERVER: &str = "
    SELECT table_name || '.' || column_name FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations'";

#[tokio::test]
async fn a_file_and_a_server_have_the_same_tables_and_columns() {
    let file = Place::file().database().await;
    let server = Place::server().database().await;

    let mut of_file = file.place.query(COLUMNS_OF_FILE).await;
    let mut of_server = server.place.query(COLUMNS_OF_SERVER).await;
    of_file.sort();
    of_server.sort();

    assert!(of_file.contains(&"refresh_tokens.digest".into()), "{of_file:?}");
    assert_eq!(of_server, of_file);
}

#[tokio::test]
async fn r_29_of_nodes_that_start_at_once_on_one_server_one_makes_the_tables_and_all_go_on() {
    let place = Place::server();
    let mut reached = Vec::new();
    for _ in 0..8 {
        reached.push(Database::reach(&place.access()).await.unwrap());
    }

    let nodes = reached.into_iter().map(|node| tokio::spawn(node.into_storage(Urgency::Commands)));

    for node in nodes.collect::<Vec<_>>() {
        let storage = node.await.unwrap().unwrap();
        assert_eq!(storage.begin().await.unwrap().list_users().await.unwrap(), []);
    }
}

fn key() -> StoredSigningKey {
    let key = SealedSigningKey { id: "k".into(), sealed: vec![1, 2, 3] };
    StoredSigningKey { key, created_at: NOW, signs_from: NOW }
}

on_both!(i_41_whose_database_it_is_can_be_seen_before_anything_changes);
async fn i_41_whose_database_it_is_can_be_seen_before_anything_changes(database: fixture::Database) {
    let place = database.place;
    let key = key();
    let mut transaction = database.storage.begin().await.unwrap();
    transaction.insert_signing_key(&key).await.unwrap();
    transaction.commit().await.unwrap();
    database.storage.close().await;
    // As a version of ours that knows of no later step has left it.
    place.query("ALTER TABLE refresh_families DROP COLUMN last_anonymous").await;
    place.query("DELETE FROM _sqlx_migrations WHERE version > 1").await;

    let mut reached = Database::reach(&place.access()).await.unwrap();
    let seen = reached.sealed_signing_key().await.unwrap();
    drop(reached);

    assert_eq!(seen, Some(key.key));
    let steps = place.query("SELECT CAST(count(*) AS TEXT) FROM _sqlx_migrations").await;
    assert_eq!(steps, ["1"]);
}

on_both!(a_database_that_holds_an_issuer_is_not_taken_for_another);
async fn a_database_that_holds_an_issuer_is_not_taken_for_another(database: fixture::Database) {
    let mut transaction = database.begin().await;
    let key = key();
    transaction.insert_signing_key(&key).await.unwrap();
    transaction.commit().await.unwrap();

    let taken = Database::create(&database.place.access()).await.map(drop);

    assert!(matches!(taken, Err(OpenError::Create { .. } | OpenError::Occupied { .. })), "{taken:?}");
}

/// What was there when every workspace was personal: a session with the cloud, one from before the app, one from after.
const PERSONAL_ROWS: &str = "
    INSERT INTO users VALUES ('u', 'mia@example.org', 'mia', 'hash', 0, 5);
    INSERT INTO workspaces VALUES ('w', 'Personal', 'u', 5, 'always');
    INSERT INTO access_keys VALUES ('01890000-0000-7000-8000-000000000000', 'api_key', zeroblob(32), '1234', 'a key', 'u', 'w',
        'openid', '', 5, NULL, NULL, NULL);
    INSERT INTO clients VALUES ('c', 'A client', 'codex_cli', 0);
    INSERT INTO enrolments VALUES ('u', 'totp', x'00', 0, 20);
    INSERT INTO refresh_families (id, client_id, subject, workspace_id, scope, auth_time, created_at, generation, status)
    VALUES ('cloud', 'c', 'u', 'w', 'openid cloud', 0, 0, 0, 'live'),
        ('before', 'c', 'u', 'w', 'openid cloudy', 0, 10, 0, 'live'),
        ('after', 'c', 'u', 'w', 'openid', 0, 30, 0, 'live');";

#[tokio::test]
async fn i_32_personal_workspaces_from_before_have_their_person_as_owner_and_sessions_their_factors() {
    let place = Place::file();
    let path = place.url.file(place.directory.path()).unwrap();
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let steps = [
        ("first", include_str!("../../migrations/0001_first.sql")),
        ("recoverable rotation", include_str!("../../migrations/0002_recoverable_rotation.sql")),
        ("session labels", include_str!("../../migrations/0003_session_labels.sql")),
        ("accounts", include_str!("../../migrations/0004_accounts.sql")),
        ("keys", include_str!("../../migrations/0005_keys.sql")),
    ];
    let steps = (1..).zip(steps).map(|(version, (name, sql))| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(steps.collect()).run_direct(None, &mut connection, false).await.unwrap();
    sqlx::raw_sql(PERSONAL_ROWS).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();

    let storage =
        Database::reach(&place.access()).await.unwrap().into_storage(Urgency::Commands).await.unwrap();

    let mut transaction = storage.begin().await.unwrap();
    let memberships = transaction.list_memberships(&fixture::user().subject).await.unwrap();
    let mut workspace = fixture::workspace();
    workspace.policy.mfa = MfaPolicy::Always;
    assert_eq!(memberships, [Membership { workspace, role: Role::Owner }]);
    assert_eq!(transaction.list_keys().await.unwrap().len(), 1);
    drop(transaction);
    let proven = place.query("SELECT id || ': ' || amr FROM refresh_families ORDER BY created_at").await;
    assert_eq!(proven, ["cloud: pwd otp mfa", "before: pwd", "after: pwd otp mfa"]);
}
