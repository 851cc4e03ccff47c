//! Another configuration while streams run.

use crate::world::{Answer, Exchange, FakeIssuer, FakeUpstream, NOW, World, soon};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use keyfob_jose::TokenType;
use serde_json::json;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, Command};

/// The program with a file, which a test changes under it.
struct Program {
    folder: TempDir,
    issuer: FakeIssuer,
    upstream: FakeUpstream,
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    address: String,
    admin: String,
    token: String,
}

const ALL: &str = "default = 'allow'\n";
const NO_M: &str = "default = 'allow'\n[[rule]]\nname = 'no m'\nwhen = { models = ['m'] }\noutcome = 'deny'\nmessage = 'not m'\n";

#[expect(clippy::disallowed_methods, reason = "the program that is started has the real clock")]
fn real_now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a test's own file")]
fn put(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

/// Returns an address that nobody listens on: the program does not say where it was told to listen for administrators. Its
/// port is below those that the system gives to connections.
fn free_address() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = u16::try_from(std::process::id() % 12_000).unwrap();
    loop {
        let port = 20_000 + (own + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        let address = format!("127.0.0.1:{port}");
        if std::net::TcpListener::bind(&address).is_ok() {
            return address;
        }
    }
}

impl Program {
    async fn start() -> Self {
        Self::start_with(|folder, issuer, upstream, admin| {
            put(&folder.join("gateway.toml"), &Self::file(issuer, upstream, admin, ""));
            vec!["--config".into(), folder.join("gateway.toml").display().to_string()]
        })
        .await
    }

    async fn start_with(
        arguments: impl FnOnce(&Path, &FakeIssuer, &FakeUpstream, &str) -> Vec<String>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (issuer, upstream) = (FakeIssuer::start().await, FakeUpstream::start().await);
        let mut claims = issuer.claims();
        (claims["iat"], claims["exp"]) = (json!(real_now() - 10), json!(real_now() + 600));
        let token = issuer.key.sign(TokenType::AccessToken, &claims).unwrap();
        let admin = free_address();
        put(&folder.path().join("policy.toml"), ALL);
        put(&folder.path().join("model.key"), "sk-first\n");
        let mut child = Command::new(env!("CARGO_BIN_EXE_keyfob-gateway"))
            .arg("edge")
            .args(arguments(folder.path(), &issuer, &upstream, &admin))
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            // The test's files can be read by others, which is told before.
            let line = soon(lines.next_line()).await.unwrap().unwrap();
            if let Some(rest) = line.strip_prefix("keyfob-gateway: edge on http://") {
                break rest.split_once(',').unwrap().0.to_owned();
            }
        };
        Self { folder, issuer, upstream, child, lines, address, admin, token }
    }

    fn file(issuer: &FakeIssuer, upstream: &FakeUpstream, admin: &str, more: &str) -> String {
        format!(
            "listen = '127.0.0.1:0'\nissuer = '{}'\naudience = '{}'\npolicy = 'policy.toml'\n{more}\n\
             [admin]\nlisten = '{admin}'\n[upstream.models]\nurl = 'http://{}/v1'\nkey_file = 'model.key'\n",
            issuer.url,
            crate::world::AUDIENCE,
            upstream.address
        )
    }

    fn put(&self, name: &str, text: &str) {
        put(&self.folder.path().join(name), text);
    }

    /// Asks for the configuration to be read again; returns what is said of it.
    async fn reload(&mut self) -> String {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-HUP", &id]).status().await.unwrap().success());
        loop {
            let line = soon(self.lines.next_line()).await.unwrap().unwrap();
            if line.contains("configuration") {
                return line;
            }
        }
    }

    async fn begin(&self, address: &str, request: http::request::Builder, body: &str) -> Response<Incoming> {
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        // Owned by the answer: it ends when the answer's body does, or is dropped.
        tokio::spawn(connection);
        let request = request.header("host", address).body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        soon(sender.send_request(request)).await.unwrap()
    }

    /// Begins a request for the model `m`.
    async fn ask(&self) -> Response<Incoming> {
        let request =
            Request::post("/v1/responses").header("authorization", format!("Bearer {}", self.token));
        self.begin(&self.address, request, r#"{"model":"m"}"#).await
    }

    async fn refused(&self) -> Answer {
        whole(self.ask().await).await
    }

    /// Begins a stream; returns both of its ends.
    async fn stream(&self) -> (Response<Incoming>, Exchange) {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        tokio::join!(self.ask(), self.upstream.answer(head))
    }

    async fn metric(&self, name: &str) -> Option<String> {
        let answer = self.begin(&self.admin, Request::get("/metrics"), "").await;
        let text = whole(answer).await.text();
        text.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
    }
}

async fn whole(answer: Response<Incoming>) -> Answer {
    let (parts, body) = answer.into_parts();
    let body = soon(body.collect()).await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// Sends an event to the caller of a stream, who has it then.
async fn event((answer, exchange): &mut (Response<Incoming>, Exchange), number: usize) {
    let event = format!("data: {number}\n\n");
    exchange.send(&format!("{:x}\r\n{event}\r\n", event.len())).await;
    let mut told = Vec::new();
    while told.len() < event.len() {
        let frame = soon(answer.frame()).await.expect("the stream is over").expect("the stream broke off");
        told.extend_from_slice(&frame.into_data().unwrap());
    }
    assert_eq!(String::from_utf8(told).unwrap(), event);
}

#[tokio::test]
async fn g_43_a_hundred_configurations_drop_no_stream_and_each_counts_from_the_next_request_on() {
    let mut program = Program::start().await;
    let mut streams = Vec::new();
    for _ in 0..8 {
        streams.push(program.stream().await);
    }

    for number in 0..100 {
        let denies = number % 2 == 0;
        program.put("policy.toml", if denies { NO_M } else { ALL });
        let said = program.reload().await;
        assert!(said.contains("configuration read again"), "{said}");

        for stream in &mut streams {
            event(stream, number).await;
        }
        if denies {
            let refused = program.refused().await;
            assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "policy_denied".into()));
        } else {
            let (answer, mut exchange) = program.stream().await;
            exchange.send("0\r\n\r\n").await;
            assert_eq!(whole(answer).await.status, StatusCode::OK);
        }
    }

    for (answer, mut exchange) in streams {
        exchange.send("0\r\n\r\n").await;
        assert_eq!(whole(answer).await.body, "");
    }
    let applied = program.metric(r#"keyfob_gateway_config_reloads_total{result="applied"}"#).await;
    assert_eq!(applied.as_deref(), Some("100"));
    assert_eq!(program.metric("keyfob_gateway_stream_aborts_total").await, None);
}

#[tokio::test]
async fn g_43_what_cannot_be_used_changes_nothing_and_is_told_with_its_place() {
    let mut program = Program::start().await;
    let good = Program::file(&program.issuer, &program.upstream, &program.admin, "");
    let missing = good.replace("'model.key'", "'no.key'");
    program.put("model.key", "sk-second\n");
    let wrong = [
        (
            "policy.toml",
            "default = 'alow'\n",
            "policy.toml:1:11: `alow` is no value here; the nearest known one is `allow`",
        ),
        (
            "gateway.toml",
            "listen = '127.0.0.1:0'\nissue = 'x'\n",
            "gateway.toml:2:1: `issue` is no key here; the nearest known one is `issuer`",
        ),
        ("model.key", "two\nlines\n", "model.key holds no usable key"),
        ("gateway.toml", &missing, "cannot read "),
    ];
    for (number, (file, text, reason)) in (1..).zip(wrong) {
        program.put(file, text);

        let said = program.reload().await;

        assert!(said.contains("ERROR") && said.contains("stays in force") && said.contains(reason), "{said}");
        let refused = program.metric(r#"keyfob_gateway_config_reloads_total{result="refused"}"#).await;
        assert_eq!(refused, Some(number.to_string()));
        let (answer, mut exchange) = program.stream().await;
        assert_eq!(exchange.header("authorization"), ["Bearer sk-first"]);
        exchange.send("0\r\n\r\n").await;
        assert_eq!(whole(answer).await.status, StatusCode::OK);
        // What is wrong is mended, and what was right stays as it is.
        program.put("policy.toml", ALL);
        program.put("gateway.toml", &good);
        program.put("model.key", "sk-second\n");
    }

    assert!(program.reload().await.contains("configuration read again"));

    let (answer, exchange) = program.stream().await;
    assert_eq!(exchange.header("authorization"), ["Bearer sk-second"]);
    drop((answer, exchange));
}

#[tokio::test]
async fn g_43_what_holds_until_the_end_is_kept_and_said_and_the_rest_counts() {
    let mut program = Program::start().await;
    let other = FakeUpstream::start().await;
    let text = Program::file(&program.issuer, &other, "127.0.0.1:1", "data = '.'")
        .replace("'127.0.0.1:0'", "'127.0.0.1:1'")
        .replace(&program.issuer.url, "https://other.test");
    program.put("gateway.toml", &text);

    let said = program.reload().await;

    assert!(said.contains("WARN") && said.contains("listen, admin, issuer, data"), "{said}");
    let (answer, mut exchange) =
        tokio::join!(program.ask(), other.answer("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"));
    exchange.send("ok").await;
    assert_eq!(whole(answer).await.text(), "ok");
    assert!(program.upstream.saw_nothing());
    // Limits are counted in a folder that is not there.
    program.put("gateway.toml", &format!("{text}[limits]\nstreams = 1\n"));
    let said = program.reload().await;
    assert!(said.contains("ERROR") && said.contains("`prices` and `limits` need `data`"), "{said}");
}

#[tokio::test]
async fn g_43_a_gateway_of_flags_alone_reads_the_files_again_that_they_name() {
    let mut program = Program::start_with(|folder, issuer, upstream, admin| {
        let file = |name: &str| folder.join(name).display().to_string();
        let upstream = format!("http://{}/v1", upstream.address);
        [
            ("--listen", "127.0.0.1:0"),
            ("--admin", admin),
            ("--issuer", &issuer.url),
            ("--audience", crate::world::AUDIENCE),
            ("--upstream", &upstream),
            ("--upstream-key-file", &file("model.key")),
            ("--policy", &file("policy.toml")),
        ]
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value.to_owned()])
        .collect()
    })
    .await;
    program.put("model.key", "sk-second\n");
    assert!(program.reload().await.contains("configuration read again"));
    let (answer, exchange) = program.stream().await;
    assert_eq!(exchange.header("authorization"), ["Bearer sk-second"]);
    drop((answer, exchange));

    program.put("policy.toml", NO_M);
    assert!(program.reload().await.contains("configuration read again"));

    assert_eq!(program.refused().await.code(), "policy_denied");
}

#[tokio::test]
async fn g_43_changed_limits_hold_for_what_was_used_and_runs_and_a_longer_budget_reads_the_ledger() {
    let prices = "currency = 'USD'\n[[model]]\nname = 'm*'\ninput = 0\noutput = '1000'";
    let data = tempfile::tempdir().unwrap();
    let world = World::limited(data.path(), prices, "budget = '5/hour'\nstreams = 1").await;
    // Two hours ago a request cost six dollars.
    let row = "INSERT INTO reserved (request_id, at, subject, workspace, credential, route, model, upstream, input, output, price) \
               VALUES ('r', ?1, 'u-1', 'w-1', 'access_token', 'responses', 'm', 'default', 0, 6000, 6000000000)";
    let ledger = rusqlite::Connection::open(data.path().join("ledger.sqlite")).unwrap();
    ledger.execute(row, [NOW - 7_200]).unwrap();
    let dollar = r#"{"model":"m","max_output_tokens":1000}"#;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let begin = || async { tokio::join!(world.begin(world.request(), dollar), world.upstream.answer(head)) };
    let refused = || async { world.send(world.request(), dollar).await.code() };

    let first = begin().await;
    assert_eq!(refused().await, "too_many_streams");
    world.hold_to(prices, Some("budget = '5/hour'\nstreams = 2")).await;
    let second = begin().await;
    assert_eq!(refused().await, "too_many_streams");
    world.hold_to(prices, Some("budget = '8/day'")).await;
    assert_eq!(refused().await, "budget_exceeded");
    world.hold_to(prices, Some("[workspace]\nbudget = '9/month'")).await;
    let third = begin().await;
    assert_eq!(refused().await, "budget_exceeded");
    world.hold_to(prices, None).await;
    let fourth = begin().await;
    world.hold_to(prices, Some("budget = '10/day'")).await;
    assert_eq!(refused().await, "budget_exceeded");

    assert!([first, second, third, fourth].iter().all(|(answer, _)| answer.status() == StatusCode::OK));
}
