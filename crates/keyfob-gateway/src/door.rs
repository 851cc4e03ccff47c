//! The door to the HTTP/1 parser: heads and frames of bodies with one reading only (security G-19, G-20).
//!
//! The parser behind it forgives what RFC 9112 lets it forgive: bare line feeds, a length beside `Transfer-Encoding`, two equal
//! lengths. Whoever stands before or behind the gateway may read those in another way, so none of them comes through. What
//! is refused is told to the parser as a byte that no request may hold, and it answers 400 and ends the connection.
//!
//! Of HTTP/2 only the frames are counted (security G-45); a tunnel is let through once it is opened.

mod chunks;
mod frames;
mod head;

use bytes::BytesMut;
use chunks::Chunks;
use frames::Frames;
pub(crate) use head::is_token;
use head::{Framing, Head};
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// With what HTTP/2 begins (RFC 9113 §3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// What the parser refuses wherever it meets it.
const REFUSED: &[u8] = b"\0\r\n\r\n";
/// How much is read at once.
const PIECE: usize = 8 * 1024;
/// How long a refusal may take to be told to who did not wait for it.
const MOMENT: Duration = Duration::from_secs(1);

/// Reads through `inner` what has one reading.
#[derive(Debug)]
pub(crate) struct Door<S> {
    inner: S,
    state: State,
    /// What has come and is not judged yet.
    raw: BytesMut,
    /// What was judged and not taken yet.
    judged: BytesMut,
    opening: Opening,
    most_head: usize,
}

#[derive(Debug)]
enum State {
    /// Nothing is known of the protocol.
    Start,
    Head(Head),
    /// The rest of a body of known length.
    Body(u64),
    Chunks(Chunks),
    /// A request to change the protocol has come, and nothing may follow before it is answered.
    Asked,
    /// Something did follow: the connection ends, after a moment for an answer that is made already.
    Early(Pin<Box<Sleep>>),
    /// HTTP/2: its frames are counted.
    Http2(Frames),
    /// What is not judged: a tunnel.
    Open,
    /// Something was refused; nothing more is read.
    Refused,
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// What opens a door to a tunnel.
#[derive(Clone, Debug, Default)]
pub(crate) struct Opening(Arc<AtomicBool>);

impl Opening {
    /// Lets everything through that comes after a request to change the protocol.
    pub(crate) fn open(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_open(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A part of a request has two readings, or none.
#[derive(Debug, PartialEq, Eq)]
struct Ambiguous;

/// There is more of what carries nothing than anybody needs.
#[derive(Debug, PartialEq, Eq)]
struct Flooded;

impl<S> Door<S> {
    /// Stands before `inner`; `most_head` is what the parser takes for a head, which refuses what is longer.
    pub(crate) fn new(inner: S, most_head: usize) -> (Self, Opening) {
        let opening = Opening::default();
        let (raw, judged) = (BytesMut::new(), BytesMut::new());
        let door = Self { inner, state: State::Start, raw, judged, opening: opening.clone(), most_head };
        (door, opening)
    }

    /// Returns what is spoken, once the first bytes say so.
    pub(crate) async fn protocol(&mut self) -> io::Result<Protocol>
    where
        S: AsyncRead + Unpin,
    {
        while let State::Start = self.state {
            if std::future::poll_fn(|context| self.poll_more(context)).await? == 0 {
                break;
            }
        }
        Ok(if matches!(self.state, State::Http2(_)) { Protocol::Http2 } else { Protocol::Http1 })
    }

    /// Reads a piece and judges it; returns how long it is.
    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>>
    where
        S: AsyncRead + Unpin,
    {
        let mut piece = [MaybeUninit::uninit(); PIECE];
        let mut read = ReadBuf::uninit(&mut piece);
        ready!(Pin::new(&mut self.inner).poll_read(context, &mut read))?;
        self.raw.extend_from_slice(read.filled());
        self.judge();
        Poll::Ready(Ok(read.filled().len()))
    }

    /// Judges what has come, as far as it goes.
    fn judge(&mut self) {
        while !self.raw.is_empty() {
            match self.judge_next() {
                Ok(true) => {}
                Ok(false) => return,
                Err(Ambiguous) => {
                    self.judged.extend_from_slice(REFUSED);
                    self.raw.clear();
                    self.state = State::Refused;
                }
            }
        }
    }

    /// Judges one part; returns whether it was whole.
    fn judge_next(&mut self) -> Result<bool, Ambiguous> {
        match &mut self.state {
            State::Start => {
                let length = self.raw.len().min(HTTP2_PREFACE.len());
                if !HTTP2_PREFACE.starts_with(self.raw.split_at(length).0) {
                    self.state = State::Head(Head::default());
                } else if length == HTTP2_PREFACE.len() {
                    self.judged.unsplit(self.raw.split_to(length));
                    self.state = State::Http2(Frames::default());
                } else {
                    return Ok(false);
                }
            }
            State::Head(head) => {
                let Some(length) = head.end(&self.raw)? else {
                    if self.raw.len() > self.most_head {
                        // The parser says why itself.
                        self.judged.unsplit(self.raw.split());
                        self.state = State::Refused;
                    }
                    return Ok(false);
                };
                self.state = match head::framing(self.raw.split_at(length).0)? {
                    Framing::None => State::Head(Head::default()),
                    Framing::Length(length) => State::Body(length),
                    Framing::Chunked => State::Chunks(Chunks::default()),
                    Framing::Upgrade => State::Asked,
                };
                self.judged.unsplit(self.raw.split_to(length));
            }
            State::Body(rest) => {
                let length = self.raw.len().min(usize::try_from(*rest).unwrap_or(usize::MAX));
                self.judged.unsplit(self.raw.split_to(length));
                self.passed(length as u64);
            }
            State::Chunks(chunks) => {
                let length = chunks.judge(&self.raw)?;
                if length == 0 {
                    return Ok(false);
                }
                self.judged.unsplit(self.raw.split_to(length));
                if chunks.are_over() {
                    self.state = State::Head(Head::default());
                }
            }
            State::Asked if self.opening.is_open() => self.state = State::Open,
            // RFC 6455 §4.1: nothing may be sent before the answer. It would be a second request, or slip into a tunnel.
            State::Asked => {
                self.state = State::Early(Box::pin(tokio::time::sleep(MOMENT)));
                return Ok(false);
            }
            State::Early(_) => return Ok(false),
            State::Http2(frames) => {
                if frames.count(&self.raw, Instant::now).is_err() {
                    self.raw.clear();
                    self.state = State::Refused;
                    return Ok(false);
                }
                self.judged.unsplit(self.raw.split());
            }
            State::Open => self.judged.unsplit(self.raw.split()),
            State::Refused => self.raw.clear(),
        }
        Ok(true)
    }

    /// Judges what came at once, if that is one whole head and nothing that follows it but its body; else returns `None`.
    fn judge_whole(&mut self, come: &[u8]) -> Option<()> {
        let length = Head::default().end(come).ok()??;
        let (head, rest) = come.split_at(length);
        self.state = match head::framing(head).ok()? {
            Framing::None if rest.is_empty() => State::Head(Head::default()),
            Framing::Length(length) if rest.len() as u64 <= length => State::Body(length),
            _ => return None,
        };
        self.passed(rest.len() as u64);
        Some(())
    }

    /// Notes that so much of a body of known length has passed.
    fn passed(&mut self, length: u64) {
        if let State::Body(rest) = &mut self.state {
            *rest = rest.saturating_sub(length);
            if *rest == 0 {
                self.state = State::Head(Head::default());
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Door<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let door = self.get_mut();
        loop {
            if !door.judged.is_empty() {
                let length = door.judged.len().min(buffer.remaining());
                buffer.put_slice(&door.judged.split_to(length));
                // A connection that is idle holds nothing.
                if door.judged.is_empty() {
                    door.judged = BytesMut::new();
                }
                if door.raw.is_empty() {
                    door.raw = BytesMut::new();
                }
                return Poll::Ready(Ok(()));
            }
            match &mut door.state {
                State::Open if door.raw.is_empty() => {
                    return Pin::new(&mut door.inner).poll_read(context, buffer);
                }
                // Straight from the connection: there is nothing to judge but its frames.
                State::Http2(frames) if door.raw.is_empty() => {
                    let before = buffer.filled().len();
                    ready!(Pin::new(&mut door.inner).poll_read(context, buffer))?;
                    let come = buffer.filled().split_at(before).1;
                    if frames.count(come, Instant::now).is_err() {
                        return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
                    }
                    return Poll::Ready(Ok(()));
                }
                // Straight from the connection: there is nothing to judge but how long it is.
                &mut State::Body(rest) if door.raw.is_empty() => {
                    let most = buffer.remaining().min(usize::try_from(rest).unwrap_or(usize::MAX));
                    let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most));
                    ready!(Pin::new(&mut door.inner).poll_read(context, &mut part))?;
                    let length = part.filled().len();
                    buffer.advance(length);
                    door.passed(length as u64);
                    return Poll::Ready(Ok(()));
                }
                // Mostly a request comes in one piece, which need not be kept here.
                State::Head(_) if door.raw.is_empty() => {
                    let before = buffer.filled().len();
                    ready!(Pin::new(&mut door.inner).poll_read(context, buffer))?;
                    let come = buffer.filled().split_at(before).1;
                    if come.is_empty() || door.judge_whole(come).is_some() {
                        return Poll::Ready(Ok(()));
                    }
                    door.raw.extend_from_slice(come);
                    buffer.set_filled(before);
                    door.judge();
                    continue;
                }
                State::Refused => return Poll::Ready(Ok(())),
                State::Early(moment) => {
                    ready!(moment.as_mut().poll(context));
                    return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
                }
                _ => {}
            }
            if ready!(door.poll_more(context))? == 0 {
                // What is incomplete is for the parser to say.
                if door.raw.is_empty() {
                    return Poll::Ready(Ok(()));
                }
                door.judged.unsplit(door.raw.split());
                door.state = State::Refused;
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Door<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}
