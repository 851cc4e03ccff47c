//! Somebody is asked into a workspace (I-61, I-70).

use super::Role;
use crate::InvitationId;
use crate::digest::InvitationDigest;
use crate::user::Email;
use keyfob_oauth::{Timestamp, WorkspaceId};

/// An open invitation; each address has one at most in a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Its name, by which it is taken back; it opens nothing.
    pub id: InvitationId,
    /// Where to.
    pub workspace_id: WorkspaceId,
    /// Who, and nobody else.
    pub email: Email,
    /// As what.
    pub role: Role,
    /// How the link rests.
    pub digest: InvitationDigest,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Invitation {
    /// Whether it counts at `now`.
    pub fn is_open(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}
