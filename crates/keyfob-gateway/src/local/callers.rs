//! Who calls: a tool by its key, or a program of the same user at the Unix socket (security G-02).

use super::denied::Denied;
use super::tools::{Stopped, Tool, Tools};
use http::{HeaderMap, header};
use keyfob_client::tool_keys::ToolName;
use keyfob_oauth::Secret;
use std::time::Duration;

/// What is known of the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// A program on this machine, of whatever user.
    Loopback,
    /// A program of this user, as the kernel says (`SO_PEERCRED`).
    SameUser,
    /// A program of another user, who came to the socket all the same.
    OtherUser,
}

/// Who is behind a request.
#[derive(Debug)]
pub(super) enum Caller {
    /// A tool, and the key that it showed.
    Tool(Tool, Secret),
    /// A program of the user.
    User,
}

/// A caller that is not let through; a tool is known all the same, for its audit.
#[derive(Debug)]
pub(super) struct TurnedAway {
    pub(super) denied: Denied,
    pub(super) tool: Option<ToolName>,
}

/// Returns who sent these headers on a connection of `peer`. Who shows a key goes by that key alone.
pub(super) async fn admit(tools: &Tools, peer: Peer, headers: &HeaderMap) -> Result<Caller, TurnedAway> {
    let away = |denied| TurnedAway { denied, tool: None };
    let mut shown = headers.get_all(header::AUTHORIZATION).iter();
    let key = match (shown.next(), shown.next(), peer) {
        (None, _, Peer::SameUser) => return Ok(Caller::User),
        (None, _, Peer::Loopback | Peer::OtherUser) => return Err(away(Denied::NoKey)),
        (Some(_), Some(_), _) => return Err(away(Denied::UnknownKey)),
        (Some(only), None, _) => only.to_str().ok().and_then(bearer),
    };
    let key = Secret::new(key.ok_or_else(|| away(Denied::UnknownKey))?.to_owned());
    match tools.admit(key.expose()).await {
        Ok(tool) => Ok(Caller::Tool(tool, key)),
        Err(Stopped::Unknown) => Err(away(Denied::UnknownKey)),
        Err(Stopped::OverQuota(name, wait)) => {
            let wait = wait + Duration::from_millis(999);
            Err(TurnedAway { denied: Denied::OverQuota(wait), tool: Some(name) })
        }
        Err(Stopped::Unreadable(error)) => {
            tracing::warn!(%error, cause = std::error::Error::source(&error), "the keys cannot be read");
            Err(away(Denied::KeysUnreadable))
        }
        Err(Stopped::Lost(error)) => {
            tracing::warn!(%error, "the keys cannot be read");
            Err(away(Denied::KeysUnreadable))
        }
    }
}

/// RFC 6750 §2.1.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}
