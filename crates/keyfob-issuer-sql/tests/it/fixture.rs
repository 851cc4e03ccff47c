//! A database in a directory of its own, empty or with a client, a user and a workspace.

use keyfob_issuer_core::attempt::RefreshAttempt;
use keyfob_issuer_core::client::{Client, ClientKind};
use keyfob_issuer_core::digest::{AttemptDigest, RefreshDigest};
use keyfob_issuer_core::password::PasswordHash;
use keyfob_issuer_core::refresh_family::{FamilyStatus, RefreshFamily};
use keyfob_issuer_core::storage::{Storage as _, Transaction};
use keyfob_issuer_core::user::{DeviceCodes, Email, User, Workspace};
use keyfob_issuer_core::{FamilyId, GrantId};
use keyfob_issuer_sql::SqliteStorage;
use keyfob_oauth::{ClientId, RefreshToken, Scope, Subject, Timestamp, WorkspaceId};

pub(crate) const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
const UUID: &str = "01890000-0000-7000-8000-000000000000";

/// A database.
pub(crate) struct Database {
    pub(crate) storage: SqliteStorage,
    pub(crate) directory: tempfile::TempDir,
}

impl Database {
    pub(crate) async fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let storage = SqliteStorage::create(&directory.path().join("issuer.db")).await.unwrap();
        Self { storage, directory }
    }

    pub(crate) async fn with_user() -> Self {
        let database = Self::empty().await;
        let mut transaction = database.begin().await;
        transaction.insert_client(&client(), NOW).await.unwrap();
        transaction.insert_user(&user()).await.unwrap();
        transaction.insert_workspace(&workspace(), NOW).await.unwrap();
        transaction.commit().await.unwrap();
        database
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
        name: "mia".into(),
        password: PasswordHash::from_stored("hash".into()),
        device_codes: DeviceCodes::Off,
        created_at: NOW,
    }
}

pub(crate) fn workspace() -> Workspace {
    Workspace { id: WorkspaceId::new("w"), name: "Personal".into(), owner: Subject::new("u") }
}

pub(crate) fn family() -> RefreshFamily {
    RefreshFamily {
        id: FamilyId::parse(UUID).unwrap(),
        client_id: ClientId::new("c"),
        subject: Subject::new("u"),
        workspace_id: WorkspaceId::new("w"),
        scope: Scope::parse("openid email").unwrap(),
        auth_time: NOW,
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
