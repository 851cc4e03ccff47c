//! How often something was tried.

use super::StorageError;
use crate::throttle::{Counter, ThrottleKey};
use async_trait::async_trait;
use keyfob_oauth::Timestamp;

/// How often something was tried.
#[async_trait]
pub trait Throttles {
    /// Finds a counter.
    async fn find_counter(&mut self, key: &ThrottleKey) -> Result<Option<Counter>, StorageError>;
    /// Adds a counter; [`StorageError::Conflict`] if somebody else just has.
    async fn insert_counter(&mut self, key: &ThrottleKey, counter: Counter) -> Result<(), StorageError>;
    /// Stores a counter that this transaction has found.
    async fn update_counter(&mut self, key: &ThrottleKey, counter: Counter) -> Result<(), StorageError>;
    /// Begins a counter again.
    async fn delete_counter(&mut self, key: &ThrottleKey) -> Result<(), StorageError>;
    /// Forgets at most `most` of those whose last try was before `moment`; returns how many.
    async fn forget_counters(&mut self, moment: Timestamp, most: u32) -> Result<u64, StorageError>;
}
