//! An administrator helps somebody who cannot sign in.

use crate::audit::{self, Action, AuditEvent};
use crate::digest::{ResetDigest, ResetToken};
use crate::issuer::Fault;
use crate::lifetime;
use crate::operation::retry::retried;
use crate::revocation::Revoked;
use crate::sign_in::MfaPolicy;
use crate::storage::{Storage, Transaction};
use crate::user::{Email, User, UserStatus};
use crate::workspace::Word as _;
use keyfob_oauth::{Clock, Entropy, Timestamp};

/// Nothing is done for somebody.
#[derive(Debug, thiserror::Error)]
pub enum AdministerError {
    /// Nobody has this address.
    #[error("nobody has the address {0}")]
    Unknown(Email),
    /// There is no user at all.
    #[error("the issuer has no user: add one with `keyfob-issuer user add`")]
    Nobody,
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(AdministerError: crate::storage::StorageError, keyfob_oauth::EntropyError);

/// Makes a link for `email` that ends in half an hour, in place of any other.
pub async fn make_reset_link(
    storage: &dyn Storage,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    email: &Email,
) -> Result<ResetToken, AdministerError> {
    let now = clock.now();
    let mut transaction = storage.begin().await?;
    let (user, token) = replace_reset_link(&mut *transaction, now, entropy, email).await?;
    audit::commit_on_host(transaction, now, AuditEvent::done(Action::MakeResetLink).of(&user.subject))
        .await?;
    Ok(token)
}

/// Makes a link for `email` in place of any other; returns whose it is.
pub(super) async fn replace_reset_link(
    transaction: &mut dyn Transaction,
    now: Timestamp,
    entropy: &dyn Entropy,
    email: &Email,
) -> Result<(User, ResetToken), AdministerError> {
    let user = find(transaction, email).await?;
    let token = ResetToken::from(entropy.token()?);
    let ends = now.plus(lifetime::RESET_LINK);
    transaction.replace_reset_link(&ResetDigest::of(&token), &user.subject, ends).await?;
    Ok((user, token))
}

/// Lets the owner of `email` back in, or if none is named the first user: every second factor is taken, everything that
/// they are signed in with ends, and a link lets them choose a password, once (I-63).
pub async fn recover(
    storage: &dyn Storage,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    email: Option<&Email>,
) -> Result<(Email, ResetToken), AdministerError> {
    let now = clock.now();
    let mut transaction = storage.begin().await?;
    let email = if let Some(email) = email {
        email.clone()
    } else {
        let users = transaction.list_users().await?;
        let first = users
            .into_iter()
            .min_by(|a, b| (a.created_at, a.subject.as_str()).cmp(&(b.created_at, b.subject.as_str())));
        first.ok_or(AdministerError::Nobody)?.email
    };
    let (user, token) = replace_reset_link(&mut *transaction, now, entropy, &email).await?;
    transaction.delete_enrolments(&user.subject).await?;
    transaction.end_everything_of(&user.subject, None, now).await?;
    audit::commit_on_host(transaction, now, AuditEvent::done(Action::Recover).of(&user.subject)).await?;
    Ok((email, token))
}

/// Takes every second factor from `email`, and ends everything that they are signed in with: what was granted on the
/// strength of a factor does not outlive it (design S9).
pub async fn take_factors(
    storage: &dyn Storage,
    clock: &dyn Clock,
    email: &Email,
) -> Result<(), AdministerError> {
    retried(|| try_take_factors(storage, clock, email)).await
}

async fn try_take_factors(
    storage: &dyn Storage,
    clock: &dyn Clock,
    email: &Email,
) -> Result<(), AdministerError> {
    let mut transaction = storage.begin().await?;
    let user = find(&mut *transaction, email).await?;
    transaction.delete_enrolments(&user.subject).await?;
    let now = clock.now();
    transaction.end_everything_of(&user.subject, None, now).await?;
    Ok(audit::commit_on_host(transaction, now, AuditEvent::done(Action::TakeFactors).of(&user.subject))
        .await?)
}

/// Says whether `email` may sign in. What somebody is signed in with, and their keys, rest while they are locked and end
/// when they are disabled (I-32).
pub async fn set_user_status(
    storage: &dyn Storage,
    clock: &dyn Clock,
    email: &Email,
    status: UserStatus,
) -> Result<(), AdministerError> {
    retried(|| try_set_user_status(storage, clock, email, status)).await
}

async fn try_set_user_status(
    storage: &dyn Storage,
    clock: &dyn Clock,
    email: &Email,
    status: UserStatus,
) -> Result<(), AdministerError> {
    let now = clock.now();
    let mut transaction = storage.begin().await?;
    let subject = find(&mut *transaction, email).await?.subject;
    transaction.set_user_status(&subject, status).await?;
    match status {
        UserStatus::Active => {}
        UserStatus::Locked => transaction.note_revoked(&Revoked::User(subject.clone()), now).await?,
        UserStatus::Disabled => {
            transaction.note_revoked(&Revoked::User(subject.clone()), now).await?;
            transaction.end_everything_of(&subject, None, now).await?;
            for membership in transaction.list_memberships(&subject).await? {
                transaction.end_everything_in(&membership.workspace.id, &subject, now).await?;
            }
        }
    }
    let event = AuditEvent::done(Action::SetUserStatus).of(&subject).saying(status.as_str());
    Ok(audit::commit_on_host(transaction, now, event).await?)
}

/// Says when the personal workspace of `email` wants a second factor; logins that stand without one do not go on where it
/// does.
pub async fn set_mfa_policy(
    storage: &dyn Storage,
    clock: &dyn Clock,
    email: &Email,
    mfa: MfaPolicy,
) -> Result<(), AdministerError> {
    let mut transaction = storage.begin().await?;
    let user = find(&mut *transaction, email).await?;
    let workspace = transaction.find_personal_workspace(&user.subject).await?;
    let id = workspace.ok_or(Fault::Dangling("a user"))?.id;
    let mut workspace = transaction.lock_workspace(&id).await?.ok_or(Fault::Dangling("a user"))?;
    workspace.policy.mfa = mfa;
    transaction.update_workspace(&workspace).await?;
    let event = AuditEvent::done(Action::SetMfaPolicy).about(&workspace.id).saying(mfa.as_str());
    Ok(audit::commit_on_host(transaction, clock.now(), event).await?)
}

pub(super) async fn find(transaction: &mut dyn Transaction, email: &Email) -> Result<User, AdministerError> {
    let user = transaction.find_user_by_email(email).await?;
    user.ok_or_else(|| AdministerError::Unknown(email.clone()))
}
