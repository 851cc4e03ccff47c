//! What requests used, as the ledger has it.

use crate::world::{Answer, Exchange, FakeIssuer, Program, World, soon};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::StatusCode;
use http_body_util::BodyExt as _;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

const PRICES: &str =
    "currency = 'USD'\n[[model]]\nname = 'm*'\ninput = '1.00'\ncached_input = '0.50'\noutput = '10.00'";
const USAGE: &str = r#"{"prompt_tokens":100,"completion_tokens":20,"prompt_tokens_details":{"cached_tokens":40},"completion_tokens_details":{"reasoning_tokens":5}}"#;
const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/// A request in the ledger: route, model, state, tokens, whether they are estimated, price, status.
type Line = (String, Option<String>, String, [i64; 4], bool, Option<i64>, Option<i64>);

fn ledger(data: &Path) -> Vec<Line> {
    let connection = Connection::open(data.join("ledger.sqlite")).unwrap();
    let mut query = connection
        .prepare(
            "SELECT route, model, state, e.input, cached, e.output, reasoning, is_estimate, e.price, status
             FROM reserved LEFT JOIN ended e USING (request_id) ORDER BY number",
        )
        .unwrap();
    let lines = query.query_map([], |row| {
        let tokens = [row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?];
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, tokens, row.get(7)?, row.get(8)?, row.get(9)?))
    });
    lines.unwrap().map(Result::unwrap).collect()
}

async fn ended(mut world: World) {
    world.stop();
    world.stopped().await;
}

fn json_answer(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Sends a request of the caller, answered like this; returns what went up, and what came back.
async fn asked(world: &World, path: &str, body: &'static str, answer: &str) -> (Exchange, String, Answer) {
    let upstream = async {
        let mut exchange = world.upstream.next().await;
        let sent = exchange.body().await;
        exchange.send(answer).await;
        // An answer without a length ends with its connection.
        exchange.stream.shutdown().await.unwrap();
        (exchange, sent)
    };
    let (answer, (exchange, sent)) =
        tokio::join!(world.send(world.request().uri(path.to_owned()), body), upstream);
    (exchange, sent, answer)
}

#[tokio::test]
async fn each_api_is_written_down_with_what_it_used_and_what_that_costs() {
    let data = TempDir::new().unwrap();
    let world = World::metered(data.path(), PRICES).await;
    let response = r#"{"id":"r","usage":{"input_tokens":100,"input_tokens_details":{"cached_tokens":40},"output_tokens":20,"output_tokens_details":{"reasoning_tokens":5}}}"#;
    let chat = format!(r#"{{"choices":[{{"message":{{"content":"hi"}}}}],"usage":{USAGE}}}"#);
    let embedding = r#"{"data":[],"usage":{"prompt_tokens":100,"total_tokens":100}}"#;
    let asks = [
        ("/v1/responses", response.to_owned()),
        ("/v1/chat/completions", chat.clone()),
        ("/v1/completions", chat),
        ("/v1/embeddings", embedding.to_owned()),
    ];

    for (path, body) in &asks {
        let (exchange, sent, answer) =
            asked(&world, path, r#"{"model":"m-1","input":"x"}"#, &json_answer(body)).await;
        assert_eq!(sent, r#"{"model":"m-1","input":"x"}"#);
        assert_eq!(exchange.header("accept-encoding"), ["identity"]);
        assert_eq!((answer.status, &answer.text()), (StatusCode::OK, body));
    }
    asked(&world, "/v1/files", "not json", &json_answer("{}")).await;

    let metrics = world.operator_asks("/metrics").await.text();
    for line in [
        "gen_ai_client_token_usage_total{gen_ai_operation_name=\"chat\",gen_ai_token_type=\"input\"} 200",
        "gen_ai_client_token_usage_total{gen_ai_operation_name=\"chat\",gen_ai_token_type=\"reasoning\"} 10",
        "gen_ai_client_token_usage_total{gen_ai_operation_name=\"embeddings\",gen_ai_token_type=\"output\"} 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}\n{metrics}");
    }
    ended(world).await;
    let line = |route: &str, tokens, price| {
        (
            route.to_owned(),
            Some("m-1".to_owned()),
            "settled".to_owned(),
            tokens,
            false,
            Some(price),
            Some(200),
        )
    };
    // 60 at 1.00, 40 at 0.50 and 20 at 10.00 for a million.
    let full = |route: &str| line(route, [100, 40, 20, 5], 280_000);
    let other = ("other".to_owned(), None, "settled".to_owned(), [0; 4], false, None, Some(200));
    assert_eq!(
        ledger(data.path()),
        [
            full("responses"),
            full("chat_completions"),
            full("completions"),
            line("embeddings", [100, 0, 0, 0], 100_000),
            other,
        ]
    );
}

#[tokio::test]
async fn a_stream_of_chat_tells_the_gateway_its_usage_and_the_caller_only_what_they_asked_for() {
    let data = TempDir::new().unwrap();
    let world = World::metered(data.path(), PRICES).await;
    let words = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}],\"usage\":null}\n\n";
    let usage = format!("data: {{\"choices\":[],\"usage\":{USAGE}}}\n\n");
    let done = "data: [DONE]\n\n";
    let answer = format!("{STREAM}{words}{usage}{done}");
    let path = "/v1/chat/completions";

    let (_, sent, silent) = asked(&world, path, r#"{"model":"m","stream":true}"#, &answer).await;
    let wants = r#"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#;
    let (_, kept, told) = asked(&world, path, wants, &answer).await;

    assert_eq!(sent, r#"{"stream_options":{"include_usage":true},"model":"m","stream":true}"#);
    assert_eq!(silent.text(), [words, done].concat());
    assert_eq!(kept, wants);
    assert_eq!(told.text(), [words, &usage, done].concat());
    ended(world).await;
    let line = (
        "chat_completions".into(),
        Some("m".into()),
        "settled".into(),
        [100, 40, 20, 5],
        false,
        Some(280_000),
        Some(200),
    );
    let line: Line = line;
    assert_eq!(ledger(data.path()), [line.clone(), line]);
}

#[tokio::test]
async fn what_does_not_come_whole_is_aborted_with_an_estimate_and_what_was_refused_used_nothing() {
    let data = TempDir::new().unwrap();
    let world = World::metered(data.path(), PRICES).await;
    let begun = format!("{}10000\r\n", STREAM.replace("connection: close", "transfer-encoding: chunked"));
    let event = "data: {\"type\":\"response.output_text.delta\",\"delta\":\"12345678\"}\n\n";
    let body = r#"{"model":"m","stream":true}"#;

    // The upstream breaks off.
    let (mut answer, mut exchange) =
        tokio::join!(world.begin(world.request(), body), world.upstream.answer(&begun));
    exchange.send(event).await;
    assert_eq!(soon(answer.frame()).await.unwrap().unwrap().into_data().unwrap(), event);
    drop(exchange);
    assert!(soon(answer.frame()).await.unwrap().is_err());
    // The caller leaves in the middle.
    let (mut answer, mut exchange) =
        tokio::join!(world.begin(world.request(), body), world.upstream.answer(&begun));
    exchange.send(event).await;
    assert_eq!(soon(answer.frame()).await.unwrap().unwrap().into_data().unwrap(), event);
    drop(answer);
    exchange.abandoned().await;
    // The caller leaves before the answer.
    let mut caller = TcpStream::connect(world.gateway).await.unwrap();
    let token = world.issuer.token();
    let head = format!(
        "POST /v1/responses HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    caller.write_all(head.as_bytes()).await.unwrap();
    let exchange = world.upstream.next().await;
    drop(caller);
    exchange.abandoned().await;
    // The upstream refuses.
    let refusal = "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (answer, _) = tokio::join!(world.send(world.request(), body), world.upstream.answer(refusal));
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);

    ended(world).await;
    let line = |state: &str, tokens, is_estimate, price, status| -> Line {
        ("responses".into(), Some("m".into()), state.into(), tokens, is_estimate, Some(price), status)
    };
    // 27 bytes of question are taken for 7 tokens, and 8 of the answer for 2.
    assert_eq!(
        ledger(data.path()),
        [
            line("aborted", [7, 0, 2, 0], true, 27_000, Some(200)),
            line("aborted", [7, 0, 2, 0], true, 27_000, Some(200)),
            line("aborted", [7, 0, 0, 0], true, 7_000, None),
            line("settled", [0; 4], false, 0, Some(429)),
        ]
    );
}

#[tokio::test]
async fn what_cannot_be_written_down_or_counted_is_not_sent() {
    let data = TempDir::new().unwrap();
    let world = World::metered(data.path(), PRICES).await;
    for request in [
        world.request().header("content-encoding", "zstd"),
        world.request().header("content-type", "text/plain"),
    ] {
        let answer = world.send(request, r#"{"model":"m"}"#).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "invalid_json".into()));
    }
    let full = "CREATE TRIGGER full BEFORE INSERT ON reserved BEGIN SELECT RAISE(ABORT, 'full'); END";
    Connection::open(data.path().join("ledger.sqlite")).unwrap().execute_batch(full).unwrap();

    let answer = world.send(world.request(), r#"{"model":"m"}"#).await;

    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    let message = "The gateway cannot write down what is used, and sends nothing that is not written down. This is the \
                   gateway's fault; its administrator must look after its data folder";
    assert_eq!(
        body["error"],
        json!({ "message": message, "type": "server_error", "param": null, "code": "ledger_unavailable" })
    );
    assert!(world.upstream.saw_nothing());
    ended(world).await;
    assert_eq!(ledger(data.path()), Vec::<Line>::new());
}

/// Reads a request whole, and returns the model that it names.
async fn model_of(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8(bytes.clone()).unwrap();
        let Some((_, body)) = text.split_once("\r\n\r\n") else { continue };
        if let Ok(body) = serde_json::from_str::<Value>(body) {
            return Some(body["model"].as_str().unwrap().to_owned());
        }
    }
}

/// Answers until it is dropped, every third request never to its end; notes every model that it was asked for.
async fn serve(listener: TcpListener, seen: Arc<Mutex<Vec<String>>>, more: Arc<Notify>) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (seen, more) = (Arc::clone(&seen), Arc::clone(&more));
        tokio::spawn(async move {
            let Some(model) = model_of(&mut stream).await else { return };
            let count = {
                let mut seen = seen.lock().unwrap();
                seen.push(model);
                seen.len()
            };
            more.notify_one();
            let text =
                format!("{STREAM}data: {{\"type\":\"response.output_text.delta\",\"delta\":\"hi\"}}\n\n");
            stream.write_all(text.as_bytes()).await.ok();
            if count.is_multiple_of(3) {
                // It ends when the gateway does.
                stream.read_u8().await.ok();
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_upstream_saw_is_in_the_ledger_once_whenever_the_gateway_is_killed() {
    const CALLERS: usize = 24;
    let (data, issuer) = (TempDir::new().unwrap(), FakeIssuer::start().await);
    let token = issuer.token_of_today();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    let (seen, more) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(Notify::new()));
    let serving = tokio::spawn(serve(listener, Arc::clone(&seen), Arc::clone(&more)));

    for round in 1..=3 {
        let arguments =
            ["--listen", "127.0.0.1:0", "--issuer", &issuer.url, "--audience", crate::world::AUDIENCE];
        let data = ["--upstream", &upstream, "--data", data.path().to_str().unwrap()];
        let program = Program::start(&[&arguments[..], &data].concat(), 1_024).await;
        let address = program.address;
        let before = seen.lock().unwrap().len();
        let ask = async |number: usize| -> std::io::Result<()> {
            let body = format!(r#"{{"model":"m-{round}-{number}","stream":true}}"#);
            let mut stream = TcpStream::connect(address).await?;
            let request = format!(
                "POST /v1/responses HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\
                 content-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(request.as_bytes()).await?;
            // Some leave in the middle.
            if number.is_multiple_of(5) {
                stream.read_u8().await.map(drop)
            } else {
                let mut answer = Vec::new();
                let rest = stream.read_to_end(&mut answer);
                // What never ends is left after a while.
                tokio::time::timeout(Duration::from_millis(200), rest)
                    .await
                    .map_or(Ok(()), |read| read.map(drop))
            }
        };
        let load = async {
            let mut running: FuturesUnordered<_> = FuturesUnordered::new();
            let mut next = 0;
            let mut listens = true;
            while listens || !running.is_empty() {
                while listens && running.len() < CALLERS {
                    running.push(ask(next));
                    next += 1;
                }
                listens &= running.next().await.is_none_or(|outcome| outcome.is_ok());
            }
        };
        let enough = async {
            while seen.lock().unwrap().len() < before + 50 * round {
                more.notified().await;
            }
            program.kill().await;
        };
        // The load ends by itself once nobody listens any more.
        soon(async { tokio::join!(load, enough) }).await;
    }
    serving.abort();

    let seen = seen.lock().unwrap().clone();
    let mut written = BTreeMap::<String, Vec<Option<String>>>::new();
    let connection = Connection::open(data.path().join("ledger.sqlite")).unwrap();
    let mut query =
        connection.prepare("SELECT model, state FROM reserved LEFT JOIN ended USING (request_id)").unwrap();
    let mut rows = query.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        written.entry(row.get(0).unwrap()).or_default().push(row.get(1).unwrap());
    }
    let unique: BTreeSet<&String> = seen.iter().collect();
    assert_eq!(unique.len(), seen.len(), "the upstream saw a request twice");
    for model in &seen {
        assert_eq!(written.get(model).map(Vec::len), Some(1), "{model}");
    }
    let states: BTreeSet<_> = written.values().flatten().map(Option::as_deref).collect();
    assert_eq!(states, BTreeSet::from([None, Some("aborted"), Some("settled")]));
}
