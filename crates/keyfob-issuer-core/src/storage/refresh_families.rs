//! Refresh families and their tokens.

use super::StorageError;
use crate::FamilyId;
use crate::digest::{AttemptDigest, RefreshDigest};
use crate::login_session::Origin;
use crate::refresh_family::{FamilyStatus, RefreshFamily, StoredToken};
use async_trait::async_trait;
use keyfob_oauth::Timestamp;

/// One step of a family: from the token of `generation` to `next`.
#[derive(Debug)]
pub struct Rotation<'a> {
    /// Whose.
    pub family: FamilyId,
    /// The generation that is spent.
    pub generation: u32,
    /// How the successor rests.
    pub next: &'a RefreshDigest,
    /// The successor, sealed under the spent token.
    pub sealed: &'a [u8],
    /// Who asks, unless it is a client without attempt ids.
    pub attempt: Option<&'a AttemptDigest>,
    /// When.
    pub now: Timestamp,
}

/// Whether a rotation happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotated {
    /// It did.
    Done,
    /// The family had moved on or ended.
    TooLate,
}

/// Refresh families and their tokens.
#[async_trait]
pub trait RefreshFamilies {
    /// Adds a family that came from `origin`, with its first token, made at `issued_at`.
    async fn insert_family(
        &mut self,
        family: &RefreshFamily,
        origin: &Origin,
        first: &RefreshDigest,
        issued_at: Timestamp,
    ) -> Result<(), StorageError>;
    /// Finds a token of any generation, with its family.
    async fn find_refresh_token(
        &mut self,
        digest: &RefreshDigest,
    ) -> Result<Option<(StoredToken, RefreshFamily)>, StorageError>;
    /// Rotates if the family is live and still at that generation (I-24).
    ///
    /// The token of the generation before is known to have arrived: its sealed copy is forgotten.
    async fn rotate(&mut self, rotation: &Rotation<'_>) -> Result<Rotated, StorageError>;
    /// Counts that the successor of a spent token was handed out again.
    async fn count_replay(&mut self, spent: &RefreshDigest) -> Result<(), StorageError>;
    /// Notes that the token of `generation` is known to have arrived; the first time counts.
    async fn acknowledge(
        &mut self,
        family: FamilyId,
        generation: u32,
        now: Timestamp,
    ) -> Result<(), StorageError>;
    /// Notes that `source` handed the session of `family` over.
    async fn note_handed_over(&mut self, family: FamilyId, source: FamilyId) -> Result<(), StorageError>;
    /// Ends a live family; one that ended keeps its first reason.
    ///
    /// With one whose token was stolen, every session ends that it handed over, and those that these did.
    async fn end_family(
        &mut self,
        id: FamilyId,
        status: FamilyStatus,
        now: Timestamp,
    ) -> Result<(), StorageError>;
    /// Forgets at most `most` of those that began before `moment`, with every token of theirs; returns how many.
    async fn forget_families(&mut self, moment: Timestamp, most: u32) -> Result<u64, StorageError>;
}
