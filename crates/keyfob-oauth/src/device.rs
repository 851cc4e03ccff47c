//! What a device is given to show and to poll with (RFC 8628 §3.2).

use crate::{DeviceCode, secret_newtype};
use serde_json::Value;
use std::time::Duration;

secret_newtype! {
    /// What a person types on another machine: 4 to 16 capital letters, digits and hyphens (security C-25).
    UserCode
}

/// An answer of the device authorization endpoint, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceAuthorization {
    /// Polled with.
    pub device_code: DeviceCode,
    /// Shown to the person.
    pub user_code: UserCode,
    /// Where the person types it, as the issuer says; not yet compared with the issuer's own address.
    pub verification_uri: String,
    /// For how long the code works; at most [`LONGEST_LIFE`].
    pub expires_in: Duration,
    /// How long to wait between two polls.
    pub interval: Duration,
}

/// An answer of the device authorization endpoint cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDeviceAuthorization {
    /// The body is no JSON object with the members of RFC 8628 §3.2.
    #[error("it is no answer to a device")]
    NotJson,
    /// The code holds characters that nobody could type, or a terminal could take for commands.
    #[error("its code is none that a person could type")]
    UserCode,
    /// The address is not one of the issuer's own.
    #[error("it names an address that is not the issuer's")]
    Address,
}

/// No code is waited for any longer, whatever the issuer says.
pub const LONGEST_LIFE: Duration = Duration::from_mins(15);
/// The pause between two polls when the issuer names none (RFC 8628 §3.2).
const USUAL_INTERVAL: u64 = 5;

#[derive(serde::Deserialize)]
struct Wire {
    device_code: String,
    user_code: String,
    verification_uri: String,
    expires_in: Option<Value>,
    interval: Option<Value>,
}

impl UserCode {
    /// Takes what a person can type and a terminal can show.
    pub fn parse(text: &str) -> Result<Self, InvalidDeviceAuthorization> {
        let legal = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-';
        if (4..=16).contains(&text.len()) && text.bytes().all(legal) {
            Ok(Self::new(text))
        } else {
            Err(InvalidDeviceAuthorization::UserCode)
        }
    }
}

impl DeviceAuthorization {
    /// Parses the body of a 200 answer.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidDeviceAuthorization> {
        let wire: Wire = serde_json::from_slice(body).map_err(|_| InvalidDeviceAuthorization::NotJson)?;
        if wire.device_code.is_empty() {
            return Err(InvalidDeviceAuthorization::NotJson);
        }
        let life = wire.expires_in.as_ref().and_then(seconds).map_or(LONGEST_LIFE, Duration::from_secs);
        Ok(Self {
            device_code: DeviceCode::new(wire.device_code),
            user_code: UserCode::parse(&wire.user_code)?,
            verification_uri: wire.verification_uri,
            expires_in: life.min(LONGEST_LIFE),
            interval: interval(wire.interval.as_ref()),
        })
    }
}

/// Reads the pause between two polls, a number or one in text: from 1 s to 60 s, and 5 s for what is neither
/// (security C-24).
pub fn interval(value: Option<&Value>) -> Duration {
    Duration::from_secs(value.and_then(seconds).unwrap_or(USUAL_INTERVAL).clamp(1, 60))
}

fn seconds(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other
            .as_u64()
            .or_else(|| Some(Duration::try_from_secs_f64(other.as_f64()?.ceil()).ok()?.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(change: impl FnOnce(&mut Value)) -> Result<DeviceAuthorization, InvalidDeviceAuthorization> {
        let mut answer = json!({
            "device_code": "dc", "user_code": "ABCD-1234", "verification_uri": "https://id.test/device",
            "expires_in": 600, "interval": 3,
        });
        change(&mut answer);
        DeviceAuthorization::parse(answer.to_string().as_bytes())
    }

    #[test]
    fn c_24_the_pause_between_polls_stays_between_a_second_and_a_minute() {
        let pause = |value: Value| interval(Some(&value)).as_secs();

        assert_eq!(["0", "7", " 7 ", "61", "abc", "-1"].map(|text| pause(json!(text))), [1, 7, 7, 60, 5, 5]);
        assert_eq!(
            [json!(0), json!(2), json!(30.5), json!(1e9), json!(-1), Value::Null].map(pause),
            [1, 2, 31, 60, 5, 5]
        );
        assert_eq!(interval(None).as_secs(), 5);
    }

    #[test]
    fn c_25_a_code_that_could_command_a_terminal_is_refused() {
        let read =
            |code: &str| answer(|answer| answer["user_code"] = json!(code)).map(|given| given.user_code);

        assert_eq!(read("ABCD-1234-42"), Ok(UserCode::new("ABCD-1234-42")));
        for hostile in [
            "\u{1b}]8;;https://evil\u{7}AB",
            "AB\nCD",
            "abcd-efgh",
            "ABC",
            "\u{202e}ABCD",
            &"A".repeat(10_000),
        ] {
            assert_eq!(read(hostile), Err(InvalidDeviceAuthorization::UserCode));
        }
    }

    #[test]
    fn an_answer_is_read_whole_and_its_life_is_bounded() {
        let given = answer(|_| {}).unwrap();

        assert_eq!(
            given,
            DeviceAuthorization {
                device_code: DeviceCode::new("dc"),
                user_code: UserCode::new("ABCD-1234"),
                verification_uri: "https://id.test/device".into(),
                expires_in: Duration::from_mins(10),
                interval: Duration::from_secs(3),
            }
        );
        for forever in [json!(1_000_000), json!("forever"), Value::Null] {
            assert_eq!(answer(|answer| answer["expires_in"] = forever).unwrap().expires_in, LONGEST_LIFE);
        }
        let without =
            |member: &'static str| answer(|answer| drop(answer.as_object_mut().unwrap().remove(member)));
        for member in ["device_code", "user_code", "verification_uri"] {
            assert_eq!(without(member), Err(InvalidDeviceAuthorization::NotJson), "{member}");
        }
        assert_eq!(DeviceAuthorization::parse(b"<html>"), Err(InvalidDeviceAuthorization::NotJson));
    }
}
