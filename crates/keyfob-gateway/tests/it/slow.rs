//! Callers that are slow on purpose.

use crate::world::{World, soon};
use keyfob_gateway::connection::{ConnectionLimits, Transport};
use keyfob_gateway::streams::Streams;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

fn short() -> ConnectionLimits {
    let moment = Duration::from_millis(200);
    ConnectionLimits { head: moment, write_idle: moment, idle: moment, ..ConnectionLimits::default() }
}

async fn with(limits: ConnectionLimits) -> World {
    World::with(Transport { tls: None, limits }, Streams::default()).await
}

#[tokio::test]
async fn g_24_whoever_does_not_finish_a_head_is_hung_up_on() {
    let world = with(short()).await;
    let http2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for beginning in ["", "G", "PRI * ", "GET /healthz HTTP/1.1\r\nhost: g\r\nx: ", http2] {
        let mut stream = TcpStream::connect(world.gateway).await.unwrap();
        stream.write_all(beginning.as_bytes()).await.unwrap();

        let mut said = Vec::new();
        drop(soon(stream.read_to_end(&mut said)).await);
    }
}

#[tokio::test]
async fn g_24_a_reader_that_takes_nothing_is_cut_and_its_upstream_with_it() {
    let world = with(short()).await;
    let token = world.issuer.token();
    let mut caller = TcpStream::connect(world.gateway).await.unwrap();
    let request = format!("GET /v1/models HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {token}\r\n\r\n");
    caller.write_all(request.as_bytes()).await.unwrap();
    let mut exchange = world.upstream.answer("HTTP/1.1 200 OK\r\n\r\n").await;

    let megabyte = vec![b'x'; 1 << 20];
    soon(async { while exchange.stream.write_all(&megabyte).await.is_ok() {} }).await;

    drop(caller);
}

#[tokio::test]
async fn g_24_one_address_has_so_many_connections_and_others_still_get_theirs() {
    let world = with(ConnectionLimits { most_of_address: 2, ..ConnectionLimits::default() }).await;
    let health = "GET /healthz HTTP/1.1\r\nhost: g\r\n\r\n";
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(world.gateway).await.unwrap();
        stream.write_all(health.as_bytes()).await.unwrap();
        soon(stream.read_u8()).await.unwrap();
        held.push(stream);
    }

    assert_eq!(world.send_raw(health).await, "", "closed at once");
    drop(held);
    let answered = async {
        loop {
            let closing = "GET /healthz HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n";
            if world.send_raw(closing).await.starts_with("HTTP/1.1 200 ") {
                return;
            }
        }
    };
    soon(answered).await;
}
