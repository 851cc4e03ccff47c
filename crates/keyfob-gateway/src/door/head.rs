//! The head of a request: where it ends, and how long its body is, both in one way only.

use super::Ambiguous;
use memchr::{memchr, memchr_iter, memchr2};

/// A head that comes bit by bit.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// How much of it was looked at.
    seen: usize,
}

/// How a body is framed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Framing {
    None,
    Length(u64),
    Chunked,
    /// There is none, and another protocol is asked for.
    Upgrade,
}

impl Head {
    /// Returns how long the head is, once all of it is in `raw`.
    ///
    /// It is in lines that end in CR LF and hold neither; the parser refuses what else is no text.
    pub(super) fn end(&mut self, raw: &[u8]) -> Result<Option<usize>, Ambiguous> {
        loop {
            let rest = raw.split_at(self.seen).1;
            self.seen += memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            match raw.get(self.seen..).unwrap_or_default() {
                [] | [b'\r'] => return Ok(None),
                [b'\r', b'\n', ..] if raw.split_at(self.seen).0.ends_with(b"\r\n") => {
                    return Ok(Some(self.seen + 2));
                }
                [b'\r', b'\n', ..] => self.seen += 2,
                _ => return Err(Ambiguous),
            }
        }
    }
}

/// Returns how many bytes at the beginning of `raw` are text: neither the end of a line nor any other control character.
pub(super) fn text_length(raw: &[u8]) -> usize {
    let is_text = |byte: &&u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
    raw.iter().take_while(is_text).count()
}

/// Returns what stands between carriage returns.
fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    memchr_iter(b'\r', head).chain([head.len()]).map(move |end| {
        let line = head.get(start..end).unwrap_or_default();
        start = end + 1;
        line
    })
}

/// Returns how the body after this whole head is framed (RFC 9112 §6.3), if everybody reads it so.
pub(super) fn framing(head: &[u8]) -> Result<Framing, Ambiguous> {
    let mut lines = lines(head.strip_suffix(b"\r\n\r\n").ok_or(Ambiguous)?);
    let is_http_10 = is_http_10(lines.next().ok_or(Ambiguous)?)?;
    let (mut length, mut is_chunked, mut hosts, mut is_upgrade) = (None, false, 0, false);
    for line in lines {
        let (name, value) = field(line.strip_prefix(b"\n").ok_or(Ambiguous)?)?;
        if name.eq_ignore_ascii_case(b"content-length") {
            if length.replace(decimal(value)?).is_some() {
                return Err(Ambiguous);
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if is_chunked || is_http_10 || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Ambiguous);
            }
            is_chunked = true;
        } else if name.eq_ignore_ascii_case(b"host") {
            hosts += 1;
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            is_upgrade = true;
        }
    }
    // RFC 9112 §3.2: one host, and 400 otherwise; HTTP/1.0 knows none.
    if hosts > 1 || (hosts == 0 && !is_http_10) {
        return Err(Ambiguous);
    }
    match (length, is_chunked) {
        (Some(_), true) => Err(Ambiguous),
        (None, true) => Ok(Framing::Chunked),
        (None | Some(0), false) if is_upgrade => Ok(Framing::Upgrade),
        (None | Some(0), false) => Ok(Framing::None),
        (Some(length), false) => Ok(Framing::Length(length)),
    }
}

/// Returns whether the request line, of three words with one space between, is one of HTTP/1.0.
fn is_http_10(line: &[u8]) -> Result<bool, Ambiguous> {
    let mut words = line.split(|byte| *byte == b' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    let is_clean = method.is_some_and(is_token)
        && target.is_some_and(|target| !target.is_empty() && !target.contains(&b'\t'))
        && words.next().is_none();
    match version {
        Some(b"HTTP/1.1") if is_clean => Ok(false),
        Some(b"HTTP/1.0") if is_clean => Ok(true),
        Some(_) | None => Err(Ambiguous),
    }
}

/// Returns the name and the value of a line, which is no continuation of another and has no space before its colon.
pub(super) fn field(line: &[u8]) -> Result<(&[u8], &[u8]), Ambiguous> {
    let colon = memchr(b':', line).ok_or(Ambiguous)?;
    let (name, value) = line.split_at(colon);
    let value = value.strip_prefix(b":").ok_or(Ambiguous)?.trim_ascii();
    if is_token(name) { Ok((name, value)) } else { Err(Ambiguous) }
}

/// Whether this is a token (RFC 9110 §5.6.2).
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| matches!(TOKEN.get(usize::from(*byte)), Some(true)))
}

/// Which bytes a token may hold.
static TOKEN: [bool; 256] = token_bytes();

#[expect(
    clippy::indexing_slicing,
    reason = "a byte is a place among 256, and iterators are not for constants"
)]
const fn token_bytes() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < u8::MAX {
        table[byte as usize] = matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'^'..=b'z' | b'|' | b'~');
        byte += 1;
    }
    table
}

/// Parses digits and nothing else.
fn decimal(text: &[u8]) -> Result<u64, Ambiguous> {
    if !text.iter().all(u8::is_ascii_digit) {
        return Err(Ambiguous);
    }
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Ambiguous)
}
