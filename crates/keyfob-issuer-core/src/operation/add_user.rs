//! A person is added, with a workspace of their own.

use crate::password::PasswordHash;
use crate::sign_in::MfaPolicy;
use crate::storage::{Storage, StorageError};
use crate::user::{DeviceCodes, Email, User, Workspace};
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

/// The name of the workspace that everybody has.
const PERSONAL: &str = "Personal";

/// Adds a user with a personal workspace; the address must be new.
pub async fn add_user(
    storage: &dyn Storage,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    email: Email,
    password: PasswordHash,
) -> Result<(), AddUserError> {
    let now = clock.now();
    let user = User {
        subject: Subject::new(id::generate(now, entropy)?.to_string()),
        name: email.local_part().to_owned(),
        email,
        password,
        device_codes: DeviceCodes::Off,
        created_at: now,
    };
    let workspace = Workspace {
        id: WorkspaceId::new(id::generate(now, entropy)?.to_string()),
        name: PERSONAL.to_owned(),
        owner: user.subject.clone(),
        mfa: MfaPolicy::Cloud,
    };
    let mut transaction = storage.begin().await?;
    match transaction.insert_user(&user).await {
        Ok(()) => {}
        Err(StorageError::Exists) => return Err(AddUserError::Exists(user.email)),
        Err(other) => return Err(other.into()),
    }
    transaction.insert_workspace(&workspace, now).await?;
    Ok(transaction.commit().await?)
}
