//! A refresh family as its person knows it: a session, with what tells it from their others.
//!
//! What is collected is what follows here and no more, once, when the session begins: the first product of the
//! `User-Agent`, the name that the client gives its machine, and the address of the connection.

use crate::lifetime;
use crate::refresh_family::{FamilyStatus, RefreshFamily};
use keyfob_oauth::{Timestamp, text};
use std::net::IpAddr;

/// One sign-in of one client, and what its person sees of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginSession {
    /// Its tokens.
    pub family: RefreshFamily,
    /// What the person calls it.
    pub name: Option<SessionName>,
    /// Where it came from.
    pub origin: Origin,
    /// When it was last refreshed; before the first refresh, when it began.
    pub last_used_at: Timestamp,
}

impl LoginSession {
    /// Returns when it ends if nobody uses it from now on.
    pub fn expires_at(&self) -> Timestamp {
        let idle = self.last_used_at.plus(lifetime::REFRESH_IDLE);
        idle.min(self.family.created_at.plus(lifetime::REFRESH_ABSOLUTE))
    }

    /// Whether it can go on at `now`.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        self.family.status == FamilyStatus::Live && now < self.expires_at()
    }
}

/// Where a session came from, as far as its first request told; for people, and never a reason to trust it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The program: the first product of its `User-Agent` (RFC 9110 §10.1.5).
    pub tool: Option<String>,
    /// What the client calls the machine it runs on.
    pub machine: Option<String>,
    /// The address of the connection; behind a trusted reverse proxy, the one that it names.
    pub place: Option<IpAddr>,
}

/// No label is longer.
const LONGEST_LABEL: usize = 64;

impl Origin {
    /// Takes what a request brought: cleaned for people, and cut.
    pub fn new(user_agent: Option<&str>, machine: Option<&str>, place: Option<IpAddr>) -> Self {
        let product = user_agent.and_then(|agent| agent.split_whitespace().next());
        Self { tool: product.and_then(label), machine: machine.and_then(label), place }
    }
}

/// What a person calls a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionName(String);

impl SessionName {
    /// Takes a name, cleaned and cut; nothing is left of one that is empty then.
    pub fn parse(text: &str) -> Option<Self> {
        label(text).map(Self)
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn label(given: &str) -> Option<String> {
    let shown: String = text::printable(given).trim().chars().take(LONGEST_LABEL).collect();
    (!shown.is_empty()).then_some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_labelled_with_a_product_a_machine_and_an_address_cleaned_and_cut() {
        let place = "192.0.2.7".parse().ok();
        let long = "x".repeat(100);

        let origin = Origin::new(Some("codex_cli_rs/0.169.0 (Debian 13; x86_64) xterm"), Some(&long), place);

        let machine = Some("x".repeat(64));
        assert_eq!(origin, Origin { tool: Some("codex_cli_rs/0.169.0".into()), machine, place });
        assert_eq!(Origin::new(Some(" "), Some("\u{1b}\u{202e}"), None), Origin::default());
        assert_eq!(SessionName::parse(" desk\u{7} ").unwrap().as_str(), "desk");
    }
}
