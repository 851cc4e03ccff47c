//! What a webhook is still to be told, and what is counted for that.

use super::StorageError;
use crate::NoticeId;
use crate::anomaly::Notice;
use crate::delivery::Fate;
use async_trait::async_trait;
use keyfob_oauth::{Subject, Timestamp};
use std::net::IpAddr;

/// What a webhook is still to be told.
#[async_trait]
pub trait Notices {
    /// Returns where the logins came from that `subject` began at `moment` or later, the latest `most` of them; those that
    /// another one handed over are among them.
    async fn places_of_logins(
        &mut self,
        subject: &Subject,
        moment: Timestamp,
        most: u32,
    ) -> Result<Vec<Option<IpAddr>>, StorageError>;
    /// Counts the devices that asked at `moment` or later and were let in by `subject`.
    async fn count_devices_let_in(
        &mut self,
        subject: &Subject,
        moment: Timestamp,
    ) -> Result<u32, StorageError>;
    /// Adds a notice that is due at once, unless the same was told in that hour.
    async fn insert_notice(&mut self, notice: &Notice) -> Result<(), StorageError>;
    /// Takes at most `most` notices that are due at `now` and counts the try; nobody else gets them before `until`.
    async fn claim_notices(
        &mut self,
        now: Timestamp,
        until: Timestamp,
        most: u32,
    ) -> Result<Vec<Notice>, StorageError>;
    /// Says what becomes of a notice.
    async fn settle_notice(&mut self, id: NoticeId, fate: Fate) -> Result<(), StorageError>;
    /// Forgets at most `most` of those of before `moment`; returns how many.
    async fn forget_notices(&mut self, moment: Timestamp, most: u32) -> Result<u64, StorageError>;
}
