//! `user`: people are added and listed.

use crate::command::opened::{OpenDataError, open};
use keyfob_issuer_core::Fault;
use keyfob_issuer_core::operation::{
    self, AddUserError, AdministerError, add_user, make_reset_link, take_factors, vouch_for_email,
};
use keyfob_issuer_core::password::{HashError, Password, PasswordHash};
use keyfob_issuer_core::sign_in::MfaPolicy;
use keyfob_issuer_core::storage::{Storage as _, StorageError};
use keyfob_issuer_core::user::{Email, EmailWord, User, UserStatus};
use keyfob_oauth::{Clock, Entropy, Secret};
use std::path::Path;

/// People cannot be added or listed.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The issuer cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenDataError),
    /// The password.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The user.
    #[error(transparent)]
    AddUser(#[from] AddUserError),
    /// The user is not found.
    #[error(transparent)]
    Unknown(#[from] AdministerError),
    /// Something else.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StorageError> for UserError {
    fn from(error: StorageError) -> Self {
        Self::Fault(error.into())
    }
}

/// Adds a user to the issuer in the directory `data`, which may be serving.
pub async fn add(
    data: &Path,
    email: Email,
    word: EmailWord,
    password: &Password,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<(), UserError> {
    let (_, storage) = open(data).await?;
    let password = PasswordHash::of(password, entropy)?;
    add_user(&storage, clock, entropy, email, word, password).await?;
    storage.close().await;
    Ok(())
}

/// Makes the address at which `email` chooses a new password.
pub async fn reset_link(
    data: &Path,
    email: &Email,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Secret, UserError> {
    let (config, storage) = open(data).await?;
    let token = make_reset_link(&storage, clock, entropy, email).await?;
    storage.close().await;
    Ok(Secret::new(config.url.join(&format!("/reset/{}", token.expose()))))
}

/// Lets an owner back in; returns who, and the address at which they choose a new password.
pub async fn recover(
    data: &Path,
    email: Option<&Email>,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<(Email, Secret), UserError> {
    let (config, storage) = open(data).await?;
    let (email, token) = operation::recover(&storage, clock, entropy, email).await?;
    storage.close().await;
    Ok((email, Secret::new(config.url.join(&format!("/reset/{}", token.expose())))))
}

/// Takes every second factor from `email`, and ends everything that they are signed in with.
pub async fn reset_factors(data: &Path, email: &Email, clock: &dyn Clock) -> Result<(), UserError> {
    let (_, storage) = open(data).await?;
    take_factors(&storage, clock, email).await?;
    storage.close().await;
    Ok(())
}

/// Says that the address of `email` is theirs, on the administrator's word.
pub async fn verify(data: &Path, email: &Email, clock: &dyn Clock) -> Result<(), UserError> {
    let (_, storage) = open(data).await?;
    vouch_for_email(&storage, clock, email).await?;
    storage.close().await;
    Ok(())
}

/// Says when the personal workspace of `email` wants a second factor.
pub async fn set_mfa_policy(
    data: &Path,
    email: &Email,
    mfa: MfaPolicy,
    clock: &dyn Clock,
) -> Result<(), UserError> {
    let (_, storage) = open(data).await?;
    operation::set_mfa_policy(&storage, clock, email, mfa).await?;
    storage.close().await;
    Ok(())
}

/// Says whether `email` may sign in.
pub async fn set_status(
    data: &Path,
    email: &Email,
    status: UserStatus,
    clock: &dyn Clock,
) -> Result<(), UserError> {
    let (_, storage) = open(data).await?;
    operation::set_user_status(&storage, clock, email, status).await?;
    storage.close().await;
    Ok(())
}

/// Returns everybody, by address.
pub async fn list(data: &Path) -> Result<Vec<User>, UserError> {
    let (_, storage) = open(data).await?;
    let users = storage.begin().await?.list_users().await?;
    storage.close().await;
    Ok(users)
}
