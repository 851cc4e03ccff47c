//! Keys that a person makes for programs: personal access tokens and API keys (design S4, S7).
//!
//! A *personal access token* acts as its person in one workspace, and always ends. An *API key* acts for the workspace's
//! API organisation, is billed by use, and may last. Neither is a sign-in: no key begins a session or makes another key.

use crate::digest::KeyDigest;
use crate::{KeyId, lifetime};
use crc::{CRC_32_ISO_HDLC, Crc};
use keyfob_oauth::{Entropy, EntropyError, Scope, Subject, Timestamp, WorkspaceId, secret_newtype, text};
use std::time::Duration;

secret_newtype! {
    /// A key in the clear: shown to its person once.
    KeySecret
}

/// The kinds of key that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// A personal access token.
    Personal,
    /// An API key.
    Api,
}

impl KeyKind {
    /// Every kind there is.
    pub const ALL: [Self; 2] = [Self::Personal, Self::Api];

    /// Returns the stored word, which is also the one on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Personal => "personal_access_token",
            Self::Api => "api_key",
        }
    }

    /// Returns the kind that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Returns how keys of this kind begin: the Codex CLI knows the first, and scanners know both.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Personal => "at-",
            Self::Api => "sk-kf-",
        }
    }

    /// Returns how long a key lives whose person asks for `wish`; `None` is a key without an end.
    pub fn life(self, wish: Option<Duration>) -> Result<Option<Duration>, LifeTooLong> {
        let life = match self {
            Self::Personal => wish.or(Some(lifetime::PERSONAL_ACCESS_TOKEN)),
            Self::Api => wish,
        };
        match life {
            Some(life) if life > lifetime::LONGEST_KEY => Err(LifeTooLong),
            other => Ok(other),
        }
    }

    /// Returns the words of `scope` that a key of this kind may carry.
    ///
    /// `openid` and `offline_access` ask for tokens that a key does not begin; an API key is nobody's sign-in, so it tells
    /// nothing of a person and opens no cloud capability (S3).
    pub fn narrow(self, scope: &Scope) -> Scope {
        let withheld: &[&str] = match self {
            Self::Personal => &["openid", "offline_access"],
            Self::Api => &["openid", "offline_access", "profile", "email", "cloud"],
        };
        scope.without(withheld)
    }
}

/// A key would live longer than any may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no key lives longer than a year")]
pub struct LifeTooLong;

/// A key as it rests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// Its name.
    pub id: KeyId,
    /// What it is.
    pub kind: KeyKind,
    /// How its secret rests.
    pub digest: KeyDigest,
    /// How its secret ends: by which a person tells one from another.
    pub ending: String,
    /// What it is called.
    pub label: KeyLabel,
    /// Who made it.
    pub subject: Subject,
    /// Where it counts.
    pub workspace_id: WorkspaceId,
    /// What it may be used for.
    pub scope: Scope,
    /// Which models it opens.
    pub models: Models,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was ended.
    pub revoked_at: Option<Timestamp>,
}

impl AccessKey {
    /// Whether it counts at `now`.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether a use at `now` is worth noting: not each of many within a minute.
    pub fn is_use_news(&self, now: Timestamp) -> bool {
        self.last_used_at.is_none_or(|last| now.since(last) >= Duration::from_mins(1))
    }
}

/// What a key is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLabel(String);

/// No label is longer.
const LONGEST_LABEL: usize = 64;

impl KeyLabel {
    /// Takes a label, cleaned and cut; nothing is left of one that is empty then.
    pub fn parse(given: &str) -> Option<Self> {
        let shown: String = text::printable(given).trim().chars().take(LONGEST_LABEL).collect();
        (!shown.is_empty()).then_some(Self(shown))
    }

    /// Returns the label.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The models that a key opens: a list of names without blanks, or all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Models {
    /// All that the workspace may use.
    #[default]
    All,
    /// These.
    Only(Vec<String>),
}

/// No list of models is longer, and no name in it.
const MOST_MODELS: usize = 50;
const LONGEST_MODEL: usize = 100;

impl Models {
    /// Parses names separated by blanks; no name means all.
    pub fn parse(given: &str) -> Option<Self> {
        let names: Vec<String> = given.split_whitespace().map(str::to_owned).collect();
        let legal = |name: &String| name.len() <= LONGEST_MODEL && name.chars().all(|c| c.is_ascii_graphic());
        match names.len() {
            0 => Some(Self::All),
            1..=MOST_MODELS if names.iter().all(legal) => Some(Self::Only(names)),
            _ => None,
        }
    }

    /// Returns the names, if not all models are meant.
    pub fn names(&self) -> Option<&[String]> {
        match self {
            Self::All => None,
            Self::Only(names) => Some(names),
        }
    }
}

/// The random part: 256 bits in base64url. The checksum: eight hexadecimal digits.
const RANDOM_CHARACTERS: usize = 43;
const CHECKSUM_CHARACTERS: usize = 8;
const ENDING_CHARACTERS: usize = 4;
const CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

impl KeySecret {
    /// Makes a key.
    pub fn generate(kind: KeyKind, entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let body = format!("{}{}", kind.prefix(), entropy.token()?.expose());
        Ok(Self::new(format!("{body}{:08x}", CHECKSUM.checksum(body.as_bytes()))))
    }

    /// Takes what may be a key: the kind that its beginning names, if its checksum fits.
    ///
    /// What is mistyped, cut or made up is known for it without a look into the database.
    pub fn parse(text: &str) -> Option<(KeyKind, Self)> {
        let kind = KeyKind::ALL.into_iter().find(|kind| text.starts_with(kind.prefix()))?;
        let (body, checksum) = text.split_at_checked(text.len().checked_sub(CHECKSUM_CHARACTERS)?)?;
        let fits = body.len() == kind.prefix().len() + RANDOM_CHARACTERS
            && checksum == format!("{:08x}", CHECKSUM.checksum(body.as_bytes()));
        fits.then(|| (kind, Self::new(text)))
    }

    /// Returns its last characters.
    pub fn ending(&self) -> String {
        let text = self.expose();
        text.get(text.len().saturating_sub(ENDING_CHARACTERS)..).unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
mod tests;
