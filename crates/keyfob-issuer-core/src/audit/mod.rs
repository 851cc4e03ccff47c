//! The audit trail: what happened that matters to security, in one chain that nobody changes unseen (I-77).
//!
//! An [`AuditEvent`] says what happened; it is recorded in the transaction of what it tells of, so that neither is there
//! without the other. An [`Entry`] is an event with its place in the chain: the SHA-256 of one covers that of the entry
//! before it. A [`SignedHead`] is made now and then by a key that no database holds: whoever writes the database can make a
//! new chain, and no signature for it. [`Verifier`] finds what was changed.
//!
//! An entry holds identifiers, never a name, an address of mail, a token or a digest of one: what people type is theirs.

mod entry;
mod event;
mod head;
mod verify;

pub use entry::{Circumstance, Circumstances, Entry, Head};
pub use event::{Action, Actor, AuditEvent, Outcome};
pub use head::{AuditKey, SignedHead, VerifyingKey};
pub use verify::{Flaw, Verifier};

use crate::storage::{StorageError, Transaction};
use keyfob_oauth::Timestamp;

/// Records `event` as the last thing that `transaction` does, and commits.
///
/// Whoever records waits for whoever recorded before; who does so last, and holds nothing else then that anybody waits
/// for in another order, cannot be part of a deadlock.
pub(crate) async fn commit(
    mut transaction: Box<dyn Transaction>,
    now: Timestamp,
    circumstance: &Circumstance,
    event: &AuditEvent,
) -> Result<(), StorageError> {
    let head = transaction.lock_audit_head().await?;
    transaction.append_audit_entry(&Entry::after(&head, now, circumstance, event)).await?;
    transaction.commit().await
}

/// Commits what a command on the issuer's host did.
pub async fn commit_on_host(
    transaction: Box<dyn Transaction>,
    now: Timestamp,
    event: AuditEvent,
) -> Result<(), StorageError> {
    commit(transaction, now, &Circumstance::default(), &event.by(Actor::Host)).await
}
