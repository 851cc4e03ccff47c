//! What programs are told of sessions that ended (OpenID Connect Back-Channel Logout 1.0; security I-79).
//!
//! A session is told once: when it ends, whoever ends it, or when the browser is signed out in which it was begun.

use crate::FamilyId;
use keyfob_oauth::{ClientId, Subject, Timestamp};
use std::time::Duration;

/// How long a logout token counts (§2.4 recommends two minutes at most).
pub const LOGOUT_TOKEN: Duration = Duration::from_mins(2);
/// The member of `events` that makes a token one of these (§2.4).
pub const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A program's session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramSession {
    /// Its name: `sid` in its tokens.
    pub id: FamilyId,
    /// Which program's.
    pub client_id: ClientId,
    /// Whose.
    pub subject: Subject,
}

/// A session that its program is to be told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutNotice {
    /// Which.
    pub session: ProgramSession,
    /// When it ended.
    pub at: Timestamp,
    /// How often it was tried to tell it, this time included.
    pub tries: u32,
}
