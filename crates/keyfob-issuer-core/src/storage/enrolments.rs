//! What second factors keep about accounts.

use super::StorageError;
use crate::factor::Enrolment;
use async_trait::async_trait;
use keyfob_oauth::Subject;

/// Whether a change found what it was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Yes.
    Yes,
    /// Somebody else was first.
    No,
}

/// What second factors keep about accounts.
#[async_trait]
pub trait Enrolments {
    /// Finds everything that an account has set up.
    async fn find_enrolments(&mut self, subject: &Subject) -> Result<Vec<Enrolment>, StorageError>;
    /// Sets a factor up, in place of what the account had of its kind.
    async fn replace_enrolment(&mut self, enrolment: &Enrolment) -> Result<(), StorageError>;
    /// Stores `sealed` as what `enrolment` keeps, and the next version, unless it is not as it was.
    async fn update_enrolment(
        &mut self,
        enrolment: &Enrolment,
        sealed: &[u8],
    ) -> Result<Changed, StorageError>;
    /// Takes every factor away from an account.
    async fn delete_enrolments(&mut self, subject: &Subject) -> Result<(), StorageError>;
}
