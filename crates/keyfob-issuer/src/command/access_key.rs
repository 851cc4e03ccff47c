//! `token` and `key`: personal access tokens and API keys are made, listed and ended on the host.

use crate::command::opened::{OpenDataError, open};
use keyfob_issuer_core::access_key::{AccessKey, KeyKind};
use keyfob_issuer_core::operation::{Grantee, MadeKey, MakeKeyError, NewKey, end_key_on_host, make_key_for};
use keyfob_issuer_core::storage::{Storage as _, StorageError};
use keyfob_issuer_core::user::Email;
use keyfob_issuer_core::workspace::Role;
use keyfob_issuer_core::{Fault, KeyId};
use keyfob_oauth::{Clock, Entropy};
use std::path::Path;

/// Keys cannot be made, listed or ended.
#[derive(Debug, thiserror::Error)]
pub enum AccessKeyError {
    /// The issuer cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenDataError),
    /// Nobody has this address.
    #[error("no user has the address {0}")]
    NoSuchUser(Email),
    /// No key of this kind that counts has this identifier.
    #[error("there is no {} {id} to revoke", .kind.as_str().replace('_', " "))]
    NoSuchKey {
        /// Of which kind.
        kind: KeyKind,
        /// What was named.
        id: String,
    },
    /// The key.
    #[error(transparent)]
    Make(#[from] MakeKeyError),
    /// Something else.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StorageError> for AccessKeyError {
    fn from(error: StorageError) -> Self {
        Self::Fault(error.into())
    }
}

/// A key with the address of whoever it belongs to.
#[derive(Clone, Debug)]
pub struct OwnedKey {
    /// The key.
    pub key: AccessKey,
    /// Whose.
    pub owner: Email,
}

/// Makes a key for the user with this address, in their personal workspace.
pub async fn create(
    data: &Path,
    owner: Email,
    new: NewKey,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<MadeKey, AccessKeyError> {
    let (_, storage) = open(data).await?;
    let mut transaction = storage.begin().await?;
    let Some(user) = transaction.find_user_by_email(&owner).await? else {
        return Err(AccessKeyError::NoSuchUser(owner));
    };
    let workspace = transaction.find_personal_workspace(&user.subject).await?;
    let workspace = workspace.ok_or(Fault::Dangling("a user"))?;
    drop(transaction);
    let grantee = Grantee { user, workspace, role: Role::Owner };
    let made = make_key_for(&storage, clock, entropy, &grantee, new).await?;
    storage.close().await;
    Ok(made)
}

/// Returns everybody's keys of this kind that count, the newest first.
pub async fn list(data: &Path, kind: KeyKind, clock: &dyn Clock) -> Result<Vec<OwnedKey>, AccessKeyError> {
    let (_, storage) = open(data).await?;
    let mut transaction = storage.begin().await?;
    let now = clock.now();
    let mut owned = Vec::new();
    for key in transaction.list_keys().await? {
        if key.kind == kind && key.is_alive(now) {
            let user = transaction.find_user(&key.subject).await?.ok_or(Fault::Dangling("a key"))?;
            owned.push(OwnedKey { key, owner: user.email });
        }
    }
    drop(transaction);
    storage.close().await;
    Ok(owned)
}

/// Ends a key: from now on it is refused wherever the issuer is asked about it.
pub async fn revoke(data: &Path, kind: KeyKind, id: &str, clock: &dyn Clock) -> Result<(), AccessKeyError> {
    let (_, storage) = open(data).await?;
    let mut transaction = storage.begin().await?;
    let named = KeyId::parse(id);
    let mut keys = transaction.list_keys().await?.into_iter();
    let key = keys.find(|key| Some(key.id) == named && key.kind == kind);
    let key = key.ok_or_else(|| AccessKeyError::NoSuchKey { kind, id: id.to_owned() })?;
    end_key_on_host(transaction, &key, clock.now()).await?;
    storage.close().await;
    Ok(())
}
