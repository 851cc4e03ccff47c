//! What an answer used, read as its bytes pass.
//!
//! ```text
//! bytes ─► Events    finds where server-sent events end, and hands over what their `data` says
//!       ─► Document  walks JSON of any size without keeping it: `usage`, and how much text was told
//!       ─► Meter     the last word of the upstream, or an estimate: what was told, four bytes a token
//! ```
//!
//! On a WebSocket, `Messages` stands where `Events` does.

mod body;
mod document;
mod ending;
mod events;
mod messages;

pub(crate) use body::{End, Ends, Metered, Outcome, Watch};
pub(crate) use messages::{Answer, Messages};

use crate::asked::Api;
use crate::tokens::Tokens;
use document::Document;
use events::{Ended, Events};
use http::{HeaderMap, header};

/// How many bytes are taken for a token where nobody counted.
const BYTES_OF_A_TOKEN: u64 = 4;

/// Returns for how many tokens so many bytes are taken.
pub(crate) const fn estimate(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_OF_A_TOKEN)
}

/// Reads one answer; how large it is does not matter.
#[derive(Debug)]
pub(crate) struct Meter {
    form: Form,
    /// What the upstream said last.
    told: Option<Tokens>,
    /// How many pieces of text came, and how many bytes of text.
    pieces: u64,
    text: u64,
    /// Whether the last word of a stream has come.
    is_over: bool,
}

/// How an answer is written.
#[derive(Debug)]
enum Form {
    Events(Box<Events>),
    Json(Box<Document>),
    /// In no way that is read here; its bytes are counted.
    Other,
}

impl Meter {
    /// Reads an answer with these headers; where no API is spoken that is known here, only its bytes are counted.
    pub(crate) fn new(api: Option<Api>, headers: &HeaderMap) -> Self {
        let kind =
            headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let form = match kind.as_str() {
            _ if api.is_none() || headers.contains_key(header::CONTENT_ENCODING) => Form::Other,
            "text/event-stream" => Form::Events(Box::default()),
            "application/json" => Form::Json(Box::default()),
            _ => Form::Other,
        };
        Self { form, told: None, pieces: 0, text: 0, is_over: false }
    }

    pub(crate) const fn is_stream(&self) -> bool {
        matches!(self.form, Form::Events(_))
    }

    /// Reads bytes up to the end of an event, or all of them; returns how many.
    fn read(&mut self, bytes: &[u8]) -> Read {
        match &mut self.form {
            Form::Events(events) => {
                let (length, ended) = events.read(bytes);
                let ended = ended.map(|ended| match ended {
                    Ended::Nothing => Event::NOTHING,
                    Ended::Event => self.end_event(),
                });
                Read { length, ended }
            }
            Form::Json(document) => {
                document.read(bytes);
                self.told = document.usage().or(self.told);
                self.text = self.text.saturating_add(bytes.len() as u64);
                Read { length: bytes.len(), ended: None }
            }
            Form::Other => {
                self.text = self.text.saturating_add(bytes.len() as u64);
                Read { length: bytes.len(), ended: None }
            }
        }
    }

    /// Notes what the event says that has ended, and begins the next.
    fn end_event(&mut self) -> Event {
        let Form::Events(events) = &mut self.form else { return Event::NOTHING };
        let event = Event::of(events);
        self.told = events.document.usage().or(self.told);
        self.pieces = self.pieces.saturating_add(u64::from(events.document.text() > 0));
        self.text = self.text.saturating_add(events.document.text());
        self.is_over |= event.is_last;
        events.begin();
        event
    }

    /// Notes what was read of an event that no empty line has ended.
    fn end(&mut self) -> Event {
        self.end_event()
    }

    /// Whether the event that is being read may turn out to tell the usage alone.
    fn may_be_only_usage(&self) -> bool {
        matches!(&self.form, Form::Events(events) if !events.document.has_choices())
    }

    /// Whether a line feed, if it comes next, belongs to the line before.
    const fn is_after_return(&self) -> bool {
        matches!(&self.form, Form::Events(events) if events.is_after_return())
    }

    /// Whether the last word of a stream has come.
    pub(crate) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Returns what the upstream said that it was.
    pub(crate) const fn told(&self) -> Option<Tokens> {
        self.told
    }

    /// Returns how much was told so far, as an estimate: a token for each piece, or for four bytes, whichever is more.
    pub(crate) fn estimated_output(&self) -> u64 {
        self.pieces.max(estimate(self.text))
    }

    /// Returns what the stream said of itself, for an event that is to follow its last.
    fn place(&self) -> Place {
        match &self.form {
            Form::Events(events) => events.place.clone(),
            Form::Json(_) | Form::Other => Place::default(),
        }
    }
}

/// How far a [`Meter`] has read.
struct Read {
    length: usize,
    ended: Option<Event>,
}

/// An event that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Event {
    /// Whether it only tells the usage: no choice is in it.
    is_only_usage: bool,
    /// Whether it is the last of its stream.
    is_last: bool,
}

impl Event {
    /// What ends without having said anything.
    const NOTHING: Self = Self { is_only_usage: false, is_last: false };

    fn of(events: &Events) -> Self {
        let document = &events.document;
        let is_terminal = matches!(
            document.kind(),
            "response.completed" | "response.incomplete" | "response.failed" | "error"
        );
        Self {
            is_only_usage: document.usage().is_some() && document.has_no_choices(),
            is_last: is_terminal || events.is_done(),
        }
    }
}

/// Where a stream is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Place {
    /// The identifier of the answer.
    id: String,
    /// The number of the last event.
    sequence: u64,
    /// The model that answers.
    model: String,
    /// When the answer was begun, in seconds of Unix time.
    created: u64,
}

#[cfg(test)]
mod tests;
