//! One log line per request: who, what, how it ended; never a body, a header or a query.

use crate::admin::{Metrics, Observed};
use crate::authenticate::Caller;
use crate::body::{Body, BodyError};
use crate::policy::Route;
use crate::running::{Cut, Stay};
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use keyfob_oauth::{Subject, text};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

/// Where the lines of requests say that they are from.
pub const TARGET: &str = module_path!();

/// What is known about a request so far; written to the log when it is dropped, however the request ended.
#[derive(Debug)]
pub(crate) struct Record {
    metrics: Arc<Metrics>,
    request_id: String,
    method: Method,
    path: String,
    started: Instant,
    subject: Option<Subject>,
    credential: Option<&'static str>,
    status: Option<StatusCode>,
    bytes: u64,
    ended: Ended,
}

/// How far an answer came.
#[derive(Clone, Copy, Debug)]
enum Ended {
    /// The caller left before the answer was over.
    CallerLeft,
    /// The upstream broke off.
    BrokenOff,
    /// It was cut off here.
    Cut(Cut),
    /// All of it was handed over.
    Whole,
}

impl Ended {
    const fn as_str(self) -> &'static str {
        match self {
            Self::CallerLeft => "caller_left",
            Self::BrokenOff => "broken_off",
            Self::Cut(reason) => reason.as_str(),
            Self::Whole => "whole",
        }
    }

    /// Whose doing it was that an answer did not come whole.
    const fn side(self) -> Option<&'static str> {
        match self {
            Self::CallerLeft => Some("caller"),
            Self::BrokenOff => Some("upstream"),
            Self::Cut(_) => Some("gateway"),
            Self::Whole => None,
        }
    }
}

impl Record {
    pub(crate) fn begin(metrics: &Arc<Metrics>, request_id: String, method: &Method, path: &str) -> Self {
        metrics.begin();
        Self {
            metrics: Arc::clone(metrics),
            request_id,
            method: method.clone(),
            path: text::printable(path),
            started: Instant::now(),
            subject: None,
            credential: None,
            status: None,
            bytes: 0,
            ended: Ended::CallerLeft,
        }
    }

    pub(crate) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Notes who called.
    pub(crate) fn caller(&mut self, caller: &Caller) {
        self.subject = Some(caller.subject.clone());
        self.credential = Some(caller.credential.as_str());
    }

    /// Notes that a tool called, or a program of the user.
    #[cfg(feature = "local")]
    pub(crate) fn tool(&mut self, name: &str, credential: &'static str) {
        self.subject = Some(Subject::new(name));
        self.credential = Some(credential);
    }

    /// Notes the status and returns the body that completes this record while it is sent, for as long as the caller may
    /// stay.
    pub(crate) fn follow(mut self, status: StatusCode, body: Body, stay: Option<Stay>) -> Body {
        self.status = Some(status);
        if body.is_end_stream() {
            self.ended = Ended::Whole;
        }
        Recorded { body, record: self, stay }.boxed_unsync()
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        self.metrics.end();
        self.metrics.count(Observed {
            operation: self.path.strip_prefix("/v1").map_or(Route::Other, Route::of).operation(),
            credential: self.credential,
            status: self.status,
            aborted_by: self.ended.side(),
            took,
        });
        tracing::info!(
            target: TARGET,
            {
                request.id = %self.request_id,
                subject = self.subject.as_ref().map(Subject::as_str),
                credential = self.credential,
                method = %self.method,
                path = %self.path,
                status = self.status.map(|status| status.as_u16()),
                ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                bytes = self.bytes,
                ended = self.ended.as_str()
            },
            "request"
        );
    }
}

struct Recorded {
    body: Body,
    record: Record,
    /// Of a caller that was let in.
    stay: Option<Stay>,
}

impl HttpBody for Recorded {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(Poll::Ready(reason)) = self.stay.as_ref().map(|stay| stay.poll_cut(context)) {
            self.record.ended = Ended::Cut(reason);
            return Poll::Ready(Some(Err(BodyError::Cut)));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                let length = frame.data_ref().map_or(0, Bytes::len);
                self.record.bytes = self.record.bytes.saturating_add(length as u64);
                // A body of known length is not polled again after its last byte.
                if self.body.is_end_stream() {
                    self.record.ended = Ended::Whole;
                }
            }
            Some(Err(_)) => self.record.ended = Ended::BrokenOff,
            None => self.record.ended = Ended::Whole,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
