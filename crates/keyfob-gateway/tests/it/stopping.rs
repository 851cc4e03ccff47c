//! Asked to stop: nobody is taken any more, and what runs may end for half a minute.

use crate::http2::{connect, request};
use crate::world::{Exchange, World, soon};
use bytes::Bytes;
use futures_util::future::join_all;
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;

const HEAD: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

async fn stream(world: &World) -> (Response<Incoming>, Exchange) {
    tokio::join!(world.begin(world.request(), "{}"), world.upstream.answer(HEAD))
}

/// Ends an answer after so long.
async fn end_after(seconds: u64, mut exchange: Exchange) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    // It may have been cut meanwhile.
    exchange.stream.write_all(b"2\r\nok\r\n0\r\n\r\n").await.ok();
}

/// Returns how an answer ended, and after how many seconds.
async fn ended(answer: Response<Incoming>, since: Instant) -> (Option<Bytes>, u64) {
    let body = answer.into_body().collect().await.ok().map(http_body_util::Collected::to_bytes);
    (body, since.elapsed().as_secs())
}

#[tokio::test]
async fn g_43_streams_that_end_within_half_a_minute_are_whole_and_the_others_are_cut_with_an_error() {
    let mut world = World::new().await;
    let (mut short, mut long) = (Vec::new(), Vec::new());
    for _ in 0..200 {
        short.push(stream(&world).await);
    }
    for _ in 0..4 {
        long.push(stream(&world).await);
    }
    let mut sender = connect(&world).await;
    let (response, _) = sender.send_request(request(&world), true).unwrap();
    let http2 = world.upstream.answer(HEAD).await;
    let mut http2_body = soon(response).await.unwrap().into_body();
    // From here on, time passes when nothing else happens.
    tokio::time::pause();
    let since = Instant::now();

    world.stop();

    let (mut answers, mut upstreams) = (Vec::new(), Vec::new());
    for (seconds, (answer, exchange)) in
        short.into_iter().map(|each| (10, each)).chain(long.into_iter().map(|each| (60, each)))
    {
        answers.push(ended(answer, since));
        upstreams.push(tokio::spawn(end_after(seconds, exchange)));
    }
    upstreams.push(tokio::spawn(end_after(60, http2)));
    let over_http2 =
        async { (http2_body.data().await.is_some_and(|data| data.is_err()), since.elapsed().as_secs()) };
    let (ends, over_http2, ()) = tokio::join!(join_all(answers), over_http2, world.stopped_at_last());
    let (short, long) = ends.split_at(200);
    // What the kernel has not carried over yet, time may pass by.
    let (before, after) = (10..30, 30..60);
    assert!(
        short.iter().all(|(body, at)| body.as_deref() == Some(b"ok") && before.contains(at)),
        "{short:?}"
    );
    assert!(long.iter().all(|(body, at)| body.is_none() && after.contains(at)), "{long:?}");
    assert!(over_http2.0 && after.contains(&over_http2.1), "{over_http2:?}");
}

#[tokio::test]
async fn g_43_a_gateway_that_stops_takes_nobody_and_says_that_it_is_not_ready() {
    let mut world = World::new().await;
    let (answer, mut exchange) = stream(&world).await;
    assert_eq!(world.operator_asks("/ready").await.status, StatusCode::OK);

    world.stop();

    let refused = async { while TcpStream::connect(world.gateway).await.is_ok() {} };
    soon(refused).await;
    let (ready, live) = (world.operator_asks("/ready").await, world.operator_asks("/live").await);
    let said = r#"{"ready":false,"keys":"loaded","revocations":"not followed","stopping":true}"#;
    assert_eq!((ready.status, ready.text()), (StatusCode::SERVICE_UNAVAILABLE, said.into()));
    assert_eq!(live.status, StatusCode::OK);
    exchange.send("2\r\nok\r\n0\r\n\r\n").await;
    assert_eq!(soon(answer.into_body().collect()).await.unwrap().to_bytes(), "ok");
    world.stopped().await;
}
