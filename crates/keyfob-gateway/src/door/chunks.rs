//! A body in chunks (RFC 9112 §7.1), in the one spelling that everybody reads alike.

use super::{Ambiguous, head};

/// How long a line before a chunk may be: its size, and extensions that nobody needs.
const MOST_LINE: usize = 1024;
/// How many bytes the trailers may have, which are dropped anyway.
const MOST_TRAILERS: usize = 8 * 1024;

/// Where in a body the next byte stands.
#[derive(Debug, Default)]
pub(super) enum Chunks {
    #[default]
    Size,
    Data(u64),
    AfterData,
    /// So many bytes of trailers have passed.
    Trailers(usize),
    Over,
}

impl Chunks {
    pub(super) fn are_over(&self) -> bool {
        matches!(self, Self::Over)
    }

    /// Returns how many bytes at the beginning of `raw` may pass; none while more must come to tell.
    pub(super) fn judge(&mut self, raw: &[u8]) -> Result<usize, Ambiguous> {
        match self {
            Self::Size => {
                let Some(line) = line(raw, MOST_LINE)? else { return Ok(0) };
                let size = size(line)?;
                *self = if size == 0 { Self::Trailers(0) } else { Self::Data(size) };
                Ok(line.len() + 2)
            }
            Self::Data(rest) => {
                let length = raw.len().min(usize::try_from(*rest).unwrap_or(usize::MAX));
                *rest = rest.saturating_sub(length as u64);
                if *rest == 0 {
                    *self = Self::AfterData;
                }
                Ok(length)
            }
            Self::AfterData => match raw {
                [b'\r', b'\n', ..] => {
                    *self = Self::Size;
                    Ok(2)
                }
                [] | [b'\r'] => Ok(0),
                _ => Err(Ambiguous),
            },
            Self::Trailers(passed) => {
                let Some(line) = line(raw, MOST_TRAILERS)? else { return Ok(0) };
                let length = line.len() + 2;
                *passed += length;
                if line.is_empty() {
                    *self = Self::Over;
                } else if *passed > MOST_TRAILERS {
                    return Err(Ambiguous);
                } else {
                    head::field(line)?;
                }
                Ok(length)
            }
            Self::Over => Ok(0),
        }
    }
}

/// Returns the line at the beginning, without its end, once it is whole.
fn line(raw: &[u8], most: usize) -> Result<Option<&[u8]>, Ambiguous> {
    let length = head::text_length(raw.split_at(raw.len().min(most + 1)).0);
    if length > most {
        return Err(Ambiguous);
    }
    let (text, rest) = raw.split_at(length);
    match rest {
        [] | [b'\r'] => Ok(None),
        [b'\r', b'\n', ..] => Ok(Some(text)),
        _ => Err(Ambiguous),
    }
}

/// Returns the size of a chunk: hexadecimal digits, and nothing after them but extensions.
fn size(line: &[u8]) -> Result<u64, Ambiguous> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    if digits.is_empty() || digits.len() > 16 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(Ambiguous);
    }
    std::str::from_utf8(digits).ok().and_then(|text| u64::from_str_radix(text, 16).ok()).ok_or(Ambiguous)
}
