//! Streams pass as they are, as they come, and end as they end.

use crate::world::{World, soon};
use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

async fn next(answer: &mut Response<Incoming>) -> Option<Result<Bytes, hyper::Error>> {
    let frame = soon(answer.frame()).await?;
    Some(frame.map(|frame| frame.into_data().unwrap()))
}

#[tokio::test]
async fn g_25_each_event_arrives_before_the_next_is_made_and_byte_for_byte() {
    let world = World::new().await;
    let events = [
        "event: a\ndata: {\"n\":1}\n\n",
        ": comment\r\n\r\n",
        "data: é\ndata: two\n\n",
        "\u{feff}data",
        ": x\r\rdata: [DONE]\n\n",
    ];

    let (mut answer, mut exchange) =
        tokio::join!(world.begin(world.request(), r#"{"stream":true}"#), world.upstream.answer(HEAD));
    for event in events {
        exchange.send(&chunk(event)).await;

        // Only now is the next one sent: whoever holds an event back hangs here.
        assert_eq!(next(&mut answer).await.unwrap().unwrap(), event);
    }
    exchange.send("0\r\n\r\n").await;

    assert!(next(&mut answer).await.is_none());
}

#[tokio::test]
async fn g_26_a_caller_that_leaves_before_the_answer_ends_the_request_upstream() {
    let world = World::new().await;
    let token = world.issuer.token();
    let mut caller = TcpStream::connect(world.gateway).await.unwrap();
    let request = format!(
        "POST /v1/responses HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {token}\r\ncontent-length: 2\r\n\r\n{{}}"
    );
    caller.write_all(request.as_bytes()).await.unwrap();
    let exchange = world.upstream.next().await;

    drop(caller);

    exchange.abandoned().await;
}

#[tokio::test]
async fn g_26_a_caller_that_leaves_in_the_middle_of_a_stream_ends_it_upstream() {
    let world = World::new().await;
    let (mut answer, mut exchange) =
        tokio::join!(world.begin(world.request(), "{}"), world.upstream.answer(HEAD));
    exchange.send(&chunk("data: 1\n\n")).await;
    assert_eq!(next(&mut answer).await.unwrap().unwrap(), "data: 1\n\n");

    drop(answer);

    exchange.abandoned().await;
}

#[tokio::test]
async fn g_28_a_stream_that_breaks_off_upstream_breaks_off_at_the_caller() {
    for hard in [true, false] {
        let world = World::new().await;
        let (mut answer, mut exchange) =
            tokio::join!(world.begin(world.request(), "{}"), world.upstream.answer(HEAD));
        exchange.send(&chunk("data: 1\n\n")).await;
        assert_eq!(next(&mut answer).await.unwrap().unwrap(), "data: 1\n\n");

        if hard {
            exchange.reset();
        } else {
            drop(exchange);
        }

        assert!(next(&mut answer).await.unwrap().is_err(), "a clean end would look like a whole answer");
    }
}

#[tokio::test]
async fn g_28_an_answer_shorter_than_it_announced_breaks_off_at_the_caller() {
    let world = World::new().await;
    let short = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";

    let (mut answer, exchange) =
        tokio::join!(world.begin(world.request(), "{}"), world.upstream.answer(short));
    assert_eq!(next(&mut answer).await.unwrap().unwrap(), "half");
    drop(exchange);

    assert!(next(&mut answer).await.unwrap().is_err());
}

#[tokio::test]
async fn a_running_stream_may_end_after_the_gateway_was_asked_to_stop() {
    let mut world = World::new().await;
    let (mut answer, mut exchange) =
        tokio::join!(world.begin(world.request(), "{}"), world.upstream.answer(HEAD));

    world.stop();
    exchange.send(&chunk("data: 1\n\n")).await;
    exchange.send("0\r\n\r\n").await;

    assert_eq!(next(&mut answer).await.unwrap().unwrap(), "data: 1\n\n");
    assert!(next(&mut answer).await.is_none());
    world.stopped().await;
    assert!(TcpStream::connect(world.gateway).await.is_err());
}

#[tokio::test]
async fn g_30_a_token_that_expires_while_its_answer_runs_ends_the_next_request_and_not_this_one() {
    let world = World::new().await;
    let (mut answer, mut exchange) =
        tokio::join!(world.begin(world.request(), r#"{"stream":true}"#), world.upstream.answer(HEAD));
    exchange.send(&chunk("first")).await;
    assert_eq!(next(&mut answer).await.unwrap().unwrap(), "first");

    world.pass(601 + 60);

    assert_eq!(world.send(world.request(), "{}").await.code(), "invalid_token");
    exchange.send(&chunk("last")).await;
    exchange.send("0\r\n\r\n").await;
    assert_eq!(next(&mut answer).await.unwrap().unwrap(), "last");
    assert!(next(&mut answer).await.is_none());
}

#[tokio::test]
async fn g_25_events_that_came_at_once_go_on_whole_and_in_order() {
    let world = World::new().await;
    let (mut answer, mut exchange) =
        tokio::join!(world.begin(world.request(), "{}"), world.upstream.answer(HEAD));
    let events: Vec<String> = (0..200).map(|number| format!("data: {number}\n\n")).collect();

    let at_once: String = events.iter().map(|event| chunk(event)).collect();
    exchange.send(&at_once).await;
    exchange.send("0\r\n\r\n").await;

    let mut came = Vec::new();
    while let Some(frame) = next(&mut answer).await {
        came.extend_from_slice(&frame.unwrap());
    }
    assert_eq!(String::from_utf8(came).unwrap(), events.concat());
}
