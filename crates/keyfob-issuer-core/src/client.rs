//! Registered clients: who may ask, and where answers may go.

use crate::lifetime;
use keyfob_codex::client::{CALLBACK_PATH, CALLBACK_PORTS, GATEWAY_CALLBACK_PATH};
use keyfob_oauth::ClientId;
use std::time::Duration;

/// A registered application. All are public: they hold no secret (RFC 6749 §2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its `client_id`.
    pub id: ClientId,
    /// What people are shown.
    pub name: String,
    /// Which rules apply.
    pub kind: ClientKind,
}

/// The kinds of client that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// The Codex CLI and `keyfob`.
    CodexCli,
    /// The Codex CLI's native sign-in to gateways.
    CodexGateway,
}

impl ClientKind {
    /// Every kind there is.
    pub const ALL: [Self; 2] = [Self::CodexCli, Self::CodexGateway];

    /// Returns the stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CodexCli => "codex_cli",
            Self::CodexGateway => "codex_gateway",
        }
    }

    /// Returns the kind that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether an authorization request may name `uri`.
    ///
    /// Compared as text and never parsed: whatever a URL parser would make of an odd spelling, it is not a registered
    /// one (RFC 9700 §2.1). Only the port of 127.0.0.1 is free (RFC 8252 §7.3).
    pub fn accepts_redirect(self, uri: &str) -> bool {
        match self {
            Self::CodexCli => {
                is_loopback_callback(uri, CALLBACK_PATH)
                    || CALLBACK_PORTS
                        .iter()
                        .any(|port| uri == format!("http://localhost:{port}{CALLBACK_PATH}"))
            }
            Self::CodexGateway => is_loopback_callback(uri, GATEWAY_CALLBACK_PATH),
        }
    }

    /// How long an access token of this client lives.
    pub const fn access_token_life(self) -> Duration {
        match self {
            Self::CodexCli => lifetime::ACCESS_TOKEN,
            Self::CodexGateway => lifetime::GATEWAY_ACCESS_TOKEN,
        }
    }

    /// Whether its tokens open the issuer's own interface, where a person sees and ends their sessions.
    ///
    /// A token of the gateway sign-in is sent to gateways that other people run; it opens nothing here.
    pub const fn may_manage_sessions(self) -> bool {
        match self {
            Self::CodexCli => true,
            Self::CodexGateway => false,
        }
    }
}

/// Whether `uri` is `http://127.0.0.1:PORT` and `path`, the port written the one canonical way.
fn is_loopback_callback(uri: &str, path: &str) -> bool {
    uri.strip_prefix("http://127.0.0.1:")
        .and_then(|rest| rest.strip_suffix(path))
        .and_then(|port| port.parse::<u16>().ok().filter(|number| number.to_string() == port))
        .is_some_and(|number| number != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i_02_only_the_port_of_127_0_0_1_is_free() {
        for port in [1, 80, 1455, 65535] {
            let uri = format!("http://127.0.0.1:{port}/auth/callback");
            assert!(ClientKind::CodexCli.accepts_redirect(&uri), "{uri}");
            let uri = format!("http://127.0.0.1:{port}/callback");
            assert!(ClientKind::CodexGateway.accepts_redirect(&uri), "{uri}");
        }
        for refused in [
            "http://127.0.0.1:0/auth/callback",
            "http://127.0.0.1:65536/auth/callback",
            "http://127.0.0.1:080/auth/callback",
            "http://127.0.0.1:+80/auth/callback",
            "http://127.0.0.1:/auth/callback",
            "http://127.0.0.1/auth/callback",
            "http://127.0.0.1:80/callback",
            "http://127.0.0.2:80/auth/callback",
            "http://[::1]:1455/auth/callback",
            "http://localhost:1456/auth/callback",
        ] {
            assert!(!ClientKind::CodexCli.accepts_redirect(refused), "{refused}");
        }
        assert!(ClientKind::CodexCli.accepts_redirect("http://localhost:1457/auth/callback"));
        assert!(!ClientKind::CodexGateway.accepts_redirect("http://localhost:1457/callback"));
    }
}
