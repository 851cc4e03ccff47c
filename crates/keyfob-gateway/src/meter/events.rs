//! Server-sent events on their way through (WHATWG HTML §9.2): where each ends, and what its `data` says.

use super::Place;
use super::document::Document;

/// A stream of events; nothing of it is kept but what [`Document`] looks for.
#[derive(Debug, Default)]
pub(super) struct Events {
    line: Line,
    /// The byte before was a carriage return: a line feed after it ends no second line.
    after_return: bool,
    /// Whether the event has data.
    has_data: bool,
    /// How the data begins.
    beginning: Vec<u8>,
    /// What the event's data says.
    pub(super) document: Document,
    /// Where the stream is.
    pub(super) place: Place,
}

/// What an empty line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// An event with data.
    Event,
    /// Comments, or nothing at all.
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// So many bytes of `data:` were read, and nothing else.
    Name(usize),
    Data,
    Other,
}

impl Default for Line {
    fn default() -> Self {
        Self::Name(0)
    }
}

const DATA: &[u8] = b"data:";
/// The end of a stream of Chat Completions.
const DONE: &[u8] = b"[DONE]";

impl Events {
    /// Reads up to an empty line, or everything; returns how many bytes, and what ended there.
    pub(super) fn read(&mut self, bytes: &[u8]) -> (usize, Option<Ended>) {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if std::mem::take(&mut self.after_return) && byte == b'\n' {
                at += 1;
                continue;
            }
            if matches!(byte, b'\n' | b'\r') {
                at += 1;
                self.after_return = byte == b'\r';
                if let Some(ended) = self.line_ends() {
                    return (at, Some(ended));
                }
                continue;
            }
            match self.line {
                Line::Name(matched) if DATA.get(matched) == Some(&byte) => {
                    self.line = if matched + 1 == DATA.len() { Line::Data } else { Line::Name(matched + 1) };
                    at += 1;
                }
                Line::Name(_) => self.line = Line::Other,
                Line::Data | Line::Other => {
                    let rest = bytes.get(at..).unwrap_or_default();
                    let length =
                        rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
                    if self.line == Line::Data {
                        self.data(rest.get(..length).unwrap_or_default());
                    }
                    at += length;
                }
            }
        }
        (at, None)
    }

    fn data(&mut self, bytes: &[u8]) {
        self.has_data = true;
        let room = (DONE.len() + 1).saturating_sub(self.beginning.len());
        self.beginning.extend(bytes.iter().take(room));
        self.document.read(bytes);
    }

    /// Returns what ended with the line.
    fn line_ends(&mut self) -> Option<Ended> {
        let line = std::mem::take(&mut self.line);
        if line == Line::Data {
            // The lines of one event's data are joined by line feeds.
            self.document.read(b"\n");
        }
        match line {
            Line::Name(0) if self.has_data => Some(Ended::Event),
            Line::Name(0) => Some(Ended::Nothing),
            Line::Name(_) | Line::Data | Line::Other => None,
        }
    }

    /// Whether the byte before was a carriage return, to which a line feed may belong.
    pub(super) const fn is_after_return(&self) -> bool {
        self.after_return
    }

    /// Whether the event's data is `[DONE]`.
    pub(super) fn is_done(&self) -> bool {
        self.beginning.trim_ascii_start().starts_with(DONE)
    }

    /// Begins the next event.
    pub(super) fn begin(&mut self) {
        let document = std::mem::take(&mut self.document);
        let keep = |kept: &mut String, told: &str| {
            if !told.is_empty() {
                told.clone_into(kept);
            }
        };
        keep(&mut self.place.id, document.id());
        keep(&mut self.place.model, document.model());
        self.place.sequence = self.place.sequence.max(document.sequence());
        self.place.created = self.place.created.max(document.created());
        self.beginning.clear();
        self.has_data = false;
    }
}
