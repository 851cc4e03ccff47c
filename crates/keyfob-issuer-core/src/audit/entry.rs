//! An event with its place in the chain.

use crate::audit::{Actor, AuditEvent};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use keyfob_oauth::{Timestamp, text};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;

/// What surrounds an event: where the request came from, and by which name its log line is found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circumstance {
    /// The address that the request came from; nothing on the issuer's host.
    pub address: Option<IpAddr>,
    /// What the request is called in the log.
    pub request: Option<String>,
}

/// Tells which request is being answered: a port as [`keyfob_oauth::Clock`] is one, for what is true now.
pub trait Circumstances: Send + Sync + std::fmt::Debug {
    /// Returns what surrounds whatever happens now.
    fn present(&self) -> Circumstance;
}

/// The last entry of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number; the first entry is 1.
    pub sequence: i64,
    /// Its hash.
    pub hash: String,
}

impl Head {
    /// Returns what comes before the first entry.
    pub fn start() -> Self {
        Self { sequence: 0, hash: String::new() }
    }
}

/// An entry as it rests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number, one more than that of the entry before it.
    pub sequence: i64,
    /// What happened: a JSON object (RFC 8259) on one line. The hash is of these very bytes.
    pub text: String,
    /// The SHA-256 of the hash before it, a line feed and the text; base64url without padding.
    pub hash: String,
}

impl Entry {
    /// Returns the entry that follows `head`.
    pub fn after(head: &Head, now: Timestamp, circumstance: &Circumstance, event: &AuditEvent) -> Self {
        let sequence = head.sequence.saturating_add(1);
        let text = text(sequence, now, circumstance, event);
        Self { sequence, hash: chained(&head.hash, &text), text }
    }

    /// Returns this entry as the last one.
    pub fn head(&self) -> Head {
        Head { sequence: self.sequence, hash: self.hash.clone() }
    }

    /// Reads the text; nothing if it is no JSON object.
    pub fn read(&self) -> Option<Map<String, Value>> {
        serde_json::from_str(&self.text).ok()
    }

    /// Whether the hash is that of this text behind `previous`.
    pub(crate) fn follows(&self, previous: &Head) -> bool {
        self.hash == chained(&previous.hash, &self.text)
    }
}

pub(super) fn chained(previous: &str, text: &str) -> String {
    let digest = Sha256::new().chain_update(previous).chain_update("\n").chain_update(text).finalize();
    URL_SAFE_NO_PAD.encode(digest)
}

fn text(sequence: i64, now: Timestamp, circumstance: &Circumstance, event: &AuditEvent) -> String {
    let mut members = Map::new();
    let mut say = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            members.insert(name.to_owned(), value);
        }
    };
    // Control characters and marks of direction forge lines where a trail is shown; the encoder escapes the former alone.
    let shown = |text: &str| Some(json!(text::printable(text)));
    say("sequence", Some(json!(sequence)));
    say("at", Some(json!(now.as_unix())));
    say("action", Some(json!(event.action.as_str())));
    say("outcome", Some(json!(event.outcome.as_str())));
    match &event.actor {
        Actor::Unknown => {}
        Actor::Person(subject) => say("actor", shown(subject.as_str())),
        Actor::Host => say("actor", Some(json!("host"))),
    }
    say("subject", event.subject.as_ref().and_then(|subject| shown(subject.as_str())));
    say("client", event.client.as_ref().and_then(|client| shown(client.as_str())));
    say("about", event.about.as_deref().and_then(shown));
    say("detail", event.detail.as_deref().and_then(shown));
    say("address", circumstance.address.map(|address| json!(address.to_string())));
    say("request", circumstance.request.as_deref().and_then(shown));
    Value::Object(members).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Action;
    use keyfob_oauth::{ClientId, Subject};

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    #[test]
    fn i_77_an_entry_says_what_who_whom_through_which_client_from_where_and_by_which_request() {
        let circumstance =
            Circumstance { address: "192.0.2.7".parse().ok(), request: Some("0123456789abcdef".into()) };
        let event = AuditEvent::refused(Action::BeginSession)
            .by_owner(&Subject::new("u"))
            .through(&ClientId::new("c"))
            .about(&"s")
            .saying("code used before");

        let first = Entry::after(&Head::start(), NOW, &circumstance, &event);
        let second =
            Entry::after(&first.head(), NOW, &Circumstance::default(), &AuditEvent::done(Action::Backup));

        assert_eq!(
            first.text,
            r#"{"sequence":1,"at":1800000000,"action":"session.begin","outcome":"refused","actor":"u","subject":"u","client":"c","about":"s","detail":"code used before","address":"192.0.2.7","request":"0123456789abcdef"}"#
        );
        assert_eq!(
            second.text,
            r#"{"sequence":2,"at":1800000000,"action":"issuer.backup","outcome":"done"}"#
        );
        assert!(first.follows(&Head::start()) && second.follows(&first.head()));
        assert!(!second.follows(&Head::start()));
    }

    #[test]
    fn i_77_nothing_that_is_told_begins_a_line_or_an_entry_of_its_own() {
        let hostile =
            ["x\n{\"action\":\"admin\"}", "\r\n", "\u{202e}gpj", &"x".repeat(1 << 20), "\",\"a\":\"b"];
        for text in hostile {
            let event = AuditEvent::done(Action::EndKey).of(&Subject::new(text)).about(&text);
            let entry = Entry::after(&Head::start(), NOW, &Circumstance::default(), &event);

            let members: Vec<String> = entry.read().unwrap().keys().cloned().collect();
            assert_eq!(members, ["sequence", "at", "action", "outcome", "subject", "about"], "{text:.20}");
            assert!(entry.text.len() < 2_000 && !entry.text.contains(['\n', '\r', '\u{202e}']));
        }
    }

    #[test]
    fn every_action_has_a_word_of_its_own() {
        let words: Vec<&str> = Action::ALL.iter().map(|action| action.as_str()).collect();
        for word in &words {
            assert_eq!(words.iter().filter(|other| *other == word).count(), 1, "{word}");
        }
    }
}
