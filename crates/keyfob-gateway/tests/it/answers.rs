//! Answers with two readings, or with what is no answer: what comes through is one whole answer with what may come, or a 502.

use crate::world::{World, soon};
use http::StatusCode;
use http_body_util::BodyExt as _;
use std::fmt::Write as _;
use tokio::io::AsyncWriteExt as _;

/// Heads that come through, the body of all of which is `ok`.
const CLEAR: &[&str] = &[
    "HTTP/1.1 200 OK\r\ncontent-length: 2",
    "HTTP/1.1 200 \r\ncontent-length: 2",
    "HTTP/1.1 200\r\ncontent-length: 2",
    "HTTP/1.1 200 OK\r\nContent-Length:   2  ",
    "HTTP/1.0 200 OK\r\ncontent-length: 2",
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nset-cookie: a=1\r\nSet-Cookie: b=2\r\nset-cookie2: c",
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\naccess-control-allow-origin: *\r\nAccess-Control-Max-Age: 9",
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nalt-svc: h3=\":443\"\r\nproxy-authenticate: Basic\r\nproxy-connection: close",
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: x-secret, content-length\r\nx-secret: 1\r\nkeep-alive: timeout=5",
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntrailer: set-cookie\r\nupgrade: h2c\r\nte: trailers",
    "HTTP/1.1 100 Continue\r\nset-cookie: a=1\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2",
    "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2",
];

/// Heads that are no answer, or two.
const REFUSED: &[&str] = &[
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3",
    "HTTP/1.1 200 OK\r\ncontent-length: 2, 3",
    "HTTP/1.1 200 OK\r\ncontent-length: +2",
    "HTTP/1.1 200 OK\r\ncontent-length: -2",
    "HTTP/1.1 200 OK\r\ncontent-length: 0x2",
    "HTTP/1.1 200 OK\r\ncontent-length: 2 2",
    "HTTP/1.1 200 OK\r\ncontent-length: two",
    "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999",
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 2",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: xchunked\r\ncontent-length: 2",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: identity",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, chunked",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: identity",
    "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked",
    "HTTP/1.1 200 OK\r\nx: \0\r\ncontent-length: 2",
    "HTTP/1.1 200 OK\r\nx: \u{1}\r\ncontent-length: 2",
    "HTTP/1.1 200 OK\r\nx: \u{7f}\r\ncontent-length: 2",
    "HTTP/1.1 200 OK\r\nx: a\rb\r\ncontent-length: 2",
    "HTTP/1.1 200 OK\r\nx y: z\r\ncontent-length: 2",
    "HTTP/1.1 200 OK\r\nx : z\r\ncontent-length: 2",
    "HTTP/1.1 200 OK\r\n: z\r\ncontent-length: 2",
    "HTTP/1.1 200 OK\r\nno colon\r\ncontent-length: 2",
    "HTTP/1.1 200 OK\r\nx: y\r\n folded\r\ncontent-length: 2",
    "HTTP/1.1 200 OK\r\n\u{e9}: z\r\ncontent-length: 2",
    "HTTP/1.1 200 \0\r\ncontent-length: 2",
    "HTTP/1.1 2000 OK\r\ncontent-length: 2",
    "HTTP/1.1 99 OK\r\ncontent-length: 2",
    "HTTP/1.1 2x0 OK\r\ncontent-length: 2",
    "HTTP/1.1  200 OK\r\ncontent-length: 2",
    "HTTP/2 200 OK\r\ncontent-length: 2",
    "HTTP/3.0 200 OK\r\ncontent-length: 2",
    "ICY 200 OK\r\ncontent-length: 2",
    "200 OK\r\ncontent-length: 2",
    "nonsense",
    "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade",
];

#[tokio::test]
async fn g_16_what_an_answer_may_not_tell_is_dropped_and_the_rest_is_whole() {
    for head in CLEAR {
        let world = World::new().await;
        let bytes = format!("{head}\r\n\r\nok");

        let (answer, _) = tokio::join!(world.send(world.request(), "{}"), world.upstream.answer(&bytes));

        assert_eq!((answer.status, answer.text()), (StatusCode::OK, "ok".into()), "{head:?}");
        let mut names: Vec<&str> = answer.headers.keys().map(http::HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-length", "date", "keyfob-upstream", "x-request-id"], "{head:?}");
    }
}

#[tokio::test]
async fn g_16_an_answer_that_is_none_or_has_two_readings_is_a_502() {
    let large = format!("HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 2", "x".repeat(33 * 1024));
    let larger = format!("HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 2", "x".repeat(1024 * 1024));
    let many = format!("HTTP/1.1 200 OK\r\n{}content-length: 2", "set-cookie: a=1\r\n".repeat(100));
    let mut passed = Vec::new();
    for head in REFUSED.iter().copied().chain([&*large, &*larger, &*many]) {
        let world = World::new().await;

        let (answer, ()) = tokio::join!(world.try_begin(world.gateway, world.request(), "{}"), async {
            let mut exchange = world.upstream.next().await;
            // It may have been hung up on already.
            exchange.stream.write_all(format!("{head}\r\n\r\nok").as_bytes()).await.ok();
        });

        let head = head.get(..200).unwrap_or(head).to_owned();
        match answer {
            Ok(answer) if answer.status() == StatusCode::BAD_GATEWAY => {
                assert!(
                    ["x", "set-cookie"].iter().all(|name| !answer.headers().contains_key(*name)),
                    "{head:?}"
                );
            }
            Ok(answer) => passed.push((head, answer.status().to_string())),
            Err(error) => passed.push((head, error.to_string())),
        }
    }
    assert_eq!(passed, []);
}

#[tokio::test]
async fn g_16_an_upstream_that_never_comes_to_its_answer_is_given_up_and_keeps_nobody_waiting() {
    let world = World::new().await;
    let flood = "HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n".repeat(1_000);

    let (answer, ()) = tokio::join!(world.send(world.request(), "{}"), async {
        let mut exchange = world.upstream.next().await;
        soon(async { while exchange.stream.write_all(flood.as_bytes()).await.is_ok() {} }).await;
    });

    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_GATEWAY, "upstream_unusable".into()));
}

#[tokio::test]
async fn g_16_what_comes_after_an_answer_is_never_the_answer_to_somebody_else() {
    let forged = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged";
    let before = [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 204 No Content\r\ncontent-length: 44\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 429 Slow Down\r\ncontent-length: 2\r\n\r\nno",
    ];
    for first in before {
        let world = World::new().await;
        let bytes = format!("{first}{forged}");
        let (answer, kept) = tokio::join!(world.send(world.request(), "{}"), world.upstream.answer(&bytes));
        assert!(!answer.text().contains("forged"), "{first:?}");

        let own = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nown";
        let (answer, _) = tokio::join!(world.send(world.request(), "{}"), world.upstream.answer(own));

        assert_eq!((answer.status, answer.text()), (StatusCode::OK, "own".into()), "{first:?}");
        drop(kept);
    }
}

#[tokio::test]
async fn g_28_a_body_that_does_not_end_as_it_must_breaks_off_at_the_caller() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n";
    let mut trailers = String::new();
    for number in 0..2_000 {
        write!(trailers, "x-{number}: {}\r\n", "y".repeat(100)).unwrap();
    }
    let bodies = [
        // The last chunk is missing, in part or in whole.
        chunked.to_owned(),
        format!("{chunked}0"),
        format!("{chunked}0\r\n"),
        format!("{chunked}5\r\nhal"),
        // It is none.
        format!("{chunked}x\r\n"),
        format!("{chunked}-1\r\n"),
        format!("{chunked}0x2\r\nok\r\n0\r\n\r\n"),
        format!("{chunked}2\r\nokok\r\n0\r\n\r\n"),
        format!("{chunked}10000000000000000\r\n"),
        format!("{chunked}2;{}\r\nok\r\n0\r\n\r\n", "x".repeat(64 * 1024)),
        format!("{chunked}0\r\n{trailers}\r\n"),
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nok".to_owned(),
    ];
    for body in bodies {
        for hard in [true, false] {
            let world = World::new().await;
            let asked = world.try_begin(world.gateway, world.request(), "{}");
            let (answer, exchange) = tokio::join!(asked, world.upstream.answer(&body));
            if hard {
                exchange.reset();
            } else {
                drop(exchange);
            }

            // What is broken from the beginning breaks off before its head is told.
            let rest = match answer {
                Ok(answer) => soon(answer.into_body().collect()).await,
                Err(error) => Err(error),
            };

            let body = body.get(..200).unwrap_or(&body);
            assert!(rest.is_err(), "{body:?}: a clean end would look like a whole answer");
        }
    }
}
