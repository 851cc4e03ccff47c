//! The program: what it refuses, what it says, how it ends.

use crate::world::{FakeIssuer, soon};
use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Output, Stdio};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, Command};

pub(crate) fn edge(arguments: &[&str]) -> Command {
    edge_at("127.0.0.1:0", arguments)
}

/// The program with this configuration.
pub(crate) fn configured(config: &Path) -> Command {
    let mut command = program();
    command.arg("--config").arg(config);
    command
}

fn edge_at(address: &str, arguments: &[&str]) -> Command {
    let mut command = program();
    command.args(["--listen", address]).args(arguments);
    command
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyfob-gateway"));
    command.arg("edge").kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn refusal(arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = soon(edge(arguments).output()).await.unwrap();
    assert_eq!(status.code(), Some(2), "{arguments:?}");
    assert_eq!(stdout, b"");
    String::from_utf8(stderr).unwrap()
}

fn key_file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[tokio::test]
async fn g_11_an_upstream_that_is_not_safe_is_refused_at_the_start() {
    let refused = [
        ("http://10.0.0.1/v1", "the upstream must use https; http is allowed only on loopback"),
        ("https://u:hunter2@api.test/v1", "the upstream must have no user, query or fragment"),
        ("https://api.test/v1?key=1", "the upstream must have no user, query or fragment"),
        ("nonsense", "\"nonsense\" is neither a URL nor `demo`"),
    ];
    for (upstream, reason) in refused {
        let said = refusal(&["--issuer", "https://id.test", "--upstream", upstream]).await;
        assert_eq!(said, format!("keyfob-gateway: error: --upstream: {reason}\n"));
    }
}

#[tokio::test]
async fn there_is_no_silent_default() {
    for arguments in [&["--issuer", "https://id.test"][..], &["--upstream", "demo"]] {
        assert!(refusal(arguments).await.contains("required arguments were not provided"));
    }
    assert!(refusal(&["--config", "x.toml"]).await.contains("cannot be used with one or more of the other"));
    let issuer = refusal(&["--issuer", "http://id.test", "--upstream", "demo"]).await;
    assert_eq!(
        issuer,
        "keyfob-gateway: error: --issuer: \"http://id.test\" must use https; http is allowed only on loopback\n"
    );
}

#[tokio::test]
async fn g_15_a_key_that_would_break_a_header_is_refused_and_not_shown() {
    for text in ["", "\n", "sk-hunter2\nx: y", "sk-hunter2\0", "sk-hünter2"] {
        let file = key_file(text);
        let path = file.path().to_str().unwrap();
        let upstream = ["--upstream", "https://api.test/v1", "--upstream-key-file", path];

        let said = refusal(&[&["--issuer", "https://id.test"][..], &upstream].concat()).await;

        assert!(said.contains("--upstream-key-file"), "{said}");
        assert!(!said.contains("nter2"), "{said}");
    }
}

/// Starts the demo and returns it, its address, and what it says from here on.
async fn started(issuer: &FakeIssuer) -> (Child, String, Lines<BufReader<ChildStderr>>) {
    started_as(&mut edge(&["--issuer", &issuer.url, "--upstream", "demo"]), issuer).await
}

/// The same of a command for it.
pub(crate) async fn started_as(
    command: &mut Command,
    issuer: &FakeIssuer,
) -> (Child, String, Lines<BufReader<ChildStderr>>) {
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let warning = soon(lines.next_line()).await.unwrap().unwrap();
    assert_eq!(warning, "keyfob-gateway: warning: answers come from the built-in demo, not from a model");
    let ready = soon(lines.next_line()).await.unwrap().unwrap();
    let rest = ready.strip_prefix("keyfob-gateway: edge on http://").unwrap();
    let address = rest.strip_suffix(&format!(", issuer {}, upstream demo", issuer.url)).unwrap();
    (child, address.to_owned(), lines)
}

pub(crate) async fn signalled(child: &mut Child, signal: &str) -> Option<i32> {
    let id = child.id().unwrap().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
    soon(child.wait()).await.unwrap().code()
}

#[tokio::test]
async fn it_says_what_it_serves_and_ends_well_on_a_signal() {
    let issuer = FakeIssuer::start().await;
    for signal in ["-INT", "-TERM"] {
        let (mut child, address, _lines) = started(&issuer).await;

        assert!(TcpStream::connect(&address).await.is_ok());
        assert_eq!(signalled(&mut child, signal).await, Some(0), "{signal}");
        assert!(TcpStream::connect(&address).await.is_err());
    }
}

#[tokio::test]
async fn a_request_is_one_log_line_without_what_was_said() {
    let issuer = FakeIssuer::start().await;
    let (mut child, address, mut lines) = started(&issuer).await;
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let request = "POST /v1/responses?canary=1 HTTP/1.1\r\nhost: g\r\nauthorization: Bearer canary\r\n\
                   x-note: canary\r\nconnection: close\r\ncontent-length: 6\r\n\r\ncanary";
    stream.write_all(request.as_bytes()).await.unwrap();
    soon(stream.read_to_end(&mut Vec::new())).await.unwrap();
    assert_eq!(signalled(&mut child, "-TERM").await, Some(0));

    let mut said = Vec::new();
    while let Some(line) = soon(lines.next_line()).await.unwrap() {
        said.push(line);
    }

    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("method=POST path=/v1/responses status=401"), "{said:?}");
    assert!(!said[0].contains("canary"), "{said:?}");
}

#[tokio::test]
async fn every_core_serves_and_an_orderly_end_writes_every_line_of_the_log() {
    let issuer = FakeIssuer::start().await;
    let (mut child, address, mut lines) = started(&issuer).await;
    let ask = async |address: String| {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let request = "GET /healthz HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    };

    soon(futures_util::future::join_all((0..300).map(|_| ask(address.clone())))).await;
    // A thread has its name from itself, so it is looked at once each has served.
    let tasks = std::fs::read_dir(format!("/proc/{}/task", child.id().unwrap())).unwrap();
    let name = |task: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(task.unwrap().path().join("comm")).unwrap()
    };
    let threads = tasks.map(name).filter(|name| name.starts_with("serve-")).count();
    assert_eq!(signalled(&mut child, "-TERM").await, Some(0));

    let mut said = 0;
    while let Some(line) = soon(lines.next_line()).await.unwrap() {
        said += usize::from(line.contains("path=/healthz status=200"));
    }
    assert_eq!((said, threads + 1), (300, std::thread::available_parallelism().unwrap().get()));
}

#[tokio::test]
async fn a_port_is_not_shared_with_another_gateway() {
    let issuer = FakeIssuer::start().await;
    let (_child, address, _lines) = started(&issuer).await;

    let mut other = edge_at(&address, &["--issuer", &issuer.url, "--upstream", "demo"]);
    let said = soon(other.output()).await.unwrap();

    assert_eq!(said.status.code(), Some(1), "{said:?}");
    assert!(String::from_utf8(said.stderr).unwrap().contains(&format!("cannot listen on {address}")));
}

#[tokio::test]
async fn a_key_file_that_others_can_read_is_warned_about() {
    for (mode, warned) in [(0o600, false), (0o640, true), (0o604, true)] {
        let file = key_file("sk-hunter2\n");
        file.as_file().set_permissions(Permissions::from_mode(mode)).unwrap();
        let path = file.path().to_str().unwrap();
        let upstream = ["--upstream", "http://127.0.0.1:9/v1", "--upstream-key-file", path];
        let mut child = edge(&[&["--issuer", "http://127.0.0.1:9"][..], &upstream].concat()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();

        let first = soon(lines.next_line()).await.unwrap().unwrap();

        assert_eq!(first.contains("others can read the upstream's key"), warned, "{mode:o}: {first}");
        assert!(!first.contains("hunter2"));
    }
}
