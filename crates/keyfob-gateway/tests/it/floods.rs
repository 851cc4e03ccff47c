//! Floods over HTTP/2: each ends its own connection, after so much and no more, and nobody else's.

use crate::http2::{PREFACE, STREAM, connect, frame, literal, request};
use crate::world::{World, soon};
use bytes::Bytes;
use h2::client::SendRequest;
use http::{Request, StatusCode};
use keyfob_gateway::connection::{ConnectionLimits, Transport};
use keyfob_gateway::streams::Streams;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const ACK: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;

/// The head of a request that anybody may make.
fn block() -> Vec<u8> {
    let fields = [(":method", "GET"), (":scheme", "http"), (":authority", "g"), (":path", "/healthz")];
    fields.iter().flat_map(|(name, value)| literal(name, value)).collect()
}

fn begin() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, b"")].concat()
}

/// How many frames that carry nothing may pass on a connection that began at `since`.
fn most(since: Instant) -> usize {
    1_000 + usize::try_from(since.elapsed().as_millis()).unwrap() / 10 + 1
}

/// Sends these bytes for as long as they are taken, and returns everything that is said until it is hung up.
async fn flood(world: &World, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(world.gateway).await.unwrap();
    let (mut read, mut write) = stream.split();
    let mut said = Vec::new();
    // It is hung up on before all was taken.
    let sent = async { write.write_all(&[&begin(), bytes].concat()).await.ok() };
    soon(async { tokio::join!(sent, read.read_to_end(&mut said)) }).await.1.ok();
    said
}

/// Returns how many of these frames are among what was said.
fn count(mut said: &[u8], kind: u8, flags: u8) -> usize {
    let mut found = 0;
    while let [a, b, c, of_kind, with_flags, ..] = *said {
        found += usize::from((of_kind, with_flags) == (kind, flags));
        let length = 9 + u32::from_be_bytes([0, a, b, c]) as usize;
        said = said.get(length..).unwrap_or_default();
    }
    found
}

async fn serves(honest: &mut SendRequest<Bytes>) {
    let health = Request::get("http://g/healthz").body(()).unwrap();
    let (response, _) = honest.send_request(health, true).unwrap();
    assert_eq!(soon(response).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn g_45_i_76_a_flood_of_resets_or_continuations_ends_its_connection_and_nobody_elses() {
    let world = World::demo().await;
    let mut honest = connect(&world).await;
    let pair = |number: u32| [frame(1, 5, number, &block()), frame(3, 0, number, &[0, 0, 0, 8])].concat();
    let resets: Vec<u8> = (0..10_000_u32).flat_map(|n| pair(2 * n + 1)).collect();
    let continued = [frame(1, 1, 1, &block()), frame(9, 0, 1, &literal("x", "y")).repeat(100_000)].concat();
    for bytes in [resets, continued] {
        flood(&world, &bytes).await;

        serves(&mut honest).await;
    }
}

#[tokio::test]
async fn g_45_i_76_what_must_be_answered_and_carries_nothing_is_answered_so_often_and_no_more() {
    let world = World::demo().await;
    let mut honest = connect(&world).await;
    for (kind, payload) in [(PING, &[7; 8][..]), (SETTINGS, &[])] {
        let since = Instant::now();

        let said = flood(&world, &frame(kind, 0, 0, payload).repeat(200_000)).await;

        let answered = count(&said, kind, ACK);
        assert!(answered <= most(since), "{kind}: {answered}");
        serves(&mut honest).await;
    }
}

#[tokio::test]
async fn g_45_i_76_what_carries_nothing_ends_its_connection_and_nobody_elses() {
    let world = World::demo().await;
    let mut honest = connect(&world).await;
    let data = [frame(1, 4, 1, &block()), frame(0, 0, 1, b"").repeat(100_000)].concat();
    let priorities = frame(2, 0, 1, &[0, 0, 0, 3, 7]).repeat(100_000);
    let windows = frame(8, 0, 0, &[0, 0, 0, 1]).repeat(1_000_000);
    let unknown = frame(99, 0, 0, b"").repeat(100_000);
    for bytes in [data, priorities, windows, unknown] {
        flood(&world, &bytes).await;

        serves(&mut honest).await;
    }
}

#[tokio::test]
async fn g_45_requests_that_are_reset_once_they_have_begun_are_few() {
    let world = World::demo().await;
    let mut honest = connect(&world).await;
    let mut stream = TcpStream::connect(world.gateway).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream.write_all(&begin()).await.unwrap();
    let since = Instant::now();
    let mut sent = 0;
    'flood: for turn in 0..1_000_u32 {
        for number in turn * 10..(turn + 1) * 10 {
            let pair = [frame(1, 5, 2 * number + 1, &block()), frame(3, 0, 2 * number + 1, &[0, 0, 0, 8])];
            if stream.write_all(&pair.concat()).await.is_err() {
                break 'flood;
            }
            sent += 1;
        }
        // Once this is answered, all before it have begun: none of them waits to be looked at.
        let mut said = Vec::new();
        stream.write_all(&frame(PING, 0, 0, &[7; 8])).await.ok();
        while !said.windows(8).any(|window| window == [7; 8]) {
            if !matches!(soon(stream.read_buf(&mut said)).await, Ok(1..)) {
                break 'flood;
            }
        }
    }

    assert!(sent <= most(since), "{sent}");
    serves(&mut honest).await;
}

#[tokio::test]
async fn g_45_g_27_readers_that_open_no_window_are_let_go_by_the_hundred() {
    let limits = ConnectionLimits {
        head: Duration::from_millis(50),
        write_idle: Duration::from_secs(1),
        ..ConnectionLimits::default()
    };
    let world = World::with(Transport { tls: None, limits }, Streams::default()).await;
    let stream = TcpStream::connect(world.gateway).await.unwrap();
    let mut client = h2::client::Builder::new();
    let (sender, connection) = client.initial_window_size(0).handshake::<_, Bytes>(stream).await.unwrap();
    tokio::spawn(connection);
    let mut sender = soon(sender.ready()).await.unwrap();
    let mut held = Vec::new();
    let mut upstreams = Vec::new();
    for _ in 0..100 {
        let (response, _) = sender.send_request(request(&world), true).unwrap();
        upstreams.push(world.upstream.answer(STREAM).await);
        held.push(soon(response).await.unwrap().into_body());
        sender = soon(sender.ready()).await.unwrap();
    }
    for upstream in &mut upstreams {
        upstream.send("5\r\nhello\r\n").await;
    }
    for upstream in upstreams {
        upstream.abandoned().await;
    }
    drop(held);
}
