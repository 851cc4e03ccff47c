//! People.

use crate::password::PasswordHash;
use crate::workspace::Word;
use keyfob_oauth::{Subject, Timestamp};

/// Somebody who may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The stable identifier.
    pub subject: Subject,
    /// What they type to sign in; unique.
    pub email: Email,
    /// Since when it is known that they read the letters to it (I-61).
    pub email_verified_at: Option<Timestamp>,
    /// What they are called.
    pub name: String,
    /// How their password rests.
    pub password: PasswordHash,
    /// Whether they may let devices in by a code.
    pub device_codes: DeviceCodes,
    /// Whether they may sign in.
    pub status: UserStatus,
    /// When they were added.
    pub created_at: Timestamp,
}

/// Whose word an address is taken on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailWord {
    /// The administrator's: it is verified.
    Administrator,
    /// Nobody's yet: a link has to be followed.
    Nobody,
}

/// Whether a user signs devices in with codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceCodes {
    /// No; letting one in turns it on, and its page says so.
    Off,
    /// Yes.
    On,
}

impl DeviceCodes {
    /// Returns the word by which a change is recorded.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
        }
    }
}

/// Whether a user may sign in, and what they are signed in with counts (I-32).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserStatus {
    /// They may.
    Active,
    /// Not until an administrator unlocks them: nothing of theirs counts meanwhile, and all of it does afterwards.
    Locked,
    /// They left: what they were signed in with has ended.
    Disabled,
}

impl Word for UserStatus {
    const ALL: &'static [Self] = &[Self::Active, Self::Locked, Self::Disabled];

    fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Locked => "locked",
            Self::Disabled => "disabled",
        }
    }
}

/// An e-mail address in the one form in which addresses are compared: trimmed and in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

/// A text is no e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address")]
pub struct InvalidEmail;

impl Email {
    /// Parses; strict enough to keep mistakes out, and no stricter.
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        let text = text.trim().to_lowercase();
        let illegal = |c: char| c.is_whitespace() || c.is_control();
        match text.split_once('@') {
            Some((local, domain))
                if !local.is_empty()
                    && !domain.is_empty()
                    && !domain.contains('@')
                    && text.len() <= 254
                    && !text.contains(illegal) =>
            {
                Ok(Self(text))
            }
            _ => Err(InvalidEmail),
        }
    }

    /// Returns the address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the part before the `@`: a first guess at what to call somebody.
    pub fn local_part(&self) -> &str {
        self.0.split('@').next().unwrap_or_default()
    }
}

impl std::fmt::Display for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_without_case_and_blanks() {
        assert_eq!(Email::parse(" Mia@Example.ORG ").unwrap().as_str(), "mia@example.org");
        for bad in ["", "mia", "@example.org", "mia@", "a@b@c", "a b@c", "a\n@b", &"x".repeat(300)] {
            assert_eq!(Email::parse(bad), Err(InvalidEmail), "{bad:?}");
        }
    }
}
