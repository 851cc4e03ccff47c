//! The audit trail.

use super::StorageError;
use crate::audit::{Entry, Head, SignedHead};
use async_trait::async_trait;

/// The audit trail: entries are added, and never changed or removed.
#[async_trait]
pub trait AuditTrail {
    /// Returns where the trail ends; nobody else adds to it before this transaction ends.
    async fn lock_audit_head(&mut self) -> Result<Head, StorageError>;
    /// Returns where the trail ends at this moment.
    async fn audit_head(&mut self) -> Result<Head, StorageError>;
    /// Adds what follows the head that this transaction has locked.
    async fn append_audit_entry(&mut self, entry: &Entry) -> Result<(), StorageError>;
    /// Returns at most `most` of the entries after that of the number `after`, in their order.
    async fn list_audit_entries(&mut self, after: i64, most: u32) -> Result<Vec<Entry>, StorageError>;
    /// Keeps a signature, unless another node has signed that head already.
    async fn insert_signed_head(&mut self, signed: &SignedHead) -> Result<(), StorageError>;
    /// Returns the newest of them.
    async fn newest_signed_head(&mut self) -> Result<Option<SignedHead>, StorageError>;
    /// Returns all of them, in their order.
    async fn list_signed_heads(&mut self) -> Result<Vec<SignedHead>, StorageError>;
}
