//! HTTP/2 toward callers: the same rules, and limits of its own.

use crate::world::{World, soon};
use bytes::Bytes;
use h2::client::{self, SendRequest};
use http::{Request, StatusCode};
use keyfob_gateway::connection::{ConnectionLimits, Transport};
use keyfob_gateway::streams::Streams;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) const STREAM: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) async fn connect(world: &World) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(world.gateway).await.unwrap();
    let (sender, connection) = client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    soon(sender.ready()).await.unwrap()
}

pub(crate) fn request(world: &World) -> Request<()> {
    Request::post("http://gateway.test/v1/responses")
        .header("authorization", format!("Bearer {}", world.issuer.token()))
        .body(())
        .unwrap()
}

/// A frame (RFC 9113 §4.1).
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes()[..], payload].concat()
}

/// A header that is sent as it is, in no table (RFC 7541 §6.2.2).
pub(crate) fn literal(name: &str, value: &str) -> Vec<u8> {
    // RFC 7541 §5.1: what does not fit into seven bits goes on in groups of seven.
    let length = |length: usize| {
        if length < 127 {
            return vec![u8::try_from(length).unwrap()];
        }
        let rest = length - 127;
        vec![127, u8::try_from(rest % 128).unwrap() | 128, u8::try_from(rest / 128).unwrap()]
    };
    let text = |text: &str| [&length(text.len()), text.as_bytes()].concat();
    [&[0][..], &text(name), &text(value)].concat()
}

#[tokio::test]
async fn g_21_a_stream_over_http2_is_authenticated_routed_and_relayed() {
    let world = World::new().await;
    let mut sender = connect(&world).await;
    let (response, mut body) = sender.send_request(request(&world), false).unwrap();
    body.send_data("{}".into(), true).unwrap();

    let mut exchange = world.upstream.answer(STREAM).await;
    let response = soon(response).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let mut events = response.into_body();
    exchange.send("9\r\ndata: 1\n\n\r\n").await;
    assert_eq!(soon(events.data()).await.unwrap().unwrap(), "data: 1\n\n");
    exchange.send("0\r\n\r\n").await;

    while let Some(rest) = soon(events.data()).await {
        assert_eq!(rest.unwrap(), "");
    }
    assert!(exchange.head.starts_with("POST /base/v1/responses HTTP/1.1\r\n"), "{}", exchange.head);
    assert_eq!(exchange.header("host"), [world.upstream.address.to_string()]);
}

#[tokio::test]
async fn g_26_g_28_an_http2_stream_ends_upstream_with_its_caller_and_breaks_off_with_the_upstream() {
    let world = World::new().await;
    let mut sender = connect(&world).await;
    let (response, _) = sender.send_request(request(&world), true).unwrap();
    let exchange = world.upstream.answer(STREAM).await;
    drop(soon(response).await.unwrap());
    exchange.abandoned().await;

    let (response, _) = sender.send_request(request(&world), true).unwrap();
    let exchange = world.upstream.answer(STREAM).await;
    let mut events = soon(response).await.unwrap().into_body();
    exchange.reset();
    assert!(soon(events.data()).await.unwrap().is_err());
}

#[tokio::test]
async fn g_21_malformed_requests_of_http2_never_reach_the_upstream() {
    let world = World::new().await;
    let token = format!("Bearer {}", world.issuer.token());
    let good = [(":method", "POST"), (":scheme", "http"), (":authority", "g"), (":path", "/v1/responses")];
    let with = |extra: &[(&'static str, &'static str)]| [&good[..], extra].concat();
    let path = |path: &'static str| vec![good[0], good[1], good[2], (":path", path)];
    let cases = [
        path("/v1 HTTP/1.1\r\nx: y"),
        path("/v1/a b"),
        path("v1/responses"),
        path(""),
        path("*"),
        with(&[("X-Upper", "y")]),
        with(&[("\"x\"", "y")]),
        with(&[("x y", "z")]),
        with(&[("x:y", "z")]),
        with(&[("connection", "close")]),
        with(&[("transfer-encoding", "chunked")]),
        with(&[("keep-alive", "1")]),
        with(&[("upgrade", "websocket")]),
        with(&[("te", "gzip")]),
        with(&[("x", "a\r\nb: c")]),
        with(&[("x", "\0")]),
        with(&[("host", "evil.test")]),
        with(&[(":authority", "evil.test")]),
        with(&[(":status", "200")]),
        with(&[(":unknown", "x")]),
        with(&[("x", "y"), (":path", "/v1/b")]),
        with(&[("content-length", "5")]),
        with(&[("content-length", "0"), ("content-length", "5")]),
        vec![good[0], good[2], good[3]],
        vec![good[1], good[2], good[3]],
        vec![good[0], good[1], good[2]],
        vec![(":method", "CONNECT"), (":authority", "evil.test:443")],
    ];
    for case in cases {
        let mut stream = TcpStream::connect(world.gateway).await.unwrap();
        let pseudo = case.iter().filter(|(name, _)| name.starts_with(':'));
        let rest = case.iter().filter(|(name, _)| !name.starts_with(':'));
        let mut block: Vec<u8> = if case.len() > 5 && case[4] == ("x", "y") {
            case.iter().flat_map(|(name, value)| literal(name, value)).collect()
        } else {
            pseudo.chain(rest).flat_map(|(name, value)| literal(name, value)).collect()
        };
        block.extend(literal("authorization", &token));
        let bytes =
            [PREFACE, &frame(4, 0, 0, b""), &frame(1, 5, 1, &block), &frame(6, 0, 0, &[7; 8])].concat();
        stream.write_all(&bytes).await.unwrap();
        // What is asked last is answered last, unless the connection ended before.
        let mut answer = Vec::new();
        while !answer.windows(8).any(|window| window == [7; 8]) {
            if soon(stream.read_buf(&mut answer)).await.unwrap_or(0) == 0 {
                break;
            }
        }
        assert!(world.upstream.saw_nothing(), "{case:?}");
    }
    // The same without a mistake does.
    let mut stream = TcpStream::connect(world.gateway).await.unwrap();
    let mut block: Vec<u8> = good.iter().flat_map(|(name, value)| literal(name, value)).collect();
    block.extend(literal("authorization", &token));
    stream.write_all(&[PREFACE, &frame(4, 0, 0, b""), &frame(1, 5, 1, &block)].concat()).await.unwrap();
    assert!(world.upstream.next().await.head.starts_with("POST /base/v1/responses "));
}

#[tokio::test]
async fn g_24_an_http2_reader_that_takes_nothing_loses_its_stream_upstream() {
    let limits = ConnectionLimits {
        head: Duration::from_millis(50),
        write_idle: Duration::from_millis(200),
        ..ConnectionLimits::default()
    };
    let world = World::with(Transport { tls: None, limits }, Streams::default()).await;
    let mut sender = connect(&world).await;
    let (response, _) = sender.send_request(request(&world), true).unwrap();
    let mut exchange = world.upstream.answer(STREAM).await;
    let events = soon(response).await.unwrap().into_body();

    // More than the window, which nobody opens again.
    let megabyte = "x".repeat(1 << 20);
    let chunk = format!("100000\r\n{megabyte}\r\n");
    soon(async { while exchange.stream.write_all(chunk.as_bytes()).await.is_ok() {} }).await;

    drop(events);
}
