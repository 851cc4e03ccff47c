//! Device grants.

use super::StorageError;
use crate::device_grant::{DeviceGrant, UserCodeDigest, Waiting};
use crate::digest::{DeviceAuthDigest, UndoDigest};
use async_trait::async_trait;
use keyfob_oauth::{ClientId, Timestamp};

/// Device grants.
#[async_trait]
pub trait DeviceGrants {
    /// Finds the grant that a device polls for.
    async fn find_device_grant(
        &mut self,
        digest: &DeviceAuthDigest,
    ) -> Result<Option<DeviceGrant>, StorageError>;
    /// Finds the grant whose code somebody typed.
    async fn find_device_grant_by_user_code(
        &mut self,
        code: &UserCodeDigest,
    ) -> Result<Option<DeviceGrant>, StorageError>;
    /// Finds the grant whose approval a link takes back.
    async fn find_device_grant_by_undo(
        &mut self,
        undo: &UndoDigest,
    ) -> Result<Option<DeviceGrant>, StorageError>;
    /// Adds a grant that waits.
    async fn insert_device_grant(&mut self, grant: &DeviceGrant) -> Result<(), StorageError>;
    /// Stores a step that a grant has taken; [`StorageError::Conflict`] if it is not where that step begins.
    async fn update_device_grant(&mut self, grant: &DeviceGrant) -> Result<(), StorageError>;
    /// Takes back an approval that no device was told of yet.
    async fn withdraw_device_grant(&mut self, digest: &DeviceAuthDigest) -> Result<(), StorageError>;
    /// Forgets at most `most` of those that ended before `moment`; returns how many.
    async fn forget_device_grants(&mut self, moment: Timestamp, most: u32) -> Result<u64, StorageError>;
    /// Counts those that wait for a decision at `now`: of a client, of a network, and all.
    async fn count_device_grants(
        &mut self,
        client: &ClientId,
        network: Option<&str>,
        now: Timestamp,
    ) -> Result<Waiting, StorageError>;
}
