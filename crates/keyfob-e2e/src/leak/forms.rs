//! The forms in which a secret may be written.

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::collections::HashSet;
use std::fmt::Write as _;

/// Returns `mark` in every form, each with its name.
pub(super) fn of(mark: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let text = String::from_utf8_lossy(mark);
    let mut forms = vec![
        ("as it is", mark.to_vec()),
        ("hex", hex(mark, false).into_bytes()),
        ("hex, upper case", hex(mark, true).into_bytes()),
        ("percent-encoded", percent_encoded(mark).into_bytes()),
        ("escaped in JSON", serde_json::Value::from(&*text).to_string().trim_matches('"').into()),
        ("UTF-16", text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
    ];
    for offset in 0..3 {
        forms.push(("base64", aligned(&STANDARD_NO_PAD, mark, offset)));
        forms.push(("base64url", aligned(&URL_SAFE_NO_PAD, mark, offset)));
    }
    // Plain letters look the same in several forms; the first name is enough.
    let mut seen = HashSet::new();
    forms.retain(|(_, needle)| seen.insert(needle.clone()));
    forms
}

/// Returns the characters that `mark` decides alone when `offset` other bytes stand before it in a group of three.
fn aligned(engine: &impl base64::Engine, mark: &[u8], offset: usize) -> Vec<u8> {
    let padded = [vec![0; offset], mark.to_vec()].concat();
    let encoded = engine.encode(&padded).into_bytes();
    // With one or two bytes before it, the first two or three characters are not decided by the mark alone.
    let first = (offset * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    encoded.get(first..last).unwrap_or_default().to_vec()
}

fn hex(bytes: &[u8], upper: bool) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _written = if upper { write!(text, "{byte:02X}") } else { write!(text, "{byte:02x}") };
        text
    })
}

fn percent_encoded(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            text.push(char::from(*byte));
        } else {
            // Writing to a string cannot fail.
            let _written = write!(text, "%{byte:02X}");
        }
        text
    })
}
