//! What another machine redeems for a session of its own (security C-65).
//!
//! The code says what it is for, and a key outside the database authenticates that; so it rests nowhere, and no copy of the
//! database can be made into one. It names the session that it begins: that is how a second use is known.

use crate::FamilyId;
use crate::login_session::SessionName;
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use keyfob_oauth::{HandoffCode, Subject, Timestamp};
use serde::{Deserialize, Serialize};

/// What a code stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handoff {
    /// Whose sessions these are.
    pub(crate) subject: Subject,
    /// The session that vouches for the new one.
    pub(crate) source: FamilyId,
    /// The new one.
    pub(crate) target: FamilyId,
    /// What the person calls it.
    pub(crate) name: Option<SessionName>,
    /// When the code ends.
    pub(crate) expires_at: Timestamp,
}

/// By which scanners find one that leaked.
const PREFIX: &str = "kfh_";

#[derive(Serialize, Deserialize)]
struct Wire {
    subject: String,
    source: String,
    target: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    expires_at: i64,
}

impl Handoff {
    /// Writes it as a code.
    pub(crate) fn seal(&self, key: &hmac::Key) -> HandoffCode {
        let wire = Wire {
            subject: self.subject.as_str().to_owned(),
            source: self.source.to_string(),
            target: self.target.to_string(),
            name: self.name.as_ref().map(|name| name.as_str().to_owned()),
            expires_at: self.expires_at.as_unix(),
        };
        let says = URL_SAFE_NO_PAD.encode(serde_json::json!(wire).to_string());
        let tag = URL_SAFE_NO_PAD.encode(hmac::sign(key, says.as_bytes()));
        HandoffCode::new(format!("{PREFIX}{says}.{tag}"))
    }

    /// Reads a code that this issuer has made; nothing else counts.
    pub(crate) fn open(code: &HandoffCode, key: &hmac::Key) -> Option<Self> {
        let (says, tag) = code.expose().strip_prefix(PREFIX)?.split_once('.')?;
        hmac::verify(key, says.as_bytes(), &URL_SAFE_NO_PAD.decode(tag).ok()?).ok()?;
        let wire: Wire = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(says).ok()?).ok()?;
        Some(Self {
            subject: Subject::new(wire.subject),
            source: FamilyId::parse(&wire.source)?,
            target: FamilyId::parse(&wire.target)?,
            name: wire.name.as_deref().and_then(SessionName::parse),
            expires_at: Timestamp::from_unix(wire.expires_at),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_65_a_code_is_read_by_the_issuer_that_made_it_and_not_when_a_character_of_it_differs() {
        let family = |at| FamilyId::lowest_at(Timestamp::from_unix(at));
        let key = |bytes: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let handoff = Handoff {
            subject: Subject::new("u"),
            source: family(1),
            target: family(2),
            name: SessionName::parse("mia@box"),
            expires_at: Timestamp::from_unix(600),
        };

        let code = handoff.seal(&key(b"ours"));

        assert_eq!(Handoff::open(&code, &key(b"ours")), Some(handoff));
        assert_eq!(Handoff::open(&code, &key(b"another")), None);
        for at in 0..code.expose().len() {
            let mut changed = code.expose().to_owned();
            let other = if changed.as_bytes()[at] == b'A' { "B" } else { "A" };
            changed.replace_range(at..=at, other);
            assert_eq!(Handoff::open(&HandoffCode::new(&*changed), &key(b"ours")), None, "{changed}");
        }
    }
}
