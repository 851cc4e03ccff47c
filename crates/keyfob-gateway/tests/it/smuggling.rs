//! Requests with two readings: none becomes a second request, and none reaches the upstream.

use crate::world::World;

const SMUGGLED: &str = "GET /v1/canary HTTP/1.1\r\nhost: g\r\n\r\n";

/// Heads with two readings; `{}` stands where the credential comes.
const HEADS: [&str; 40] = [
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}content-length: 5\r\ntransfer-encoding: chunked",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}transfer-encoding: chunked\r\ncontent-length: 5",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}content-length: 5\r\ncontent-length: 6",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}content-length: 5\r\ncontent-length: 5",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}content-length: +5",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}content-length: -5",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}content-length: 0x5",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}content-length: 5,5",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}content-length: 5 5",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}content-length: 5.0",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}content-length:",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}content-length: 99999999999999999999",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}content-length : 5",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}content-length\t: 5",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}content-length: 0\r\n content-length: 5",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}transfer-encoding: xchunked",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}transfer-encoding: chunked, identity",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}transfer-encoding: identity, chunked",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}transfer-encoding: gzip, chunked",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}transfer-encoding: chunked, chunked",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}transfer-encoding: chunked\r\ntransfer-encoding: chunked",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}transfer-encoding: chunked\r\ntransfer-encoding: identity",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}transfer-encoding: \"chunked\"",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}transfer-encoding : chunked",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{} transfer-encoding: chunked",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}transfer-encoding:\r\n chunked",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}transfer-encoding: chunked\u{b}",
    "POST /v1/responses HTTP/1.0\r\nhost: g\r\n{}transfer-encoding: chunked",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}x: y\ntransfer-encoding: chunked",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}x: y\rtransfer-encoding: chunked",
    "POST /v1/responses HTTP/1.1\nhost: g\n{}content-length: 5",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}x: \0",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}x: y\r\n folded",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}x: y\r\n\tfolded",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}no colon",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}: no name",
    "POST /v1/responses HTTP/1.1\r\nhost: g\r\nhost: evil\r\n{}x: y",
    "POST /v1/responses HTTP/1.1\r\n{}x: y",
    " POST /v1/responses HTTP/1.1\r\nhost: g\r\n{}x: y",
    "POST  /v1/responses HTTP/1.1\r\nhost: g\r\n{}x: y",
];

/// Bodies in chunks with two readings.
const CHUNKS: [&str; 16] = [
    "0x5\r\nhello\r\n0\r\n\r\n",
    "+5\r\nhello\r\n0\r\n\r\n",
    "-5\r\nhello\r\n0\r\n\r\n",
    "5 \r\nhello\r\n0\r\n\r\n",
    " 5\r\nhello\r\n0\r\n\r\n",
    "5\nhello\r\n0\r\n\r\n",
    "5\rhello\r\n0\r\n\r\n",
    "5;a\nb\r\nhello\r\n0\r\n\r\n",
    "5\r\nhello0\r\n\r\n",
    "5\r\nhello\n0\r\n\r\n",
    "5\r\nhelloo\r\n0\r\n\r\n",
    "\r\n0\r\n\r\n",
    "g\r\nhello\r\n0\r\n\r\n",
    "10000000000000005\r\nhello\r\n0\r\n\r\n",
    "0\r\nx : y\r\n\r\n",
    "0\r\nx: y\n\r\n",
];

#[tokio::test]
async fn g_19_a_head_with_two_readings_is_refused_and_ends_the_connection() {
    let world = World::new().await;
    let credential = format!("authorization: Bearer {}\r\n", world.issuer.token());
    let healthy = "GET /healthz HTTP/1.1\r\nhost: g\r\n\r\n";
    for head in HEADS {
        let request = head.replace("{}", &credential);
        for (before, answers) in [("", 1), (healthy, 2)] {
            let bytes = format!("{before}{request}\r\n\r\n0\r\n\r\n{SMUGGLED}");

            let answer = world.send_raw(&bytes).await;

            let last = answer.rsplit("HTTP/1.1 ").next().unwrap();
            assert!(last.starts_with("400 "), "{head:?}: {answer}");
            assert_eq!(answer.matches("HTTP/1.1 ").count(), answers, "{head:?}: {answer}");
        }
    }
    assert!(world.upstream.saw_nothing());
}

#[tokio::test]
async fn g_19_a_chunk_with_two_readings_ends_the_request_and_the_connection() {
    let world = World::new().await;
    let long = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(1025));
    for body in CHUNKS.into_iter().chain([long.as_str()]) {
        let head = format!(
            "POST /v1/responses HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {}\r\ntransfer-encoding: chunked\r\n\r\n",
            world.issuer.token()
        );
        let bytes = format!("{head}{body}{SMUGGLED}");

        let answer = world.send_raw(&bytes).await;

        assert!(answer.starts_with("HTTP/1.1 400 "), "{body:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{body:?}: {answer}");
    }
}
