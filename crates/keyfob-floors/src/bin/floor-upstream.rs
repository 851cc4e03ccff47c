//! `floor-upstream ADDRESS THREADS`: a model server for measuring: it answers every request at once, over HTTP/1.1 or HTTP/2.
//!
//! A request with `x-events: COUNT,MICROSECONDS,NAME` gets so many server-sent events, one each so often, and one more at the
//! end. An event says when it was sent, in nanoseconds of the system's monotonic clock, with 20 digits after `"t":`. Who is
//! late sends what is due at once. Of an answer that is ended before its last event, a line on standard output says the name and
//! when, by the same clock. Every other request gets a short JSON document.

use anyhow::{Context as _, Result};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustix::time::{ClockId, clock_gettime};
use std::convert::Infallible;
use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, Sleep, sleep_until};

/// As long as what a model answers to a greeting.
const ANSWER: &str = r#"{"id":"resp_0123456789abcdef0123456789abcdef","object":"response","created_at":1764460800,"status":"completed","error":null,"incomplete_details":null,"instructions":null,"max_output_tokens":null,"model":"floor","output":[{"type":"message","id":"msg_0123456789abcdef0123456789abcdef","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hello from a server that is no model.","annotations":[]}]}],"parallel_tool_calls":true,"temperature":1.0,"tool_choice":"auto","tools":[],"top_p":1.0,"usage":{"input_tokens":8,"input_tokens_details":{"cached_tokens":0},"output_tokens":8,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":16},"metadata":{}}"#;
const LAST: &str = "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":8,\"output_tokens\":8,\"total_tokens\":16}}}\n\n";
/// So that whoever connects with a thousand others is not told to come again.
const BACKLOG: u32 = 4_096;
/// So that one connection of a gateway carries many answers.
const STREAMS: u32 = 1_000;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, address, threads] = arguments.as_slice() else {
        anyhow::bail!("usage: floor-upstream ADDRESS THREADS")
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads.parse()?).enable_all().build()?;
    runtime.block_on(listen(address))
}

async fn listen(address: &str) -> Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address.parse()?).context("cannot listen")?;
    let listener: TcpListener = socket.listen(BACKLOG)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve(stream));
    }
}

async fn serve(stream: TcpStream) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http2().max_concurrent_streams(STREAMS);
    // A client that hangs up has measured enough.
    let _ended = builder.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
}

async fn answer(request: Request<Incoming>) -> Result<Response<UnsyncBoxBody<Bytes, Infallible>>> {
    let events = request.headers().get("x-events").map(HeaderValue::to_str).transpose()?.map(str::to_owned);
    request.into_body().collect().await?;
    let (kind, body) = match events {
        None => ("application/json", Full::new(Bytes::from_static(ANSWER.as_bytes())).boxed_unsync()),
        Some(wanted) => {
            let mut wanted = wanted.splitn(3, ',');
            let mut next = || wanted.next().context("x-events is no COUNT,MICROSECONDS,NAME");
            let (count, pause, name) = (next()?.parse()?, Duration::from_micros(next()?.parse()?), next()?);
            ("text/event-stream", Events::new(count, pause, name.to_owned()).boxed_unsync())
        }
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

struct Events {
    sent: u32,
    count: u32,
    pause: Duration,
    name: String,
    began: Instant,
    due: Pin<Box<Sleep>>,
}

impl Events {
    fn new(count: u32, pause: Duration, name: String) -> Self {
        let began = Instant::now();
        Self { sent: 0, count, pause, name, began, due: Box::pin(sleep_until(began)) }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        if self.sent <= self.count {
            // Whoever does not read it measures nothing.
            let _read = writeln!(std::io::stdout().lock(), "{} {}", self.name, now());
        }
    }
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.sent > self.count {
            return Poll::Ready(None);
        }
        ready!(self.due.as_mut().poll(context));
        let number = self.sent;
        self.sent += 1;
        if number == self.count {
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(LAST.as_bytes())))));
        }
        let next = self.began + self.pause * self.sent;
        self.due.as_mut().reset(next);
        let event = format!(
            "event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\"item_id\":\"msg_0123456789abcdef\",\"output_index\":0,\"content_index\":0,\"sequence_number\":{number},\"delta\":\" word\",\"t\":{:020}}}\n\n",
            now()
        );
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(event)))))
    }
}

fn now() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}
