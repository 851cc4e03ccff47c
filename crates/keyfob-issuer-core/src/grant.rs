//! The record of one authorization request, from pending to exchanged.

use crate::amr::Amr;
use crate::digest::{CodeDigest, InteractionDigest};
use crate::workspace::AllowedWorkspaces;
use crate::{FamilyId, GrantId};
use keyfob_oauth::pkce::CodeChallenge;
use keyfob_oauth::token::{Nonce, State};
use keyfob_oauth::{ClientId, Scope, Subject, Timestamp, WorkspaceId};

/// What a client asked for and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationGrant {
    /// Its name.
    pub id: GrantId,
    /// Who asked.
    pub client_id: ClientId,
    /// Where the answer goes; the token request must name the same, exactly.
    pub redirect_uri: String,
    /// What is granted on approval.
    pub scope: Scope,
    /// Goes back with the answer.
    pub state: Option<State>,
    /// Goes into the ID token.
    pub nonce: Option<Nonce>,
    /// What the token request must prove.
    pub code_challenge: CodeChallenge,
    /// How old the sign-in may be at most: it began at this moment or later (`prompt=login`, `max_age`).
    pub signed_in_since: Option<Timestamp>,
    /// Who the client thinks will sign in; fills the form in, decides nothing.
    pub login_hint: Option<String>,
    /// For which workspaces the client takes tokens.
    pub allowed: AllowedWorkspaces,
    /// The workspace that the person chose, as long as nothing is decided.
    pub workspace: Option<WorkspaceId>,
    /// The browser that asked; nobody for the grant of a device.
    pub browser: Option<InteractionDigest>,
    /// When it ends: a pending one cannot be decided later, a code not redeemed.
    pub expires_at: Timestamp,
    /// What became of it.
    pub progress: Progress,
}

/// How far a grant has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nobody has decided.
    Pending,
    /// The user said yes; the code waits to be redeemed.
    Approved {
        /// Who said yes, and for what.
        approval: Approval,
        /// How the code rests.
        code: CodeDigest,
    },
    /// The user said no.
    Denied,
    /// The code was redeemed.
    Exchanged {
        /// How the code rests: a second use is recognised by it.
        code: CodeDigest,
        /// What the exchange began.
        family: FamilyId,
    },
}

/// Who approved, and for which workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Who.
    pub subject: Subject,
    /// For which workspace.
    pub workspace_id: WorkspaceId,
    /// When they proved who they are; the claim `auth_time`.
    pub auth_time: Timestamp,
    /// By what.
    pub amr: Amr,
}

/// A grant is not in the state that the transition begins at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the grant is not in the state for this")]
pub struct WrongState;

impl AuthorizationGrant {
    /// The user says yes: the code with this digest can be redeemed until `code_expires_at`.
    pub fn approve(
        self,
        approval: Approval,
        code: CodeDigest,
        code_expires_at: Timestamp,
    ) -> Result<Self, WrongState> {
        match self.progress {
            Progress::Pending => Ok(Self {
                progress: Progress::Approved { approval, code },
                expires_at: code_expires_at,
                ..self
            }),
            Progress::Approved { .. } | Progress::Denied | Progress::Exchanged { .. } => Err(WrongState),
        }
    }

    /// The user says no.
    pub fn deny(self) -> Result<Self, WrongState> {
        match self.progress {
            Progress::Pending => Ok(Self { progress: Progress::Denied, ..self }),
            Progress::Approved { .. } | Progress::Denied | Progress::Exchanged { .. } => Err(WrongState),
        }
    }

    /// The code is redeemed for the first refresh token of `family`.
    pub fn exchange(self, family: FamilyId) -> Result<Self, WrongState> {
        match self.progress {
            Progress::Approved { code, .. } => {
                Ok(Self { progress: Progress::Exchanged { code, family }, ..self })
            }
            Progress::Pending | Progress::Denied | Progress::Exchanged { .. } => Err(WrongState),
        }
    }

    /// Whether its time is over at `now`.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }
}
