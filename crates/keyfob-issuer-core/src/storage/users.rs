//! People.

use super::StorageError;
use crate::user::{DeviceCodes, Email, User, UserStatus};
use async_trait::async_trait;
use keyfob_oauth::{Subject, Timestamp};

/// People.
#[async_trait]
pub trait Users {
    /// Finds the user with this identifier.
    async fn find_user(&mut self, subject: &Subject) -> Result<Option<User>, StorageError>;
    /// Finds the user with this address.
    async fn find_user_by_email(&mut self, email: &Email) -> Result<Option<User>, StorageError>;
    /// Adds a user; the address must be new.
    async fn insert_user(&mut self, user: &User) -> Result<(), StorageError>;
    /// Remembers whether this user signs devices in with codes.
    async fn set_device_codes(
        &mut self,
        subject: &Subject,
        device_codes: DeviceCodes,
    ) -> Result<(), StorageError>;
    /// Remembers whether this user may sign in.
    async fn set_user_status(&mut self, subject: &Subject, status: UserStatus) -> Result<(), StorageError>;
    /// Gives a user another address, or says of the one they have that it was verified at `verified_at`; nobody else may
    /// have it.
    async fn set_email(
        &mut self,
        subject: &Subject,
        email: &Email,
        verified_at: Timestamp,
    ) -> Result<(), StorageError>;
    /// Returns everybody, by address.
    async fn list_users(&mut self) -> Result<Vec<User>, StorageError>;
}
