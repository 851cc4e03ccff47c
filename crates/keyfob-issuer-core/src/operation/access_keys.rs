//! A person makes keys for their programs, looks at them and ends them.
//!
//! Whose keys are meant, and in which workspace, is said by the session alone; the key of somebody else is as unknown as
//! one that never was (I-69).

use crate::access_key::{AccessKey, KeyKind, KeyLabel, KeySecret, LifeTooLong, Models};
use crate::audit::{self, Action, AuditEvent};
use crate::digest::KeyDigest;
use crate::issuer::{Fault, Issuer};
use crate::operation::grantee::Way;
use crate::operation::{Caller, GrantRefusal, Grantee};
use crate::storage::{Storage, StorageError, Transaction};
use crate::{KeyId, lifetime};
use keyfob_oauth::{Clock, Entropy, Scope, Timestamp};
use std::time::Duration;

/// What a person wants of a key.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What it is.
    pub kind: KeyKind,
    /// What it is called.
    pub label: KeyLabel,
    /// What it may be used for; everything that it could be, if nothing is named.
    pub scope: Option<Scope>,
    /// Which models it opens.
    pub models: Models,
    /// How long it lives.
    pub life: Option<Duration>,
}

/// A key as it is handed over: the only time that its secret is seen.
#[derive(Clone, Debug)]
pub struct MadeKey {
    /// What rests.
    pub key: AccessKey,
    /// What is handed over.
    pub secret: KeySecret,
}

/// No key is made.
#[derive(Debug, thiserror::Error)]
pub enum MakeKeyError {
    /// The person signed in too long ago for something that outlives their session.
    #[error("the sign-in is too long ago")]
    SignInTooOld,
    /// The key would open more than its maker may, or than a key may.
    #[error("the scope is wider than allowed")]
    ScopeTooWide,
    /// It would live too long.
    #[error(transparent)]
    LifeTooLong(#[from] LifeTooLong),
    /// The workspace has no keys of this kind.
    #[error(transparent)]
    NotGranted(#[from] GrantRefusal),
    /// The person has as many as anybody may.
    #[error("the person has {MOST_KEYS} keys already")]
    TooMany,
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(MakeKeyError);

/// A key is not ended.
#[derive(Debug, thiserror::Error)]
pub enum EndKeyError {
    /// No such key of this person counts.
    #[error("there is no such key")]
    NotFound,
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(EndKeyError);

/// Nobody has more keys in one workspace.
const MOST_KEYS: usize = 100;

impl Issuer {
    /// Makes a key for the person, in the workspace of their session and for no more than the session may.
    pub async fn make_key(&self, caller: &Caller, new: NewKey) -> Result<MadeKey, MakeKeyError> {
        let now = self.now();
        if now.since(caller.auth_time) > lifetime::FRESH_SIGN_IN {
            return Err(MakeKeyError::SignInTooOld);
        }
        let made = make(&caller.grantee, &caller.scope, new, now, &*self.entropy)?;
        let mut transaction = self.begin().await?;
        insert(&mut *transaction, &made.key).await?;
        let event = AuditEvent::done(Action::MakeKey).by_owner(&caller.grantee.user.subject);
        self.commit(transaction, event.about(&made.key.id).saying(made.key.kind.as_str())).await?;
        Ok(made)
    }

    /// Returns the person's keys in the workspace of their session, the newest first; those that ended are left out.
    pub async fn keys(&self, caller: &Caller) -> Result<Vec<AccessKey>, Fault> {
        let Grantee { user, workspace, .. } = &caller.grantee;
        let mut keys = self.begin().await?.list_keys_of(&user.subject, &workspace.id).await?;
        let now = self.now();
        keys.retain(|key| key.is_alive(now));
        Ok(keys)
    }

    /// Ends one of these keys.
    pub async fn end_key(&self, caller: &Caller, id: KeyId) -> Result<(), EndKeyError> {
        let Grantee { user, workspace, .. } = &caller.grantee;
        let mut transaction = self.begin().await?;
        let keys = transaction.list_keys_of(&user.subject, &workspace.id).await?;
        let now = self.now();
        if !keys.iter().any(|key| key.id == id && key.is_alive(now)) {
            return Err(EndKeyError::NotFound);
        }
        transaction.end_key(id, now).await?;
        Ok(self
            .commit(transaction, AuditEvent::done(Action::EndKey).by_owner(&user.subject).about(&id))
            .await?)
    }
}

/// Makes a key for somebody on the word of the administrator, who may grant what the issuer knows.
pub async fn make_key_for(
    storage: &dyn Storage,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    grantee: &Grantee,
    new: NewKey,
) -> Result<MadeKey, MakeKeyError> {
    let now = clock.now();
    let made = make(grantee, &super::known_scope(), new, now, entropy)?;
    let mut transaction = storage.begin().await?;
    insert(&mut *transaction, &made.key).await?;
    let event = AuditEvent::done(Action::MakeKey).of(&grantee.user.subject).about(&made.key.id);
    audit::commit_on_host(transaction, now, event.saying(made.key.kind.as_str())).await?;
    Ok(made)
}

/// Ends a key on the word of the administrator, and commits.
pub async fn end_key_on_host(
    mut transaction: Box<dyn Transaction>,
    key: &AccessKey,
    now: Timestamp,
) -> Result<(), StorageError> {
    transaction.end_key(key.id, now).await?;
    audit::commit_on_host(transaction, now, AuditEvent::done(Action::EndKey).of(&key.subject).about(&key.id))
        .await
}

pub(super) fn make(
    grantee: &Grantee,
    makers: &Scope,
    new: NewKey,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<MadeKey, MakeKeyError> {
    let widest = new.kind.narrow(&grantee.check(Way::Key(new.kind, makers), now)?);
    let scope = new.scope.unwrap_or_else(|| widest.clone());
    if !scope.is_within(&widest) {
        return Err(MakeKeyError::ScopeTooWide);
    }
    let secret = KeySecret::generate(new.kind, entropy)?;
    let key = AccessKey {
        id: KeyId::generate(now, entropy)?,
        kind: new.kind,
        digest: KeyDigest::of(&secret),
        ending: secret.ending(),
        label: new.label,
        subject: grantee.user.subject.clone(),
        workspace_id: grantee.workspace.id.clone(),
        scope,
        models: new.models,
        created_at: now,
        expires_at: new.kind.life(new.life)?.map(|life| now.plus(life)),
        last_used_at: None,
        revoked_at: None,
    };
    Ok(MadeKey { key, secret })
}

pub(super) async fn insert(transaction: &mut dyn Transaction, key: &AccessKey) -> Result<(), MakeKeyError> {
    let others = transaction.list_keys_of(&key.subject, &key.workspace_id).await?;
    if others.iter().filter(|other| other.is_alive(key.created_at)).count() >= MOST_KEYS {
        return Err(MakeKeyError::TooMany);
    }
    Ok(transaction.insert_key(key).await?)
}
