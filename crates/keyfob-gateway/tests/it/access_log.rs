//! The log of requests: one line for each, whatever it holds, and nothing of what was said.

use crate::command_line::{edge, signalled, started_as};
use crate::world::{FakeIssuer, soon};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const CANARY: &str = "canary-0123456789";

/// Paths that would be more than one line, or more than text, and as what they are logged.
fn paths() -> Vec<(String, String)> {
    let same = |path: &str| (path.to_owned(), path.to_owned());
    vec![
        same("/v1/responses"),
        same("/v1/a\"b\"c"),
        same("/v1/{\"status\":200}"),
        same("/v1/a%0d%0aGET%20/v1/b"),
        same("/v1/%1b[31mred"),
        same("/v1/a'b,c~d"),
        (format!("/v1/{}", "x".repeat(10_000)), format!("/v1/{}", "x".repeat(508))),
    ]
}

/// Sends each path with what must not be logged, and returns the lines that the program writes until it ends.
async fn lines(format: &str) -> Vec<String> {
    let issuer = FakeIssuer::start().await;
    let mut command = edge(&["--issuer", &issuer.url, "--upstream", "demo"]);
    let (mut child, address, mut lines) = started_as(command.env("KEYFOB_LOG_FORMAT", format), &issuer).await;
    for (path, _) in paths() {
        let agent = format!("{CANARY}\" \u{e9} \\ {}", "y".repeat(10_000));
        let request = format!(
            "POST {path}?key={CANARY} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {CANARY}\r\ncookie: a={CANARY}\r\n\
             x-api-key: {CANARY}\r\nuser-agent: {agent}\r\nconnection: close\r\ncontent-length: 17\r\n\r\n{CANARY}"
        );
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        soon(stream.read_to_end(&mut answer)).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 401 "), "{path}");
    }
    assert_eq!(signalled(&mut child, "-TERM").await, Some(0));
    let mut said = Vec::new();
    while let Some(line) = soon(lines.next_line()).await.unwrap() {
        said.push(line);
    }
    said
}

#[tokio::test]
async fn g_41_each_request_is_one_json_line_without_what_was_said_in_it() {
    let lines = lines("json").await;

    let mut logged = Vec::new();
    for line in &lines {
        assert!(!line.contains(CANARY), "{line}");
        let mut line: Value = serde_json::from_str(line).unwrap();
        let fields = line.as_object_mut().unwrap();
        for differing in ["timestamp", "request.id", "ms"] {
            assert!(fields.remove(differing).is_some(), "{differing}");
        }
        logged.push(line);
    }
    let expected: Vec<Value> = paths()
        .into_iter()
        .map(|(_, path)| {
            json!({
                "level": "INFO", "message": "request", "method": "POST", "path": path, "status": 401,
                "bytes": logged[0]["bytes"], "ended": "whole", "target": "keyfob_gateway::record",
            })
        })
        .collect();
    assert_eq!(logged, expected);
}

#[tokio::test]
async fn g_41_in_the_text_for_people_each_request_is_one_line_too() {
    let lines = lines("text").await;

    assert_eq!(lines.len(), paths().len(), "{lines:#?}");
    for (line, (_, path)) in lines.iter().zip(paths()) {
        assert!(line.contains(&format!("method=POST path={path} status=401")), "{line}");
        assert!(!line.contains(CANARY) && !line.contains(char::is_control), "{line:?}");
    }
}
