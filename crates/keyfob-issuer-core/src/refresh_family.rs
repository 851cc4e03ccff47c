//! Every refresh token that descends from one sign-in, and what a presented one is worth (security §7).

use crate::FamilyId;
use crate::amr::Amr;
use crate::digest::{AttemptDigest, RefreshDigest};
use crate::grace::Grace;
use crate::lifetime;
use keyfob_codex::errors::RefreshRejection;
use keyfob_oauth::{ClientId, Scope, Subject, Timestamp, WorkspaceId};
use std::time::Duration;

/// One sign-in of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshFamily {
    /// Its name.
    pub id: FamilyId,
    /// Whose tokens these are.
    pub client_id: ClientId,
    /// Who signed in.
    pub subject: Subject,
    /// For which workspace.
    pub workspace_id: WorkspaceId,
    /// What was granted.
    pub scope: Scope,
    /// When the user proved who they are.
    pub auth_time: Timestamp,
    /// By what.
    pub amr: Amr,
    /// When the first token was made.
    pub created_at: Timestamp,
    /// Which rotation is the current one; the first token is 0.
    pub generation: u32,
    /// The newest generation that was asked for without an attempt id; the first token was not asked for by a refresh.
    pub last_anonymous: Option<u32>,
    /// Whether its tokens can be used.
    pub status: FamilyStatus,
}

/// Whether a family's tokens can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamilyStatus {
    /// They can.
    Live,
    /// The client or the user ended it.
    Revoked,
    /// Somebody presented a spent token or code: one of the two holders is a thief.
    Reused,
}

impl FamilyStatus {
    /// Every status there is.
    pub const ALL: [Self; 3] = [Self::Live, Self::Revoked, Self::Reused];

    /// Returns the stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Revoked => "revoked",
            Self::Reused => "reused",
        }
    }

    /// Returns the status that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// What is known of a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredToken {
    /// How it rests.
    pub digest: RefreshDigest,
    /// Which rotation made it.
    pub generation: u32,
    /// When it was made.
    pub issued_at: Timestamp,
    /// What followed, once it was spent.
    pub successor: Option<Successor>,
}

/// What followed a spent token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Successor {
    /// When.
    pub superseded_at: Timestamp,
    /// Who asked for it; nothing for a client that sends no attempt ids.
    pub attempt: Option<AttemptDigest>,
    /// Whether it arrived.
    pub delivery: Delivery,
}

/// Whether a successor is known to have arrived.
///
/// Use of the access token that came with it says nothing: a client whose disk is full works from memory, dies, and has
/// the spent token alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It may have been lost.
    Unknown(SealedCopy),
    /// A client says that it is stored, since the given moment.
    Acknowledged(SealedCopy, Timestamp),
    /// It was itself presented, at the given moment. No copy is kept.
    Presented(Timestamp),
}

/// A successor, sealed under the token it follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedCopy {
    /// What only the spent token opens.
    pub sealed: Vec<u8>,
    /// How often it was handed out again.
    pub replays: u32,
}

/// What a presented token is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// It is the current one: make the next.
    Rotate,
    /// It was spent and the answer may have been lost: repeat that answer.
    Repeat(&'a SealedCopy),
    /// It was spent a moment ago and the answer was repeated often enough; nothing follows from that.
    SlowDown,
    /// It was spent before that: end the family.
    Reuse,
    /// It is of no use, and nothing more follows from that.
    Refuse(RefreshRejection),
}

/// How many of the latest generations say whether a client without attempt ids shares the login.
const SHARING_GENERATIONS: u32 = 8;
/// How long a late duplicate of a request that has been answered and confirmed is nothing worse than late.
const LATE_DUPLICATE: Duration = Duration::from_mins(1);
/// How often a successor is handed out to whoever asks.
const MOST_REPLAYS: u32 = 64;

impl RefreshFamily {
    /// Judges `token`, which is one of this family's, presented at `now` by the attempt `attempt`.
    ///
    /// The table of security §7.3 as the model corrected it (`docs/decisions/0005-recoverable-rotation.md`). An attempt id
    /// never ends a family that would live on without it, so that leaving it out gains nobody anything.
    pub fn judge<'a>(
        &self,
        token: &'a StoredToken,
        attempt: Option<&AttemptDigest>,
        grace: Grace,
        now: Timestamp,
    ) -> Verdict<'a> {
        match self.status {
            FamilyStatus::Live => {}
            FamilyStatus::Revoked => return Verdict::Refuse(RefreshRejection::Invalidated),
            FamilyStatus::Reused => return Verdict::Refuse(RefreshRejection::Reused),
        }
        let is_over = now >= self.created_at.plus(lifetime::REFRESH_ABSOLUTE);
        let is_idle = |since: Timestamp| now >= since.plus(lifetime::REFRESH_IDLE);
        let Some(successor) = &token.successor else {
            return if is_over || is_idle(token.issued_at) {
                Verdict::Refuse(RefreshRejection::Expired)
            } else {
                Verdict::Rotate
            };
        };
        let is_same_attempt = attempt.is_some() && attempt == successor.attempt.as_ref();
        let window = self.window(grace);
        // A window of no length is none, not the second it begins in.
        let is_in_grace = !window.is_zero() && now.since(successor.superseded_at) <= window;
        match &successor.delivery {
            Delivery::Unknown(_) if is_same_attempt && (is_over || is_idle(successor.superseded_at)) => {
                Verdict::Refuse(RefreshRejection::Expired)
            }
            // No limit of time or number: the machine may have slept for a week, and its disk may be full for longer.
            Delivery::Unknown(copy) if is_same_attempt => Verdict::Repeat(copy),
            // The client that sent this has the successor; this is a request that was under way for long.
            Delivery::Acknowledged(_, at) | Delivery::Presented(at)
                if is_same_attempt && now.since(*at) <= LATE_DUPLICATE =>
            {
                Verdict::Refuse(RefreshRejection::Superseded)
            }
            // A client without ids that shares the login knows nothing of the acknowledgement of another.
            Delivery::Unknown(copy) | Delivery::Acknowledged(copy, _) if is_in_grace => {
                if is_over {
                    Verdict::Refuse(RefreshRejection::Expired)
                } else if copy.replays < MOST_REPLAYS {
                    Verdict::Repeat(copy)
                } else {
                    Verdict::SlowDown
                }
            }
            Delivery::Unknown(_) | Delivery::Acknowledged(..) | Delivery::Presented(_) => Verdict::Reuse,
        }
    }

    /// Returns how long a spent token still counts whoever presents it.
    fn window(&self, grace: Grace) -> Duration {
        match self.last_anonymous {
            Some(last) if self.generation.saturating_sub(last) < SHARING_GENERATIONS => grace.shared(),
            Some(_) | None => grace.anonymous(),
        }
    }
}

#[cfg(test)]
mod tests;
