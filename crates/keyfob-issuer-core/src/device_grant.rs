//! The sign-in of a device without a browser: a code shown there is approved here (RFC 8628, and the Codex dialect of it).
//!
//! One state machine, whatever dialect the device speaks: what it shows and how it is answered differs, not what may follow.

use crate::digest::{DeviceAuthDigest, UndoDigest};
use crate::grant::{Approval, WrongState};
use crate::login_session::Origin;
use crate::workspace::AllowedWorkspaces;
use crate::{FamilyId, GrantId, lifetime};
use keyfob_oauth::{ClientId, Scope, Timestamp};

mod risk;
mod settings;
mod user_code;

pub use risk::{Risk, Sign};
pub use settings::{DeviceSettings, Elsewhere, NumberMatch};
pub use user_code::{MatchNumber, UserCode, UserCodeDigest};

/// What a device asked for and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceGrant {
    /// How the value that the device polls with rests.
    pub digest: DeviceAuthDigest,
    /// How the code that the person types rests.
    pub user_code: UserCodeDigest,
    /// Who asked.
    pub client_id: ClientId,
    /// Which messages the device understands.
    pub dialect: DeviceDialect,
    /// What is granted on approval.
    pub scope: Scope,
    /// For which workspaces it takes tokens.
    pub allowed: AllowedWorkspaces,
    /// Where the request came from; shown to whoever decides.
    pub origin: Origin,
    /// The network of the request, as tries are counted by it; nothing for this machine itself.
    pub network: Option<String>,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// How the link rests by which its person takes an approval back.
    pub undo: Option<UndoDigest>,
    /// What became of it.
    pub progress: DeviceProgress,
}

/// Which messages a device understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceDialect {
    /// Those of the Codex CLI: the device is told a code, which it redeems like that of a browser.
    Codex,
    /// Those of RFC 8628: the device is told its tokens at the token endpoint.
    Standard,
}

impl DeviceDialect {
    /// Every dialect there is.
    pub const ALL: [Self; 2] = [Self::Codex, Self::Standard];

    /// Returns the stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Codex => "codex",
            Self::Standard => "standard",
        }
    }

    /// Returns the dialect that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.as_str() == word)
    }
}

/// How far a device's sign-in has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceProgress {
    /// Nobody has decided.
    Pending,
    /// A user said yes; the device has not asked since.
    Approved(Approval),
    /// A user said no.
    Denied,
    /// The device was answered.
    Delivered(Delivered),
}

/// The answer that a device was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// When.
    pub at: Timestamp,
    /// What the answer began.
    pub began: Began,
}

impl Delivered {
    /// Returns the grant that the answer began.
    pub fn grant(self) -> Option<GrantId> {
        match self.began {
            Began::Grant(id) => Some(id),
            Began::Session(_) => None,
        }
    }

    /// Returns the session that the answer began.
    pub fn session(self) -> Option<FamilyId> {
        match self.began {
            Began::Session(id) => Some(id),
            Began::Grant(_) => None,
        }
    }
}

/// What the answer to a device began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Began {
    /// A grant whose code it redeems (Codex dialect).
    Grant(GrantId),
    /// A session of its own (RFC 8628).
    Session(FamilyId),
}

/// What a device that asks is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceVerdict {
    /// Nobody has decided.
    Wait,
    /// Somebody said no.
    Denied,
    /// Its answer, which is told now.
    Deliver(Approval),
    /// Its answer, once more: the first one may have been lost.
    Repeat(Began),
    /// Nothing: its time is over.
    Over,
}

impl DeviceGrant {
    /// Decides what a device that asks at `now` is told (I-45).
    pub fn judge(&self, now: Timestamp) -> DeviceVerdict {
        match &self.progress {
            DeviceProgress::Delivered(Delivered { at, began })
                if now.since(*at) <= lifetime::DEVICE_ANSWER_REPEATED =>
            {
                DeviceVerdict::Repeat(*began)
            }
            DeviceProgress::Delivered(_) => DeviceVerdict::Over,
            DeviceProgress::Pending | DeviceProgress::Approved(_) | DeviceProgress::Denied
                if now >= self.expires_at =>
            {
                DeviceVerdict::Over
            }
            DeviceProgress::Pending => DeviceVerdict::Wait,
            DeviceProgress::Denied => DeviceVerdict::Denied,
            DeviceProgress::Approved(approval) => DeviceVerdict::Deliver(approval.clone()),
        }
    }

    /// The user says yes; `undo` is how the link rests by which they take it back.
    pub fn approve(self, approval: Approval, undo: UndoDigest) -> Result<Self, WrongState> {
        Ok(Self { undo: Some(undo), ..self.decide(DeviceProgress::Approved(approval))? })
    }

    /// The user says no.
    pub fn deny(self) -> Result<Self, WrongState> {
        self.decide(DeviceProgress::Denied)
    }

    /// The device is given its answer.
    pub fn deliver(self, delivered: Delivered) -> Result<Self, WrongState> {
        match self.progress {
            DeviceProgress::Approved(_) => {
                Ok(Self { progress: DeviceProgress::Delivered(delivered), ..self })
            }
            DeviceProgress::Pending | DeviceProgress::Denied | DeviceProgress::Delivered(_) => {
                Err(WrongState)
            }
        }
    }

    /// Whether somebody may still decide at `now`.
    pub fn is_undecided(&self, now: Timestamp) -> bool {
        self.progress == DeviceProgress::Pending && now < self.expires_at
    }

    fn decide(self, progress: DeviceProgress) -> Result<Self, WrongState> {
        match self.progress {
            DeviceProgress::Pending => Ok(Self { progress, ..self }),
            DeviceProgress::Approved(_) | DeviceProgress::Denied | DeviceProgress::Delivered(_) => {
                Err(WrongState)
            }
        }
    }
}

/// Codes that wait for a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Those that were asked for from one network.
    pub network: u32,
    /// Those of one client.
    pub client: u32,
    /// All.
    pub all: u32,
}

impl Waiting {
    /// Whether there is room for one more of each.
    pub const fn is_within(self, most: Self) -> bool {
        self.network < most.network && self.client < most.client && self.all < most.all
    }
}
