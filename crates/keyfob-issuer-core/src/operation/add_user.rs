//! A person is added, with a workspace of their own.

use crate::audit::{self, Action, AuditEvent};
use crate::password::PasswordHash;
use crate::storage::{Storage, StorageError, Transaction};
use crate::user::{DeviceCodes, Email, EmailWord, User, UserStatus};
use crate::workspace::{Role, Workspace, WorkspaceKind, WorkspaceName};
use crate::{Fault, id};
use keyfob_oauth::{Clock, Entropy, Subject, WorkspaceId};

/// A person is not added.
#[derive(Debug, thiserror::Error)]
pub enum AddUserError {
    /// Somebody has this address.
    #[error("a user with the address {0} exists already")]
    Exists(Email),
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(AddUserError);

/// Adds a user with a personal workspace; the address must be new, and is verified if `word` says so.
pub async fn add_user(
    storage: &dyn Storage,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    email: Email,
    word: EmailWord,
    password: PasswordHash,
) -> Result<(), AddUserError> {
    let now = clock.now();
    let user = User {
        subject: Subject::new(id::generate(now, entropy)?.to_string()),
        name: email.local_part().to_owned(),
        email,
        email_verified_at: match word {
            EmailWord::Administrator => Some(now),
            EmailWord::Nobody => None,
        },
        password,
        device_codes: DeviceCodes::Off,
        status: UserStatus::Active,
        created_at: now,
    };
    let mut transaction = storage.begin().await?;
    match insert_person(&mut *transaction, entropy, &user).await {
        Ok(()) => {
            let event = AuditEvent::done(Action::AddUser).of(&user.subject);
            Ok(audit::commit_on_host(transaction, user.created_at, event).await?)
        }
        Err(Fault::Storage(StorageError::Exists)) => Err(AddUserError::Exists(user.email)),
        Err(other) => Err(other.into()),
    }
}

/// Inserts a user with a personal workspace.
pub(super) async fn insert_person(
    transaction: &mut dyn Transaction,
    entropy: &dyn Entropy,
    user: &User,
) -> Result<(), Fault> {
    let now = user.created_at;
    let kind = WorkspaceKind::Personal(user.subject.clone());
    let id = WorkspaceId::new(id::generate(now, entropy)?.to_string());
    let workspace = Workspace::new(id, WorkspaceName::personal(), kind);
    transaction.insert_user(user).await?;
    transaction.insert_workspace(&workspace, now).await?;
    Ok(transaction.insert_member(&workspace.id, &user.subject, Role::Owner, now).await?)
}
