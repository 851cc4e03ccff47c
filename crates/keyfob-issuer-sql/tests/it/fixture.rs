//! Databases of a test's own, in a file and on a server, and what is put into them.

use keyfob_issuer_core::amr::Amr;
use keyfob_issuer_core::attempt::RefreshAttempt;
use keyfob_issuer_core::browser_session::BrowserSession;
use keyfob_issuer_core::client::{Client, ClientKind};
use keyfob_issuer_core::device_grant::{DeviceDialect, DeviceGrant, DeviceProgress, UserCodeDigest};
use keyfob_issuer_core::digest::{AttemptDigest, DeviceAuthDigest, RefreshDigest, SessionDigest};
use keyfob_issuer_core::grant::Approval;
use keyfob_issuer_core::login_session::Origin;
use keyfob_issuer_core::password::PasswordHash;
use keyfob_issuer_core::refresh_family::{FamilyStatus, RefreshFamily};
use keyfob_issuer_core::sign_in::Proof;
use keyfob_issuer_core::storage::{Storage as _, StorageError, Transaction};
use keyfob_issuer_core::user::{DeviceCodes, Email, User, UserStatus};
use keyfob_issuer_core::workspace::{AllowedWorkspaces, Role, Workspace, WorkspaceKind, WorkspaceName};
use keyfob_issuer_core::{FamilyId, GrantId};
use keyfob_issuer_sql::{Access, DatabaseUrl, SqlStorage, Urgency};
use keyfob_oauth::{ClientId, RefreshToken, Scope, Subject, Timestamp, WorkspaceId};
use keyfob_testing::postgres;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

pub(crate) const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
const UUID: &str = "01890000-0000-7000-8000-000000000000";

/// A database with the tables of this version, empty or with a client, a user and a workspace.
pub(crate) struct Database {
    pub(crate) storage: SqlStorage,
    pub(crate) place: Place,
}

/// Which database, and what keeps it.
pub(crate) struct Place {
    pub(crate) url: DatabaseUrl,
    pub(crate) directory: tempfile::TempDir,
    server: Option<postgres::Database>,
}

/// Runs a behaviour, a function of this name that takes an empty [`Database`], on a file and on a server.
macro_rules! on_both {
    ($behaviour:ident) => {
        mod $behaviour {
            #[tokio::test]
            async fn on_sqlite() {
                super::$behaviour($crate::fixture::Place::file().database().await).await;
            }

            #[tokio::test]
            async fn on_postgresql() {
                super::$behaviour($crate::fixture::Place::server().database().await).await;
            }
        }
    };
}
pub(crate) use on_both;

impl Place {
    /// A file that does not exist.
    pub(crate) fn file() -> Self {
        Self { url: DatabaseUrl::default(), directory: tempfile::tempdir().unwrap(), server: None }
    }

    /// An empty database of a real server.
    pub(crate) fn server() -> Self {
        let server = postgres::Server::shared().and_then(postgres::Server::database).unwrap();
        let url = DatabaseUrl::parse(&server.url()).unwrap();
        Self { url, directory: tempfile::tempdir().unwrap(), server: Some(server) }
    }

    pub(crate) fn access(&self) -> Access<'_> {
        Access { url: &self.url, directory: self.directory.path(), password: None, connections: 16 }
    }

    pub(crate) async fn database(self) -> Database {
        let database = keyfob_issuer_sql::Database::create(&self.access()).await.unwrap();
        Database { storage: database.into_storage(Urgency::Commands).await.unwrap(), place: self }
    }

    /// Runs SQL behind the storage's back; returns the first column of each row.
    pub(crate) async fn query(&self, sql: &'static str) -> Vec<String> {
        if let Some(server) = &self.server {
            return server.query(sql).unwrap().lines().map(str::to_owned).collect();
        }
        let file = self.url.file(self.directory.path()).unwrap();
        let mut connection =
            SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(file)).await.unwrap();
        let rows = sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        rows
    }
}

impl Database {
    /// Adds a client, a user and a workspace.
    pub(crate) async fn with_user(self) -> Self {
        let mut transaction = self.begin().await;
        transaction.insert_client(&client(), NOW).await.unwrap();
        transaction.insert_user(&user()).await.unwrap();
        transaction.insert_workspace(&workspace(), NOW).await.unwrap();
        transaction.insert_member(&workspace().id, &user().subject, Role::Owner, NOW).await.unwrap();
        transaction.commit().await.unwrap();
        self
    }

    pub(crate) async fn begin(&self) -> Box<dyn Transaction> {
        self.storage.begin().await.unwrap()
    }
}

pub(crate) fn client() -> Client {
    Client { id: ClientId::new("c"), name: "A client".into(), kind: ClientKind::CodexCli }
}

pub(crate) fn user() -> User {
    User {
        subject: Subject::new("u"),
        email: Email::parse("mia@example.org").unwrap(),
        email_verified_at: Some(NOW),
        name: "mia".into(),
        password: PasswordHash::from_stored("hash".into()),
        device_codes: DeviceCodes::Off,
        status: UserStatus::Active,
        created_at: NOW,
    }
}

pub(crate) fn workspace() -> Workspace {
    let kind = WorkspaceKind::Personal(Subject::new("u"));
    Workspace::new(WorkspaceId::new("w"), WorkspaceName::personal(), kind)
}

pub(crate) fn session(number: u8, expires_at: Timestamp) -> BrowserSession {
    let digest = SessionDigest::from_bytes(&[number; 32]).unwrap();
    BrowserSession {
        digest,
        subject: Subject::new("u"),
        proof: Proof::of_password(NOW),
        began_at: NOW,
        expires_at,
    }
}

pub(crate) fn family() -> RefreshFamily {
    RefreshFamily {
        id: FamilyId::parse(UUID).unwrap(),
        client_id: ClientId::new("c"),
        subject: Subject::new("u"),
        workspace_id: WorkspaceId::new("w"),
        scope: Scope::parse("openid email").unwrap(),
        auth_time: NOW,
        amr: Amr::PasswordAndSecondFactor,
        created_at: NOW,
        generation: 0,
        last_anonymous: None,
        status: FamilyStatus::Live,
    }
}

pub(crate) fn grant_id() -> GrantId {
    GrantId::parse(UUID).unwrap()
}

pub(crate) fn refresh_digest(token: &str) -> RefreshDigest {
    RefreshDigest::of(&RefreshToken::new(token))
}

pub(crate) fn attempt_digest(attempt: &str) -> AttemptDigest {
    AttemptDigest::of(&RefreshAttempt::new(attempt))
}

pub(crate) fn approval() -> Approval {
    Approval { subject: user().subject, workspace_id: workspace().id, auth_time: NOW, amr: Amr::Password }
}

/// A device that asked a quarter of an hour before it ends.
pub(crate) fn device(number: u8, expires_at: Timestamp) -> DeviceGrant {
    DeviceGrant {
        digest: DeviceAuthDigest::from_bytes(&[number; 32]).unwrap(),
        user_code: UserCodeDigest::from_bytes(&[number; 32]).unwrap(),
        client_id: client().id,
        dialect: DeviceDialect::Standard,
        scope: Scope::parse("openid email").unwrap(),
        allowed: AllowedWorkspaces::parse("w").unwrap(),
        origin: Origin::new(Some("tool/1"), Some("desk"), "192.0.2.7".parse().ok()),
        network: Some("192.0.2.7".into()),
        requested_at: Timestamp::from_unix(expires_at.as_unix() - 900),
        expires_at,
        undo: None,
        progress: DeviceProgress::Pending,
    }
}

pub(crate) fn assert_conflict(taken: &Result<(), StorageError>) {
    assert!(matches!(taken, Err(StorageError::Conflict)), "{taken:?}");
}
