//! What the Codex CLI does not know of a document: it reads past such members, and drops them when it refreshes.

use super::AuthFile;
use crate::members::Members;
use serde::{Deserialize, Serialize};

/// The names of a document in their order, with the values of those that the Codex CLI does not know, and no other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Outline(Members);

/// What the Codex CLI knows of an object.
struct Level {
    names: &'static [&'static str],
    below: Option<(&'static str, &'static Self)>,
}

const DOCUMENT: Level = Level {
    names: &[
        "auth_mode",
        "OPENAI_API_KEY",
        "last_refresh",
        "agent_identity",
        "personal_access_token",
        "bedrock_api_key",
        "bedrock_access_keys",
    ],
    below: Some(("tokens", &TOKENS)),
};
const TOKENS: Level = Level {
    names: &["id_token", "access_token", "refresh_token", "login_owner_id", "account_id"],
    below: Some(("oauth_provenance", &PROVENANCE)),
};
const PROVENANCE: Level = Level { names: &["issuer", "client_id"], below: None };

impl AuthFile {
    /// Returns the members that the Codex CLI does not know, with their places; nothing if it knows all.
    pub fn outline(&self) -> Option<Outline> {
        DOCUMENT.outline(&self.0).map(Outline)
    }

    /// Puts the members of `outline` that are missing back into their places; what is there stays as it is.
    pub fn restore(&mut self, outline: &Outline) {
        DOCUMENT.restore(&mut self.0, &outline.0);
    }
}

impl Level {
    fn below(&self, name: &str) -> Option<&'static Self> {
        self.below.filter(|(known, _)| *known == name).map(|(_, level)| level)
    }

    fn outline(&self, members: &Members) -> Option<Members> {
        let mut outline = Members::default();
        let mut has_unknown = false;
        for (name, value) in members.iter() {
            let inner = self.below(name).map(|level| (level, members.read::<Members>(name)));
            match inner {
                Some((level, inner)) => {
                    let inner = inner.and_then(|inner| level.outline(&inner));
                    has_unknown |= inner.is_some();
                    outline.set(name, &inner);
                }
                None if self.names.contains(&name) => outline.set(name, &()),
                None => {
                    has_unknown = true;
                    outline.set(name, &value);
                }
            }
        }
        has_unknown.then_some(outline)
    }

    fn restore(&self, members: &mut Members, outline: &Members) {
        let mut before = None;
        for (name, value) in outline.iter() {
            if let Some(level) = self.below(name) {
                let inner = members.read::<Members>(name).zip(outline.read::<Members>(name));
                if let Some((mut inner, outline)) = inner {
                    level.restore(&mut inner, &outline);
                    members.set(name, &inner);
                }
            } else if !self.names.contains(&name) && !members.contains(name) {
                members.insert_after(before, name, value);
            }
            if members.contains(name) {
                before = Some(name);
            }
        }
    }
}
