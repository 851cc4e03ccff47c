//! Who may call, how much, and what is written down of it.

use super::world::{Local, PROVIDER_TOKEN};
use crate::world::soon;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::json;

const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n";

#[tokio::test]
async fn g_02_a_caller_on_loopback_shows_a_tools_key_which_ends_here() {
    let local = Local::new().await;

    let none = local.send(local.bare(), "{}").await;
    assert_eq!((none.status, none.code()), (StatusCode::UNAUTHORIZED, "missing_tool_key".into()));
    assert_eq!(none.headers["www-authenticate"], r#"Bearer realm="keyfob-gateway local""#);
    for wrong in ["kfl-", "kfl-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", PROVIDER_TOKEN, ""] {
        let refused = local.send(local.with_key(wrong), "{}").await;
        assert_eq!((refused.status, refused.code()), (StatusCode::UNAUTHORIZED, "unknown_tool_key".into()));
    }
    let twice = local.request().header("authorization", format!("Bearer {}", local.key));
    assert_eq!(local.send(twice, "{}").await.status, StatusCode::UNAUTHORIZED);
    assert!(local.upstream.saw_nothing());

    let copied = local.request().header("x-copy", local.key.clone());
    let (served, exchange) = tokio::join!(local.send(copied, "{}"), local.reply(200, r#"{"ok":1}"#));

    assert_eq!((served.status, served.text()), (StatusCode::OK, r#"{"ok":1}"#.into()));
    assert!(exchange.head.starts_with("POST /base/v1/responses HTTP/1.1\r\n"), "{}", exchange.head);
    assert_eq!(exchange.header("authorization"), [format!("Bearer {PROVIDER_TOKEN}")]);
    assert!(!exchange.head.contains(&local.key), "{}", exchange.head);
}

#[tokio::test]
async fn g_02_a_program_of_the_same_user_needs_no_key_at_the_socket_and_a_wrong_one_is_refused() {
    let local = Local::new().await;
    let named = |host: &str| {
        Request::post("/v1/responses").header("host", host).header("content-type", "application/json")
    };
    let request = || named("localhost");

    let (served, exchange) = tokio::join!(local.send_to_socket(request()), local.reply(200, "{}"));
    let refused = local.send_to_socket(request().header("authorization", "Bearer kfl-wrong")).await;
    let other_name = local.send_to_socket(named("evil.test")).await;

    assert_eq!(served.status, StatusCode::OK);
    assert_eq!(exchange.header("authorization"), [format!("Bearer {PROVIDER_TOKEN}")]);
    assert_eq!((refused.status, refused.code()), (StatusCode::UNAUTHORIZED, "unknown_tool_key".into()));
    assert_eq!(other_name.status, StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn g_06_a_tool_over_its_quota_is_refused_and_no_other_tool() {
    let local = Local::new().await;
    let (small, large) = (local.tool("small", Some(2)), local.tool("large", Some(1000)));
    let mut told = Vec::new();

    for key in [&small, &small, &small, &large, &small] {
        let send = local.send(local.with_key(key), "{}");
        let served = async {
            tokio::select! {
                answered = send => answered,
                _never = async { loop { local.reply(200, "{}").await; } } => unreachable!(),
            }
        };
        told.push(served.await);
    }

    let statuses: Vec<u16> = told.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses, [200, 200, 429, 200, 429]);
    assert_eq!(told[2].code(), "tool_quota_exceeded");
    assert_eq!(told[2].headers["retry-after"], "30");
}

#[tokio::test]
async fn g_06_each_request_of_a_tool_is_one_line_without_a_word_of_what_was_said() {
    let local = Local::new().await;
    local.tool("other", None);
    let asked = local.request().uri("/v1/responses?canary=1").header("x-note", "canary");

    let (served, _) =
        tokio::join!(local.send(asked, r#"{"input":"canary"}"#), local.reply(200, r#"{"output":"canary"}"#));
    local.send(local.request().uri("/elsewhere"), "{}").await;
    local.send(local.bare(), "{}").await;

    assert_eq!(served.status, StatusCode::OK);
    let line = |path: &str, status: u16, bytes: usize| json!({ "time": 1_800_000_000, "method": "POST", "path": path, "status": status, "bytes": bytes, "ended": "whole" });
    let audit = local.home.audit("tool");
    let not_found = audit[1]["bytes"].as_u64().unwrap();
    assert_eq!(
        audit,
        [
            line("/v1/responses", 200, r#"{"output":"canary"}"#.len()),
            line("/elsewhere", 404, usize::try_from(not_found).unwrap()),
        ]
    );
    assert!(local.home.audit("other").is_empty());
    let path = local.home.own_folder().join("gateway-audit/tool.jsonl");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions());
    assert_eq!(mode & 0o7777, 0o600);
}

#[tokio::test]
async fn g_06_a_revoked_key_opens_nothing_more_and_its_running_stream_is_cut() {
    let local = Local::new().await;
    let other = local.tool("other", None);
    let (mut stream, running) =
        tokio::join!(local.begin(local.request(), "{}"), local.upstream.answer(STREAM));
    let (mut kept, mut kept_upstream) =
        tokio::join!(local.begin(local.with_key(&other), "{}"), local.upstream.answer(STREAM));
    assert_eq!(soon(stream.frame()).await.unwrap().unwrap().into_data().unwrap(), "data: 1\n\n");
    assert_eq!(soon(kept.frame()).await.unwrap().unwrap().into_data().unwrap(), "data: 1\n\n");

    local.revoke("tool");
    let next = local.send(local.request(), "{}").await;

    assert_eq!((next.status, next.code()), (StatusCode::UNAUTHORIZED, "unknown_tool_key".into()));
    assert!(soon(stream.frame()).await.unwrap().is_err(), "a clean end would look like a whole answer");
    running.abandoned().await;
    kept_upstream.send("9\r\ndata: 2\n\n\r\n0\r\n\r\n").await;
    assert_eq!(soon(kept.frame()).await.unwrap().unwrap().into_data().unwrap(), "data: 2\n\n");
    assert!(soon(kept.frame()).await.is_none());
    assert_eq!(local.home.audit("tool")[0]["ended"], "revoked");
}

#[tokio::test]
async fn g_06_a_key_that_is_revoked_before_the_answer_begins_gets_none() {
    let local = Local::new().await;
    let (answered, exchange) = tokio::join!(local.send(local.request(), "{}"), async {
        let exchange = local.upstream.next().await;
        local.revoke("tool");
        exchange
    });

    assert_eq!((answered.status, answered.code()), (StatusCode::UNAUTHORIZED, "unknown_tool_key".into()));
    exchange.abandoned().await;
}

#[tokio::test]
async fn health_needs_no_key_and_a_page_is_not_told() {
    let local = Local::new().await;
    let health = || Request::get("/healthz").header("host", local.address.to_string());

    assert_eq!(local.send(health(), "").await.text(), "ok\n");
    assert_eq!(local.send(health().header("origin", "null"), "").await.status, StatusCode::FORBIDDEN);
}
