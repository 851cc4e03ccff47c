//! Web sockets: opened by the upstream, for whoever may call, and closed to everybody else.

use crate::world::{UPSTREAM_KEY, World, soon};
use futures_util::{SinkExt as _, StreamExt as _};
use keyfob_gateway::connection::Transport;
use keyfob_gateway::streams::{Streams, WebSockets};
use rusqlite::Connection;
use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest as _};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async, client_async};

const HANDSHAKE: &str = "host: g\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                        sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nset-cookie: a=b\r\n\r\n";

async fn world() -> World {
    let streams = Streams { web_sockets: WebSockets::Tunnelled, ..Streams::default() };
    World::with(Transport::default(), streams).await
}

type Socket = WebSocketStream<TcpStream>;

/// Opens a WebSocket through the gateway, with these headers; returns the caller's end, the upstream's, and what that was asked.
#[expect(clippy::result_large_err, reason = "the type is the library's")]
async fn open(world: &World, target: &str, headers: [(&'static str, &str); 2]) -> (Socket, Socket, String) {
    let mut request = format!("ws://{}{target}", world.gateway).into_client_request().unwrap();
    let bearer = format!("Bearer {}", world.issuer.token());
    request.headers_mut().insert("authorization", bearer.parse().unwrap());
    for (name, value) in headers {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let caller = async {
        let stream = TcpStream::connect(world.gateway).await.unwrap();
        client_async(request, stream).await.unwrap().0
    };
    let upstream = async {
        let stream = world.upstream.accept().await;
        let mut seen = String::new();
        let socket =
            accept_hdr_async(stream, |request: &http::Request<()>, mut response: http::Response<()>| {
                seen = format!("{} {:?}", request.uri(), request.headers());
                if request.headers().contains_key("sec-websocket-protocol") {
                    response.headers_mut().insert("sec-websocket-protocol", "realtime".parse().unwrap());
                }
                Ok(response)
            });
        (socket.await.unwrap(), seen)
    };
    let (caller, (upstream, seen)) = Box::pin(soon(async { tokio::join!(caller, upstream) })).await;
    (caller, upstream, seen)
}

#[tokio::test]
async fn g_12_a_web_socket_is_tunnelled_both_ways_with_the_upstreams_key() {
    let world = world().await;
    let protocols = "realtime, openai-insecure-api-key.sk-canary";
    let headers = [("cookie", "canary"), ("sec-websocket-protocol", protocols)];

    let (mut caller, mut upstream, seen) = open(&world, "/v1/realtime?model=m", headers).await;
    caller.send(Message::text("up")).await.unwrap();
    assert_eq!(soon(upstream.next()).await.unwrap().unwrap(), Message::text("up"));
    upstream.send(Message::text("down")).await.unwrap();
    assert_eq!(soon(caller.next()).await.unwrap().unwrap(), Message::text("down"));

    assert!(seen.starts_with("/base/v1/realtime?model=m "), "{seen}");
    // That the key is marked as sensitive ends at the wire.
    assert!(seen.contains(UPSTREAM_KEY) && !seen.contains("canary"), "{seen}");
    drop(caller);
    while let Some(Ok(_)) = soon(upstream.next()).await {}
}

#[tokio::test]
async fn g_12_what_is_no_handshake_or_asks_elsewhere_is_refused() {
    let world = world().await;
    let credential = format!("authorization: Bearer {}\r\n", world.issuer.token());
    let cases = [
        (format!("GET /v1/models HTTP/1.1\r\n{HANDSHAKE}{credential}"), "501"),
        (format!("POST /v1/responses HTTP/1.1\r\n{HANDSHAKE}{credential}"), "501"),
        (format!("GET /v1/responses HTTP/1.1\r\n{}{credential}", HANDSHAKE.replace("13", "8")), "501"),
        (
            format!(
                "GET /v1/responses HTTP/1.1\r\n{}{credential}",
                HANDSHAKE.replace("websocket\r", "h2c\r")
            ),
            "501",
        ),
        (
            format!("GET /v1/responses HTTP/1.1\r\n{HANDSHAKE}{credential}origin: https://evil.test\r\n"),
            "501",
        ),
        (format!("GET /v1/responses HTTP/1.1\r\n{HANDSHAKE}"), "401"),
    ];
    for (head, status) in cases {
        let answer = world.send_raw(&format!("{head}\r\n")).await;

        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{head}: {answer}");
    }
    assert!(world.upstream.saw_nothing());
}

#[tokio::test]
async fn g_20_what_follows_an_upgrade_goes_nowhere_before_the_upstream_has_switched() {
    let world = world().await;
    let credential = format!("authorization: Bearer {}\r\n", world.issuer.token());
    let head = format!("GET /v1/responses HTTP/1.1\r\n{HANDSHAKE}{credential}\r\n");
    let second = format!("GET /v1/canary HTTP/1.1\r\nhost: g\r\n{credential}\r\n");

    // In one piece with it.
    let answer = world.send_raw(&format!("{head}{second}")).await;
    assert!(!answer.contains("HTTP/1.1 101"), "{answer}");

    // After it, while the upstream thinks.
    for upstreams in
        [None, Some("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"), Some(SWITCHED)]
    {
        let world = self::world().await;
        let credential = format!("authorization: Bearer {}\r\n", world.issuer.token());
        let mut caller = TcpStream::connect(world.gateway).await.unwrap();
        caller
            .write_all(format!("GET /v1/responses HTTP/1.1\r\n{HANDSHAKE}{credential}\r\n").as_bytes())
            .await
            .unwrap();
        let mut exchange = world.upstream.next().await;
        caller.write_all(second.as_bytes()).await.unwrap();
        if let Some(answer) = upstreams {
            drop(exchange.stream.write_all(answer.as_bytes()).await);
        }
        let mut said = Vec::new();
        if upstreams.is_some() {
            drop(soon(caller.read_to_end(&mut said)).await);
        } else {
            drop(caller);
        }
        let mut seen = Vec::new();
        drop(soon(exchange.stream.read_to_end(&mut seen)).await);
        assert_eq!(String::from_utf8_lossy(&seen), "", "{upstreams:?}");
        assert!(world.upstream.saw_nothing(), "{upstreams:?}");
    }
}

#[tokio::test]
async fn s_04_a_web_socket_opens_nothing_that_a_policy_or_a_key_ties_to_a_model() {
    let upstream = "[upstream.a]\nurl = 'http://UPSTREAM/v1'";
    let denied = "default = 'allow'\n[[rule]]\nname = 'large'\nwhen = { models = ['large'] }\noutcome = 'deny'\n\
                  message = 'Not the large one'\n";
    let stored = "default = 'allow'\n[[data]]\nname = 'zero'\nstore = 'forbid'\n";
    let small = "[upstream.a]\nurl = 'http://UPSTREAM/v1'\nmodels = ['small']";
    for (upstream, policy, status) in
        [(upstream, denied, 403), (upstream, stored, 501), (small, "default = 'allow'", 404)]
    {
        let world = World::ruled(upstream, policy, None).await;
        let token = world.issuer.token();
        let request =
            format!("GET /v1/responses HTTP/1.1\r\nauthorization: Bearer {token}\r\n{HANDSHAKE}\r\n");

        let mut stream = TcpStream::connect(world.gateway).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        soon(stream.read_exact(&mut answer)).await.unwrap();

        assert_eq!(String::from_utf8_lossy(&answer), format!("HTTP/1.1 {status}"), "{policy}");
        assert!(world.upstream.saw_nothing());
    }
}

#[tokio::test]
async fn g_12_a_web_socket_is_asked_for_over_http1_whatever_else_the_upstream_speaks() {
    let world =
        World::ruled("[upstream.a]\nurl = 'http://UPSTREAM'\nhttp2 = true", "default = 'allow'", None).await;
    let credential = format!("authorization: Bearer {}\r\n", world.issuer.token());
    let request = format!("GET /v1/realtime HTTP/1.1\r\n{HANDSHAKE}{credential}\r\n");

    let mut caller = TcpStream::connect(world.gateway).await.unwrap();
    caller.write_all(request.as_bytes()).await.unwrap();

    let asked = world.upstream.next().await;
    assert!(asked.head.starts_with("GET /realtime HTTP/1.1\r\n"), "{}", asked.head);
    assert_eq!(asked.header("upgrade"), ["websocket"]);
}

#[tokio::test]
async fn each_answer_on_a_web_socket_is_in_the_ledger_with_what_it_used_and_costs() {
    let data = tempfile::tempdir().unwrap();
    let prices = "currency = 'USD'\n[[model]]\nname = 'm*'\ninput = '1.00'\noutput = '10.00'";
    let mut world = World::metered_web_sockets(data.path(), prices).await;
    let extensions = "permessage-deflate; client_max_window_bits";
    let headers = [("sec-websocket-extensions", extensions), ("user-agent", "caller")];

    let (mut caller, mut upstream, seen) = open(&world, "/v1/realtime?model=m-query", headers).await;
    assert!(!seen.contains("permessage-deflate"), "{seen}");

    let done = r#"{"type":"response.done","response":{"usage":{"input_tokens":300,"output_tokens":20}}}"#;
    let created = r#"{"type":"response.created","response":{"model":"m-told"}}"#;
    let delta = r#"{"type":"response.output_text.delta","delta":"twelve bytes"}"#;
    for message in [done, created, delta] {
        upstream.send(Message::text(message)).await.unwrap();
        assert_eq!(soon(caller.next()).await.unwrap().unwrap(), Message::text(message));
    }
    drop((caller, upstream));
    world.stop();
    world.stopped().await;

    let line = |model: Option<&str>, state: &str, tokens: [i64; 2], is_estimate, price| {
        (model.map(str::to_owned), state.to_owned(), tokens, is_estimate, price)
    };
    assert_eq!(
        rows(data.path()),
        [
            line(None, "settled", [0, 0], false, None),
            line(Some("m-query"), "settled", [300, 20], false, Some(500_000)),
            line(Some("m-told"), "aborted", [0, 3], true, Some(30_000)),
        ]
    );
}

/// A request in the ledger: model, state, tokens in and out, whether they are estimated, price.
type Row = (Option<String>, String, [i64; 2], bool, Option<i64>);

fn rows(data: &Path) -> Vec<Row> {
    let connection = Connection::open(data.join("ledger.sqlite")).unwrap();
    let mut query = connection
        .prepare(
            "SELECT model, state, e.input, e.output, is_estimate, e.price
             FROM reserved JOIN ended e USING (request_id) ORDER BY number",
        )
        .unwrap();
    let rows = query.query_map([], |row| {
        Ok((row.get(0)?, row.get(1)?, [row.get(2)?, row.get(3)?], row.get(4)?, row.get(5)?))
    });
    rows.unwrap().map(Result::unwrap).collect()
}
