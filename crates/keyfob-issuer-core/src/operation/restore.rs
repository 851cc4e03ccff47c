//! A database was put back from a backup: what may have ended since is ended.

use crate::audit::{self, Action, AuditEvent};
use crate::issuer::Fault;
use crate::storage::Storage;
use keyfob_oauth::Clock;

/// What becomes of something that a backup holds and that may have been ended since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It ends.
    Ends,
    /// It goes on.
    GoesOn,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// How many sessions ended.
    pub sessions: u64,
    /// How many personal access tokens and API keys ended.
    pub keys: u64,
}

/// More entries of the revocation feed than were made since the backup: a gateway that has seen them sees what comes now.
const LOST_EPOCHS: u32 = 100_000_000;

/// Ends what may have ended since the backup, which nobody can tell any more.
///
/// Of a session that goes on, the spent refresh tokens are forgotten: a client whose token was spent before the backup, or
/// made after it, is unknown and signs in again, and is not taken for a thief. Browsers sign in again, and what waited for
/// a decision, a code or a link is gone, since each may have been used.
pub async fn settle_restored(
    storage: &dyn Storage,
    clock: &dyn Clock,
    sessions: Fate,
    keys: Fate,
) -> Result<Settled, Fault> {
    let now = clock.now();
    let mut transaction = storage.begin().await?;
    transaction.forget_unfinished().await?;
    transaction.skip_epochs(LOST_EPOCHS).await?;
    let mut settled = Settled::default();
    match sessions {
        Fate::Ends => settled.sessions = transaction.end_every_session(now).await?,
        Fate::GoesOn => transaction.forget_spent_tokens().await?,
    }
    match keys {
        Fate::Ends => settled.keys = transaction.end_every_key(now).await?,
        Fate::GoesOn => {}
    }
    let event = AuditEvent::done(Action::Restore);
    let event = event.saying(format!("{} sessions and {} keys ended", settled.sessions, settled.keys));
    audit::commit_on_host(transaction, now, event).await?;
    Ok(settled)
}
