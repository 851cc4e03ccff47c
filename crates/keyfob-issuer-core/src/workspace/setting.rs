//! What can be changed of a workspace, each by its word: on the command line, on the page, and by programs alike.

use super::{
    ApiKeyPolicy, DataSharing, DevicePolicy, Permission, SessionLength, SignInMethod, Tag, Word, WordSet,
    Workspace, WorkspaceName,
};
use crate::sign_in::MfaPolicy;
use keyfob_oauth::Capability;
use std::time::Duration;

/// What can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingKey {
    /// What it is called.
    Name,
    /// The ways to sign in that count.
    Methods,
    /// When a second factor is wanted.
    Mfa,
    /// Whether devices are let in by a code.
    DeviceCodes,
    /// How long a session lasts at most.
    SessionLength,
    /// Whether there are API keys.
    ApiKeys,
    /// What may be used beside the plain models.
    Capabilities,
    /// How long what people send may be kept.
    Retention,
    /// Where what people send may be processed.
    Residency,
    /// How long what API keys send may be kept.
    ApiRetention,
    /// Whether what API keys send may be used beyond the answer.
    DataSharing,
}

impl Word for SettingKey {
    const ALL: &'static [Self] = &[
        Self::Name,
        Self::Methods,
        Self::Mfa,
        Self::DeviceCodes,
        Self::SessionLength,
        Self::ApiKeys,
        Self::Capabilities,
        Self::Retention,
        Self::Residency,
        Self::ApiRetention,
        Self::DataSharing,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Methods => "methods",
            Self::Mfa => "mfa",
            Self::DeviceCodes => "device_codes",
            Self::SessionLength => "session_length",
            Self::ApiKeys => "api_keys",
            Self::Capabilities => "capabilities",
            Self::Retention => "retention",
            Self::Residency => "residency",
            Self::ApiRetention => "api_retention",
            Self::DataSharing => "data_sharing",
        }
    }
}

/// A value that something may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    key: SettingKey,
    value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Name(WorkspaceName),
    Methods(WordSet<SignInMethod>),
    Mfa(MfaPolicy),
    DeviceCodes(DevicePolicy),
    SessionLength(Option<SessionLength>),
    ApiKeys(ApiKeyPolicy),
    Capabilities(WordSet<Capability>),
    Tag(Option<Tag>),
    DataSharing(DataSharing),
}

/// A value is none that the setting may have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSetting {
    /// There is no such setting.
    #[error("there is no setting `{0}`; there are {known}", known = words::<SettingKey>(", "))]
    UnknownKey(String),
    /// The setting takes other values.
    #[error("`{}` is not `{value}`; it is {}", .key.as_str(), .key.expected())]
    Value {
        /// Which.
        key: SettingKey,
        /// What was given.
        value: String,
    },
}

/// What stands for nothing where a setting may be absent.
const NONE: &str = "none";

impl SettingKey {
    /// Returns what values it takes, for people.
    pub fn expected(self) -> String {
        match self {
            Self::Name => "a name of at most 64 characters".to_owned(),
            Self::Methods => format!("one or more of {}", words::<SignInMethod>(" ")),
            Self::Mfa => "cloud or always".to_owned(),
            Self::DeviceCodes => words::<DevicePolicy>(" or "),
            Self::SessionLength => {
                "none, or a number with m, h or d behind it, between 10m and 180d".to_owned()
            }
            Self::ApiKeys => words::<ApiKeyPolicy>(" or "),
            Self::Capabilities => format!("none, or some of {}", words::<Capability>(" ")),
            Self::Retention | Self::Residency | Self::ApiRetention => {
                "none, or at most 32 lower-case letters, digits and dashes".to_owned()
            }
            Self::DataSharing => words::<DataSharing>(" or "),
        }
    }

    /// Returns what it takes to change it.
    pub const fn permission(self) -> Permission {
        match self {
            Self::Name => Permission::Rename,
            Self::Methods
            | Self::Mfa
            | Self::DeviceCodes
            | Self::SessionLength
            | Self::ApiKeys
            | Self::Capabilities
            | Self::Retention
            | Self::Residency => Permission::ChangePolicy,
            Self::ApiRetention | Self::DataSharing => Permission::ChangeOrganisation,
        }
    }

    /// Returns the value that it has in `workspace`, as it is parsed.
    pub fn value_in(self, workspace: &Workspace) -> String {
        let (policy, organisation) = (&workspace.policy, &workspace.organisation);
        let tag = |tag: &Option<Tag>| tag.as_ref().map_or(NONE, Tag::as_str).to_owned();
        match self {
            Self::Name => workspace.name.to_string(),
            Self::Methods => policy.methods.to_text(),
            Self::Mfa => policy.mfa.as_str().to_owned(),
            Self::DeviceCodes => policy.device_codes.as_str().to_owned(),
            Self::SessionLength => policy.session_length.map_or(NONE.to_owned(), length_text),
            Self::ApiKeys => policy.api_keys.as_str().to_owned(),
            Self::Capabilities => match policy.capabilities.to_text() {
                none if none.is_empty() => NONE.to_owned(),
                some => some,
            },
            Self::Retention => tag(&policy.retention),
            Self::Residency => tag(&policy.residency),
            Self::ApiRetention => tag(&organisation.retention),
            Self::DataSharing => organisation.data_sharing.as_str().to_owned(),
        }
    }
}

impl Setting {
    /// Parses the word of a setting and its value.
    pub fn parse(key: &str, value: &str) -> Result<Self, InvalidSetting> {
        let key = SettingKey::from_word(key).ok_or_else(|| InvalidSetting::UnknownKey(key.to_owned()))?;
        let given = value.trim();
        let parsed = match key {
            SettingKey::Name => WorkspaceName::parse(given).map(Value::Name),
            SettingKey::Methods => {
                WordSet::parse(given).filter(|set| set.iter().next().is_some()).map(Value::Methods)
            }
            SettingKey::Mfa => MfaPolicy::from_word(given).map(Value::Mfa),
            SettingKey::DeviceCodes => DevicePolicy::from_word(given).map(Value::DeviceCodes),
            SettingKey::SessionLength => match given {
                NONE => Some(Value::SessionLength(None)),
                text => length(text).map(|length| Value::SessionLength(Some(length))),
            },
            SettingKey::ApiKeys => ApiKeyPolicy::from_word(given).map(Value::ApiKeys),
            SettingKey::Capabilities => match given {
                NONE => Some(Value::Capabilities(WordSet::of(&[]))),
                text => WordSet::parse(text).map(Value::Capabilities),
            },
            SettingKey::Retention | SettingKey::Residency | SettingKey::ApiRetention => match given {
                NONE => Some(Value::Tag(None)),
                text => Tag::parse(text).map(|tag| Value::Tag(Some(tag))),
            },
            SettingKey::DataSharing => DataSharing::from_word(given).map(Value::DataSharing),
        };
        let value = parsed.ok_or_else(|| InvalidSetting::Value { key, value: value.to_owned() })?;
        Ok(Self { key, value })
    }

    /// Returns what it is about.
    pub const fn key(&self) -> SettingKey {
        self.key
    }

    /// Changes `workspace`.
    pub fn apply(self, workspace: &mut Workspace) {
        let (policy, organisation) = (&mut workspace.policy, &mut workspace.organisation);
        match self.value {
            Value::Name(name) => workspace.name = name,
            Value::Methods(methods) => policy.methods = methods,
            Value::Mfa(mfa) => policy.mfa = mfa,
            Value::DeviceCodes(device_codes) => policy.device_codes = device_codes,
            Value::SessionLength(length) => policy.session_length = length,
            Value::ApiKeys(api_keys) => policy.api_keys = api_keys,
            Value::Capabilities(capabilities) => policy.capabilities = capabilities,
            Value::DataSharing(data_sharing) => organisation.data_sharing = data_sharing,
            Value::Tag(tag) if self.key == SettingKey::Retention => policy.retention = tag,
            Value::Tag(tag) if self.key == SettingKey::Residency => policy.residency = tag,
            Value::Tag(tag) => organisation.retention = tag,
        }
    }
}

fn words<W: Word>(between: &str) -> String {
    W::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(between)
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

fn length(text: &str) -> Option<SessionLength> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "m" => MINUTE,
        "h" => HOUR,
        "d" => DAY,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    SessionLength::new(Duration::from_secs(number.checked_mul(unit)?))
}

fn length_text(length: SessionLength) -> String {
    let seconds = length.duration().as_secs();
    let in_units = [(DAY, "d"), (HOUR, "h")].into_iter().find(|(unit, _)| seconds.is_multiple_of(*unit));
    let (unit, word) = in_units.unwrap_or((MINUTE, "m"));
    format!("{}{word}", seconds / unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::WorkspaceKind;
    use keyfob_oauth::WorkspaceId;

    fn workspace() -> Workspace {
        let name = WorkspaceName::parse("Blue").unwrap();
        Workspace::new(WorkspaceId::new("b"), name, WorkspaceKind::Shared)
    }

    const CHANGED: [(&str, &str); 11] = [
        ("name", "Green"),
        ("methods", "sso"),
        ("mfa", "always"),
        ("device_codes", "on"),
        ("session_length", "90m"),
        ("api_keys", "refused"),
        ("capabilities", "none"),
        ("retention", "zero"),
        ("residency", "eu"),
        ("api_retention", "30-days"),
        ("data_sharing", "on"),
    ];

    #[test]
    fn every_setting_comes_back_as_it_was_set_and_changes_nothing_else() {
        let keys: Vec<&str> = SettingKey::ALL.iter().map(|key| key.as_str()).collect();
        assert_eq!(CHANGED.map(|(key, _)| key).as_slice(), keys);
        for (changed, value) in CHANGED {
            let mut workspace = workspace();
            Setting::parse(changed, value).unwrap().apply(&mut workspace);
            for key in SettingKey::ALL {
                let before = key.value_in(&self::workspace());
                let expected = if key.as_str() == changed { value.to_owned() } else { before };
                assert_eq!(key.value_in(&workspace), expected, "{changed} changes {key:?}");
                let again = Setting::parse(key.as_str(), &expected).unwrap();
                again.apply(&mut workspace);
                assert_eq!(key.value_in(&workspace), expected, "{key:?} is read as it is written");
            }
        }
    }

    #[test]
    fn a_value_that_a_setting_cannot_have_is_refused_with_those_that_it_can() {
        let refused = |key, value| Setting::parse(key, value).unwrap_err().to_string();

        assert_eq!(refused("mfa", "never"), "`mfa` is not `never`; it is cloud or always");
        assert!(
            refused("mfas", "always").starts_with("there is no setting `mfas`; there are name, methods,")
        );
        for (key, value) in [
            ("name", " "),
            ("methods", ""),
            ("methods", "magic"),
            ("session_length", "9m"),
            ("session_length", "8"),
            ("session_length", "8\u{e9}"),
            ("session_length", "99999999999999999999d"),
            ("session_length", "99999999999999999d"),
            ("capabilities", "fly"),
            ("retention", "Zero"),
            ("data_sharing", "maybe"),
        ] {
            assert!(refused(key, value).contains("; it is "), "{key} {value}");
        }
    }
}
