//! What programs are still to be told of sessions that ended.

use super::StorageError;
use crate::back_channel::{LogoutNotice, ProgramSession};
use crate::delivery::Fate;
use crate::digest::SessionDigest;
use crate::revocation::Revocation;
use crate::{FamilyId, GrantId};
use async_trait::async_trait;
use keyfob_oauth::{ClientId, Timestamp};

/// What programs are still to be told of sessions that ended.
#[async_trait]
pub trait LogoutNotices {
    /// Notes the browser in which a grant is approved.
    async fn note_approval(
        &mut self,
        grant: GrantId,
        browser: &SessionDigest,
        now: Timestamp,
    ) -> Result<(), StorageError>;
    /// Notes the session that a grant began, if the browser was noted.
    async fn note_begun(&mut self, grant: GrantId, session: FamilyId) -> Result<(), StorageError>;
    /// The browser has another cookie from here on.
    async fn move_browser(&mut self, from: &SessionDigest, to: &SessionDigest) -> Result<(), StorageError>;
    /// Returns the sessions that were begun in a browser.
    async fn sessions_of_browser(
        &mut self,
        browser: &SessionDigest,
    ) -> Result<Vec<ProgramSession>, StorageError>;
    /// Returns the sessions that an entry of the feed is about.
    async fn sessions_ended_by(
        &mut self,
        revocation: &Revocation,
    ) -> Result<Vec<ProgramSession>, StorageError>;
    /// Returns up to which entry of the feed programs were told; nobody else goes on before this transaction ends.
    async fn logout_cursor(&mut self) -> Result<u64, StorageError>;
    /// Notes up to which entry of the feed programs were told.
    async fn move_logout_cursor(&mut self, epoch: u64) -> Result<(), StorageError>;
    /// Adds a notice that is due at once, unless the session was told of before.
    async fn insert_logout_notice(&mut self, notice: &LogoutNotice) -> Result<(), StorageError>;
    /// Takes at most `most` notices to `client` that are due at `now` and counts the try; nobody else gets them before
    /// `until`.
    async fn claim_logout_notices(
        &mut self,
        client: &ClientId,
        now: Timestamp,
        until: Timestamp,
        most: u32,
    ) -> Result<Vec<LogoutNotice>, StorageError>;
    /// Says what becomes of the notice of a session.
    async fn settle_logout_notice(&mut self, session: FamilyId, fate: Fate) -> Result<(), StorageError>;
    /// Forgets at most `most` of those of before `moment`; returns how many.
    async fn forget_logout_notices(&mut self, moment: Timestamp, most: u32) -> Result<u64, StorageError>;
    /// Forgets at most `most` of the browsers that were noted before `moment`; returns how many.
    async fn forget_browser_logins(&mut self, moment: Timestamp, most: u32) -> Result<u64, StorageError>;
}
