//! What the administrators of a workspace decide about whoever signs in to it.

use super::{Word, WordSet};
use crate::lifetime;
use crate::sign_in::MfaPolicy;
use keyfob_oauth::{Capability, Scope};
use std::time::Duration;

/// What holds for whoever signs in to a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The ways to prove who one is that count.
    pub methods: WordSet<SignInMethod>,
    /// When a second factor is wanted.
    pub mfa: MfaPolicy,
    /// Whether devices are let in by a code.
    pub device_codes: DevicePolicy,
    /// How long a session lasts at most; as long as any, if nothing is said.
    pub session_length: Option<SessionLength>,
    /// Whether there are API keys.
    pub api_keys: ApiKeyPolicy,
    /// What may be used beside the plain models.
    pub capabilities: WordSet<Capability>,
    /// How long what is sent may be kept, in the words of whoever runs the models.
    pub retention: Option<Tag>,
    /// Where what is sent may be processed, in the same words.
    pub residency: Option<Tag>,
}

impl Policy {
    /// What holds in a workspace of one's own: the person decides.
    pub fn personal() -> Self {
        Self {
            methods: WordSet::of(SignInMethod::ALL),
            mfa: MfaPolicy::Cloud,
            device_codes: DevicePolicy::ByPerson,
            session_length: None,
            api_keys: ApiKeyPolicy::Allowed,
            capabilities: WordSet::of(&Capability::ALL),
            retention: None,
            residency: None,
        }
    }

    /// What holds in a shared workspace until its administrators change it: no device codes (I-49).
    pub fn shared() -> Self {
        Self { device_codes: DevicePolicy::Off, ..Self::personal() }
    }

    /// Returns what of `scope` may be granted here.
    pub fn narrow(&self, scope: &Scope) -> Scope {
        let missing =
            Capability::ALL.into_iter().filter(|capability| !self.capabilities.contains(*capability));
        scope.without(&missing.map(Capability::scope).collect::<Vec<_>>())
    }

    /// Returns how long a session lasts here at most.
    pub fn longest_session(&self) -> Duration {
        self.session_length.map_or(lifetime::REFRESH_ABSOLUTE, SessionLength::duration)
    }
}

/// A way to prove who one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInMethod {
    /// A password kept here, perhaps with a second factor.
    Password,
    /// The word of an organisation's own identity provider.
    Sso,
}

impl Word for SignInMethod {
    const ALL: &'static [Self] = &[Self::Password, Self::Sso];

    fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Sso => "sso",
        }
    }
}

/// Whether devices are let in by a code (design D11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DevicePolicy {
    /// They are not.
    Off,
    /// Each person decides for themselves.
    ByPerson,
    /// They are, whatever the person's own switch says.
    On,
}

impl Word for DevicePolicy {
    const ALL: &'static [Self] = &[Self::Off, Self::ByPerson, Self::On];

    fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::ByPerson => "person",
            Self::On => "on",
        }
    }
}

/// Whether a workspace has API keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKeyPolicy {
    /// People make them.
    Allowed,
    /// None is made, and those that are there open nothing.
    Refused,
}

impl Word for ApiKeyPolicy {
    const ALL: &'static [Self] = &[Self::Allowed, Self::Refused];

    fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
        }
    }
}

impl Word for Capability {
    const ALL: &'static [Self] = &Self::ALL;

    fn as_str(self) -> &'static str {
        self.scope()
    }
}

/// How long a session lasts at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLength(Duration);

/// The shortest access token lives as long (design D6).
const SHORTEST_SESSION: Duration = Duration::from_mins(10);

impl SessionLength {
    /// Takes a length between 10 minutes and what any session lasts at most.
    pub fn new(length: Duration) -> Option<Self> {
        (SHORTEST_SESSION..=lifetime::REFRESH_ABSOLUTE).contains(&length).then_some(Self(length))
    }

    /// Returns the length.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

/// A word of whoever runs the models, such as `eu` or `zero`: lower-case letters, digits and dashes, at most 32.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(String);

const LONGEST_TAG: usize = 32;

impl Tag {
    /// Parses.
    pub fn parse(text: &str) -> Option<Self> {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_tag = !text.is_empty() && text.len() <= LONGEST_TAG && text.bytes().all(legal);
        is_tag.then(|| Self(text.to_owned()))
    }

    /// Returns the word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_that_is_withheld_is_taken_out_of_every_scope() {
        let scope = Scope::parse("openid cloud email").unwrap();
        let without = Policy { capabilities: WordSet::of(&[]), ..Policy::personal() };

        assert_eq!(Policy::personal().narrow(&scope), scope);
        assert_eq!(without.narrow(&scope).to_string(), "openid email");
    }

    #[test]
    fn sets_of_words_come_back_from_their_text_and_hold_no_other_word() {
        let both = WordSet::of(SignInMethod::ALL);

        assert_eq!(WordSet::parse("sso password"), Some(both.clone()));
        assert_eq!(both.to_text(), "password sso");
        assert_eq!(WordSet::<SignInMethod>::parse("password magic"), None);
        assert_eq!(WordSet::<Capability>::parse(""), Some(WordSet::of(&[])));
    }

    #[test]
    fn session_lengths_and_tags_stay_within_their_bounds() {
        let minutes = |minutes| SessionLength::new(Duration::from_mins(minutes));

        assert_eq!(minutes(10).unwrap().duration(), Duration::from_mins(10));
        assert_eq!((minutes(9), minutes(180 * 24 * 60 + 1)), (None, None));
        assert_eq!(Tag::parse("eu-west-1").unwrap().as_str(), "eu-west-1");
        for bad in ["", "EU", "a b", "a\n", &"x".repeat(33)] {
            assert_eq!(Tag::parse(bad), None, "{bad:?}");
        }
    }
}
