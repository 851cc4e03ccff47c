//! Comments between the events of a silent stream, for what stands between and hangs up on silence (security G-29).

use crate::body::{Body, BodyError};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// A comment, which readers of a stream ignore (HTML, server-sent events, §9.2.6).
const COMMENT: Bytes = Bytes::from_static(b": keep-alive\n\n");

/// Adds a comment to a stream of events whenever it was silent for `interval` after an event.
///
/// Nothing is added before the first event is whole, within an event, after the end, or to anything that is no stream of
/// events in plain encoding.
pub(crate) fn between_events(response: Response<Body>, interval: Duration) -> Response<Body> {
    if !is_event_stream(response.headers()) || response.body().size_hint().exact().is_some() {
        return response;
    }
    response.map(|body| {
        let silence = Box::pin(tokio::time::sleep(interval));
        Commented { body, interval, silence, place: Place::default() }.boxed_unsync()
    })
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    kind.eq_ignore_ascii_case(b"text/event-stream") && !headers.contains_key(header::CONTENT_ENCODING)
}

struct Commented {
    body: Body,
    interval: Duration,
    silence: Pin<Box<Sleep>>,
    place: Place,
}

/// Where in a stream the next byte stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Before the first byte, which may be part of a mark that only counts there.
    #[default]
    Start,
    Line,
    /// After the end of a line: LF, CR, or CR LF.
    LineEnd,
    /// The same, and a LF would still belong to it.
    LineEndCr,
    /// After an empty line.
    EventEnd,
    /// The same, and a LF would still belong to it.
    EventEndCr,
}

impl Place {
    fn after(self, byte: u8) -> Self {
        match (byte, self) {
            (b'\n', Self::EventEndCr | Self::LineEnd | Self::EventEnd) => Self::EventEnd,
            (b'\r', Self::LineEnd | Self::LineEndCr | Self::EventEnd | Self::EventEndCr) => Self::EventEndCr,
            (b'\n', Self::Start | Self::Line | Self::LineEndCr) => Self::LineEnd,
            (b'\r', Self::Start | Self::Line) => Self::LineEndCr,
            _ => Self::Line,
        }
    }
}

impl HttpBody for Commented {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        let deadline = Instant::now() + self.interval;
        if let Poll::Ready(frame) = frame {
            if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
                self.place = data.iter().fold(self.place, |place, byte| place.after(*byte));
                self.silence.as_mut().reset(deadline);
            }
            return Poll::Ready(frame);
        }
        if self.silence.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.silence.as_mut().reset(deadline);
        if matches!(self.place, Place::EventEnd | Place::EventEndCr) {
            return Poll::Ready(Some(Ok(Frame::data(COMMENT))));
        }
        // Woken again after the next interval.
        self.silence.as_mut().poll(context).map(|()| None)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // Not the body's: comments come on top.
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests;
