//! Keys that a person pastes or pipes.

use crate::secret_newtype;

secret_newtype! {
    /// Attached to requests like an access token; made by a person on a page of the issuer, and never refreshed.
    ApiKey
}

/// What was given is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// There was nothing but white space.
    #[error("it is empty")]
    Empty,
    /// It has more than 8 KiB.
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    /// It holds a space, a line break, a control character, or a letter outside ASCII.
    #[error("it holds a character that no key has")]
    Character,
}

const LONGEST: usize = 8 * 1024;

impl ApiKey {
    /// Reads a key; white space around it is what pipes and editors add (security C-29).
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidKey> {
        let bytes = bytes.trim_ascii();
        match std::str::from_utf8(bytes) {
            Ok("") => Err(InvalidKey::Empty),
            _ if bytes.len() > LONGEST => Err(InvalidKey::TooLong),
            Ok(text) if text.bytes().all(|b| b.is_ascii_graphic()) => Ok(Self::new(text)),
            Ok(_) | Err(_) => Err(InvalidKey::Character),
        }
    }
}

/// How the keys of our issuer begin.
const OF_KEYFOB: &str = "sk-kf-";

impl ApiKey {
    /// Whether an issuer of ours made it, for its own gateways.
    pub fn is_of_keyfob(&self) -> bool {
        self.expose().starts_with(OF_KEYFOB)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_29_a_key_is_what_stands_between_white_space_and_nothing_else_is_one() {
        for given in ["sk-test_0", "sk-test_0\n", "sk-test_0\r\n", "  sk-test_0\t"] {
            assert_eq!(ApiKey::parse(given.as_bytes()), Ok(ApiKey::new("sk-test_0")), "{given:?}");
        }
        for nothing in ["", "\n", " \r\n"] {
            assert_eq!(ApiKey::parse(nothing.as_bytes()), Err(InvalidKey::Empty));
        }
        for flawed in ["sk a", "sk\na", "sk\0", "sk\u{1b}[2J", "schlüssel", "sk\u{a0}"] {
            assert_eq!(ApiKey::parse(flawed.as_bytes()), Err(InvalidKey::Character), "{flawed:?}");
        }
        assert_eq!(ApiKey::parse(b"sk\xff"), Err(InvalidKey::Character));
        assert_eq!(ApiKey::parse(&[b'k'; LONGEST]).map(|key| key.expose().len()), Ok(LONGEST));
        assert_eq!(ApiKey::parse(&[b'k'; LONGEST + 1]), Err(InvalidKey::TooLong));
    }
}
