//! Reading an answer as it comes: its head, its chunks, and the events in them, however they are cut.

use anyhow::{Context as _, Result, ensure};
use memchr::memmem;
use rustix::time::{ClockId, clock_gettime};

/// Where in an answer the reader is.
#[derive(Default)]
enum Place {
    #[default]
    Head,
    /// In the line that says how long a chunk is (RFC 9112 §7.1).
    Size,
    /// In a chunk, or in the line end after it: so many bytes to go.
    Chunk(usize),
}

/// Before the time of an event.
const MARK: &[u8] = b"\"t\":";
const DIGITS: usize = 20;
/// What the last event holds.
const LAST: &[u8] = b"\"response.completed\"";

#[derive(Default)]
pub(crate) struct Reader {
    place: Place,
    /// A head or a chunk's size, as far as it has come.
    line: Vec<u8>,
    /// What is not searched yet.
    text: Vec<u8>,
}

impl Reader {
    /// Reads on; adds by how many nanoseconds each event is late, and returns whether the last has come.
    pub(crate) fn read(&mut self, mut data: &[u8], late: &mut Vec<u64>) -> Result<bool> {
        while let Some((first, rest)) = data.split_first() {
            match self.place {
                Place::Head => {
                    self.line.push(*first);
                    data = rest;
                    if self.line.ends_with(b"\r\n\r\n") {
                        self.head()?;
                    }
                }
                Place::Size => {
                    self.line.push(*first);
                    data = rest;
                    if *first == b'\n' {
                        let size = std::str::from_utf8(&self.line)?.trim();
                        self.place = Place::Chunk(usize::from_str_radix(size, 16).context("no size")? + 2);
                        self.line.clear();
                    }
                }
                Place::Chunk(left) => {
                    let (part, rest) = data.split_at(left.min(data.len()));
                    let text = part.len().min(left.saturating_sub(2));
                    self.text.extend_from_slice(part.get(..text).unwrap_or_default());
                    data = rest;
                    self.place =
                        if part.len() == left { Place::Size } else { Place::Chunk(left - part.len()) };
                }
            }
        }
        self.search(late)
    }

    fn head(&mut self) -> Result<()> {
        let head = std::str::from_utf8(&self.line)?.to_ascii_lowercase();
        ensure!(head.starts_with("http/1.1 200 "), "an answer begins with {:?}", head.lines().next());
        ensure!(head.contains("\r\ntransfer-encoding: chunked\r\n"), "an answer is not in chunks");
        self.place = Place::Size;
        self.line.clear();
        Ok(())
    }

    fn search(&mut self, late: &mut Vec<u64>) -> Result<bool> {
        let now = now()?;
        let mut from = 0;
        loop {
            let text = self.text.get(from..).unwrap_or_default();
            let Some(at) = memmem::find(text, MARK) else { break };
            let Some(digits) = text.get(at + MARK.len()..at + MARK.len() + DIGITS) else { break };
            let sent: u64 = std::str::from_utf8(digits)?.parse().context("no time")?;
            late.push(now.saturating_sub(sent));
            from += at + MARK.len() + DIGITS;
        }
        let rest = self.text.get(from..).unwrap_or_default();
        let is_over = memmem::find(rest, LAST).is_some();
        // What is cut in the middle of a mark, a time or a name is found with what follows.
        let seen = from.max(self.text.len().saturating_sub(MARK.len() + DIGITS));
        self.text.drain(..seen);
        Ok(is_over)
    }
}

/// Returns the nanoseconds of the system's monotonic clock.
pub(crate) fn now() -> Result<u64> {
    let now = clock_gettime(ClockId::Monotonic);
    Ok(u64::try_from(now.tv_sec * 1_000_000_000 + now.tv_nsec)?)
}
