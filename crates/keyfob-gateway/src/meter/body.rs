//! An answer on its way to the caller, while a [`Meter`] reads it.
//!
//! Each frame goes on as it came. Only where the gateway itself asked a stream of Chat Completions for its usage, the
//! event with it is taken out; to tell it, at most the event that is being read is held back.

use super::Meter;
use super::ending::ending;
use crate::asked::Api;
use crate::body::{Body, BodyError};
use crate::tokens::Tokens;
use bytes::{Bytes, BytesMut};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All of it came, or its last event did.
    Whole,
    /// The upstream broke off.
    BrokenOff,
    /// The caller left, or was cut off for who they are.
    CallerLeft,
    /// It was told more than is allowed.
    Cut,
}

/// What is known of an answer that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) outcome: Outcome,
    /// What was used.
    pub(crate) tokens: Tokens,
    /// Whether nobody counted them.
    pub(crate) is_estimate: bool,
    /// How many bytes the upstream sent.
    pub(crate) bytes: u64,
}

/// Looks after an answer that runs.
pub(crate) trait Watch: Send + 'static {
    /// Whether a stream that has told so many tokens of output may go on.
    fn allows(&mut self, output: u64) -> bool;

    /// Is told once how the answer ended.
    fn ended(self, end: End);
}

/// What the end of an answer depends on beside the answer.
#[derive(Clone, Debug)]
pub(crate) struct Ends {
    /// What is spoken, if that is known here.
    pub(crate) api: Option<Api>,
    /// For how many tokens the question is taken, where nobody says.
    pub(crate) input: u64,
    /// Whether the event that only tells the usage is not for the caller.
    pub(crate) hides_usage: bool,
    /// Whether a stream ends where [`Watch::allows`] says so.
    pub(crate) is_limited: bool,
}

/// How many bytes of one event may be held back: the usage is shorter.
const HELD: usize = 16 * 1024;

/// The body of a metered answer.
pub(crate) struct Metered<W: Watch> {
    /// Nothing once it is over, or was ended here.
    body: Option<Body>,
    meter: Meter,
    ends: Ends,
    watch: Option<W>,
    bytes: u64,
    /// What is to be handed on.
    ready: VecDeque<Bytes>,
    /// The error that follows it.
    failed: Option<BodyError>,
    /// What came of the present event in frames before.
    held: BytesMut,
    /// The present event is not held back any longer.
    passes: bool,
    /// What becomes of a line feed that comes next, if it belongs to the event before.
    feed: Option<Feed>,
}

/// Of an event that ended with a carriage return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feed {
    Passes,
    IsTakenOut,
}

impl<W: Watch> Metered<W> {
    pub(crate) fn new(body: Body, meter: Meter, ends: Ends, watch: W) -> Self {
        let mut metered = Self {
            body: Some(body),
            meter,
            ends,
            watch: Some(watch),
            bytes: 0,
            ready: VecDeque::new(),
            failed: None,
            held: BytesMut::new(),
            passes: false,
            feed: None,
        };
        // A body that has nothing is not polled.
        if metered.body.as_ref().is_some_and(HttpBody::is_end_stream) {
            metered.finish(Outcome::Whole);
        }
        metered
    }

    /// Whether what goes on may differ from what came, and be of another length.
    pub(crate) fn may_change(&self) -> bool {
        self.meter.is_stream() && (self.ends.hides_usage || self.ends.is_limited)
    }

    /// Reads a frame's bytes, and puts what goes on into `ready`.
    fn take(&mut self, data: &Bytes) {
        self.bytes = self.bytes.saturating_add(data.len() as u64);
        let (mut at, mut event, mut from) = (0, 0, 0);
        if let Some(feed) = self.feed.take_if(|_| !data.is_empty())
            && data.first() == Some(&b'\n')
        {
            at = self.meter.read(b"\n").length;
            event = at;
            if feed == Feed::IsTakenOut {
                from = at;
            }
        }
        while at < data.len() {
            let read = self.meter.read(data.get(at..).unwrap_or_default());
            at = at.saturating_add(read.length);
            let Some(ended) = read.ended else { continue };
            let is_hidden = self.ends.hides_usage && ended.is_only_usage && !self.passes;
            if self.meter.is_after_return() {
                if data.get(at) == Some(&b'\n') {
                    at = at.saturating_add(self.meter.read(b"\n").length);
                } else if at == data.len() {
                    self.feed = Some(if is_hidden { Feed::IsTakenOut } else { Feed::Passes });
                }
            }
            if is_hidden {
                self.held.clear();
                self.hand_on(data.slice(from..event));
                from = at;
            } else {
                self.let_go();
            }
            self.passes = false;
            event = at;
            if self.is_spent() {
                self.hand_on(data.slice(from..at));
                self.cut();
                return;
            }
        }
        let begun = data.slice(event..);
        if begun.is_empty() {
            self.hand_on(data.slice(from..));
        } else if self.holds(begun.len()) {
            self.hand_on(data.slice(from..event));
            self.held.extend_from_slice(&begun);
        } else {
            self.passes = true;
            self.let_go();
            self.hand_on(data.slice(from..));
        }
    }

    /// Whether the beginning of an event is held back, if it is longer by so many bytes.
    fn holds(&self, more: usize) -> bool {
        self.ends.hides_usage
            && !self.passes
            && self.meter.may_be_only_usage()
            && self.held.len().saturating_add(more) <= HELD
    }

    fn let_go(&mut self) {
        if !self.held.is_empty() {
            let held = self.held.split().freeze();
            self.hand_on(held);
        }
    }

    fn hand_on(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.ready.push_back(bytes);
        }
    }

    fn is_spent(&mut self) -> bool {
        let output = self.meter.estimated_output();
        self.ends.is_limited
            && !self.meter.is_over()
            && self.watch.as_mut().is_some_and(|watch| !watch.allows(output))
    }

    /// Ends the stream here: the upstream stops, and the caller is told that there is no more.
    fn cut(&mut self) {
        self.body = None;
        if let Some(api) = self.ends.api {
            self.hand_on(ending(api, &self.meter.place()));
        }
        self.finish(Outcome::Cut);
    }

    /// Reads what no empty line ended.
    fn close(&mut self) {
        let ended = self.meter.end();
        if self.ends.hides_usage && ended.is_only_usage && !self.passes {
            self.held.clear();
        }
        self.let_go();
    }

    fn over(&mut self) {
        self.close();
        self.body = None;
        self.finish(Outcome::Whole);
    }

    /// Says once what was used.
    fn finish(&mut self, outcome: Outcome) {
        let Some(watch) = self.watch.take() else { return };
        let told = self.meter.told();
        let estimated = match self.ends.api {
            None => Tokens::default(),
            Some(Api::Embeddings) => Tokens { input: self.ends.input, ..Tokens::default() },
            Some(Api::Responses | Api::Chat | Api::Completions) => {
                let output = self.meter.estimated_output();
                Tokens { input: self.ends.input, output, ..Tokens::default() }
            }
        };
        watch.ended(End {
            // Nothing that matters follows the last event.
            outcome: if self.meter.is_over() && outcome != Outcome::Cut { Outcome::Whole } else { outcome },
            tokens: told.unwrap_or(estimated),
            is_estimate: told.is_none() && self.ends.api.is_some(),
            bytes: self.bytes,
        });
    }
}

impl<W: Watch + Unpin> HttpBody for Metered<W> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if let Some(error) = self.failed.take() {
                return Poll::Ready(Some(Err(error)));
            }
            let Some(body) = &mut self.body else { return Poll::Ready(None) };
            match ready!(Pin::new(body).poll_frame(context)) {
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    self.take(&data);
                }
                Some(Err(error)) => {
                    self.close();
                    self.failed = Some(error);
                    self.body = None;
                    self.finish(Outcome::BrokenOff);
                }
                None => self.over(),
            }
            // A body of known length is not polled again after its last byte.
            if self.body.as_ref().is_some_and(HttpBody::is_end_stream) {
                self.over();
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ready.is_empty()
            && self.failed.is_none()
            && self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Some(body) if !self.may_change() => body.size_hint(),
            Some(_) | None => SizeHint::default(),
        }
    }
}

impl<W: Watch> Drop for Metered<W> {
    fn drop(&mut self) {
        self.finish(Outcome::CallerLeft);
    }
}
