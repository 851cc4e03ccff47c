//! Ten thousand streams of events, in every spelling that the standard allows, arrive byte for byte (WHATWG, server-sent events).

use crate::world::{World, soon};
use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::stream;
use http::{Request, Response, header};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::ops::Range;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Returns a number below `end`.
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }

    fn one_of(&mut self, all: &[&'static str]) -> &'static str {
        all[self.below(all.len())]
    }
}

const LINES: &[&str] = &[
    "data: {\"n\":1}",
    "data:",
    "data",
    "data:  two spaces ",
    "data: é ü 漢字 \u{1f511}",
    "data: a\0b",
    "data: [DONE]",
    "event: response.output_text.delta",
    "id: 1",
    "retry: 3000",
    ": a comment",
    ":",
    "unknown: field",
    "no field at all",
    "data: : :",
    "data: \u{feff}",
];

/// Returns the pieces of the stream with this number, as they are written.
fn pieces(number: u64) -> Vec<Bytes> {
    let mut numbers = Numbers::of(number);
    // One kind of line end alone, or all of them.
    let kind = numbers.below(4);
    let mut text = String::from(numbers.one_of(&["", "", "\u{feff}"]));
    for _ in 0..=numbers.below(12) {
        for _ in 0..=numbers.below(4) {
            text.push_str(numbers.one_of(LINES));
            if numbers.below(100) == 0 {
                text.push_str(&"x".repeat(numbers.below(20_000)));
            }
            text.push_str(["\r\n", "\n", "\r", numbers.one_of(&["\r\n", "\n", "\r"])][kind]);
        }
        text.push_str(["\r\n", "\n", "\r", numbers.one_of(&["\r\n", "\n", "\r"])][kind]);
    }
    // Some end in the middle of an event.
    let mut rest = Bytes::from(text);
    let most = [1, 7, 100, 100_000][numbers.below(4)];
    let mut pieces = Vec::new();
    while !rest.is_empty() && pieces.len() < 40 {
        pieces.push(rest.split_to((1 + numbers.below(most)).min(rest.len())));
    }
    pieces.push(rest);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// Serves each stream under its number.
async fn serve(listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let service = service_fn(async |request: Request<Incoming>| {
            let number = request.uri().path().rsplit('/').next().unwrap().parse().unwrap();
            let frames = pieces(number).into_iter().map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
            let response = Response::builder().header(header::CONTENT_TYPE, "text/event-stream");
            Ok::<_, Infallible>(response.body(StreamBody::new(stream::iter(frames))).unwrap())
        });
        connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

/// Asks for these streams, one after another, on one connection.
async fn compare(world: &World, authorization: &str, numbers: impl Iterator<Item = u64>) {
    let stream = TcpStream::connect(world.gateway).await.unwrap();
    let (mut sender, connection): (SendRequest<String>, _) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    for number in numbers {
        let request = Request::post(format!("/v1/streams/{number}"))
            .header("host", "g")
            .header("accept-encoding", "gzip, br, zstd")
            .header("authorization", authorization);
        soon(sender.ready()).await.unwrap();
        let answer = soon(sender.send_request(request.body("{}".to_owned()).unwrap())).await.unwrap();

        let (head, body) = answer.into_parts();
        let body = soon(body.collect()).await.unwrap().to_bytes();
        assert!(body == pieces(number).concat(), "{number}: {body:?}");
        assert_eq!(head.headers[header::CONTENT_TYPE], "text/event-stream");
        assert!(!head.headers.contains_key(header::CONTENT_ENCODING));
    }
}

async fn arrive_byte_for_byte(numbers: Range<u64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let world = World::before(listener.local_addr().unwrap()).await;
    let mut server = JoinSet::new();
    server.spawn(serve(listener));
    let authorization = format!("Bearer {}", world.issuer.token());
    let callers = (0..8).map(|caller| {
        compare(&world, &authorization, numbers.clone().filter(move |number| number % 8 == caller))
    });

    join_all(callers).await;
}

#[tokio::test]
async fn g_25_ten_thousand_streams_arrive_byte_for_byte_first_quarter() {
    arrive_byte_for_byte(0..2_500).await;
}

#[tokio::test]
async fn g_25_ten_thousand_streams_arrive_byte_for_byte_second_quarter() {
    arrive_byte_for_byte(2_500..5_000).await;
}

#[tokio::test]
async fn g_25_ten_thousand_streams_arrive_byte_for_byte_third_quarter() {
    arrive_byte_for_byte(5_000..7_500).await;
}

#[tokio::test]
async fn g_25_ten_thousand_streams_arrive_byte_for_byte_last_quarter() {
    arrive_byte_for_byte(7_500..10_000).await;
}
