//! Every refresh token that descends from one sign-in, and what a presented one is worth (security §7).

use crate::FamilyId;
use crate::digest::RefreshDigest;
use crate::lifetime;
use keyfob_codex::errors::RefreshRejection;
use keyfob_oauth::{ClientId, Scope, Subject, Timestamp, WorkspaceId};

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
    /// When the first token was made.
    pub created_at: Timestamp,
    /// Which rotation is the current one; the first token is 0.
    pub generation: u32,
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
    /// The successor, sealed under the spent token.
    pub sealed: Vec<u8>,
}

/// What a presented token is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// It is the current one: make the next.
    Rotate,
    /// It was spent a moment ago and the answer may have been lost: repeat that answer.
    Repeat(&'a Successor),
    /// It was spent before that: end the family.
    Reuse,
    /// It is of no use, and nothing more follows from that.
    Refuse(RefreshRejection),
}

impl RefreshFamily {
    /// Judges `token`, which is one of this family's, at `now`.
    pub fn judge<'a>(&self, token: &'a StoredToken, now: Timestamp) -> Verdict<'a> {
        match self.status {
            FamilyStatus::Live => {}
            FamilyStatus::Revoked => return Verdict::Refuse(RefreshRejection::Invalidated),
            FamilyStatus::Reused => return Verdict::Refuse(RefreshRejection::Reused),
        }
        let idle = now >= token.issued_at.plus(lifetime::REFRESH_IDLE);
        let over = now >= self.created_at.plus(lifetime::REFRESH_ABSOLUTE);
        match &token.successor {
            None if idle || over => Verdict::Refuse(RefreshRejection::Expired),
            None => Verdict::Rotate,
            // The successor was presented itself: its holder has it, so this is somebody else.
            Some(_) if token.generation.saturating_add(1) != self.generation => Verdict::Reuse,
            Some(successor) if now.since(successor.superseded_at) > lifetime::LOST_ANSWER => Verdict::Reuse,
            Some(_) if over => Verdict::Refuse(RefreshRejection::Expired),
            Some(successor) => Verdict::Repeat(successor),
        }
    }
}

#[cfg(test)]
mod tests;
