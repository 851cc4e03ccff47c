//! Probes and metrics, and the limits of a connection.

use crate::browser::Browser;
use crate::rest::contains;
use crate::world::{Kept, PASSWORD, World, codex_request, on_both};
use keyfob_testing::postgres::Stop;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

on_both!(i_78_probes_tell_that_the_issuer_lives_and_is_ready);
async fn i_78_probes_tell_that_the_issuer_lives_and_is_ready(kept: Kept) {
    let world = World::keeping(kept).await;
    let mut operator = Browser::new(&world.operations().await);

    assert_eq!(operator.get("/live").await.status, 200);
    let ready = operator.get("/ready").await;
    assert_eq!((ready.status, ready.json()), (200, serde_json::json!({ "ready": true, "database": "ok" })));
    assert_eq!(operator.get("/debug/pprof").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn i_78_without_its_database_the_issuer_lives_and_is_not_ready_until_it_is_back() {
    let world = World::keeping(Kept::OnOwnServer).await;
    let mut operator = Browser::new(&world.operations().await);
    world.query("ALTER TABLE audit_head RENAME TO elsewhere").await;

    let ready = operator.get("/ready").await;

    assert_eq!((ready.status, ready.json()["ready"].as_bool()), (503, Some(false)));
    assert_eq!(operator.get("/live").await.status, 200);
    world.query("ALTER TABLE elsewhere RENAME TO audit_head").await;
    world.postgres.as_ref().unwrap().restart(Stop::Fast).unwrap();
    assert_eq!(operator.get("/ready").await.status, 200);
}

#[tokio::test]
async fn i_78_nothing_of_it_is_public() {
    let world = World::start().await;
    for path in ["/metrics", "/live", "/ready", "/debug", "/debug/pprof", "/livez", "/readyz", "/health"] {
        assert_eq!(world.browser().get(path).await.status, 404, "{path}");
    }
    assert_eq!(world.browser().get("/healthz").await.body, "ok\n", "no detail");
}

fn series(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
}

#[tokio::test]
async fn i_78_metrics_hold_no_secret_and_grow_with_nothing_that_a_request_brings() {
    let world = World::start().await;
    let mut operator = Browser::new(&world.operations().await);
    let tokens = world.tokens().await;
    let mut browser = world.browser();
    let interaction = world.begin(&mut browser, &codex_request()).await;
    world.sign_in(&mut browser, &interaction, "wrong horse").await;
    let request = async |number: u32| {
        let method = reqwest::Method::from_bytes(format!("M{number}").as_bytes()).unwrap();
        world.browser().call(method, &format!("/nowhere/{number}?mia@example.org"), "token", None).await;
    };
    request(0).await;
    let before = operator.get("/metrics").await;

    for number in 1..50 {
        request(number).await;
    }

    let after = operator.get("/metrics").await.body;
    assert_eq!(series(&after), series(&before.body));
    let nowhere = r#"keyfob_issuer_http_requests_total{route="none",method="Other",status="404"} 50"#;
    assert!(after.contains(nowhere), "{after}");
    assert!(after.contains(r#"route="/oauth/token",method="Post",status="200"} 1"#), "{after}");
    let rest = after.into_bytes();
    let grant = interaction.rsplit('/').next().unwrap();
    for secret in [PASSWORD, "mia", &*tokens.refresh, &tokens.access, grant] {
        assert!(!contains(&rest, secret), "{secret}");
    }
}

/// Sends `bytes` and returns the first line of the answer; nothing when there is none.
async fn answer_to(world: &World, bytes: &[u8]) -> String {
    let address = world.base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut answer = Vec::new();
    // An issuer that has answered already may have closed.
    drop(stream.write_all(bytes).await);
    drop(tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await);
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn i_76_heads_and_bodies_that_are_too_large_or_packed_are_refused() {
    let world = World::start().await;
    let host = world.base.strip_prefix("http://").unwrap();
    let head = |extra: &str| format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{extra}\r\n");
    let many = "h: v\r\n".repeat(101);
    let large = format!("cookie: {}\r\n", "x".repeat(17 * 1024));

    assert_eq!(answer_to(&world, head("").as_bytes()).await, "HTTP/1.1 200 OK");
    for refused in [many, large] {
        let said = answer_to(&world, head(&refused).as_bytes()).await;
        assert_eq!(said, "HTTP/1.1 431 Request Header Fields Too Large");
    }
    let packed = world
        .browser()
        .post_form_with("/oauth/token", &[("content-encoding", "gzip")], &[("grant_type", "refresh_token")])
        .await;
    assert_eq!(packed.status, 415);
    let body = "x".repeat(65 * 1024);
    let large = world.browser().post("/oauth/token", &[("grant_type", &*body)]).await;
    assert_eq!(large.status, 413);
}

#[tokio::test]
async fn i_76_whoever_sends_a_head_or_a_body_slowly_is_let_go() {
    let world = World::start().await;
    let host = world.base.strip_prefix("http://").unwrap();
    let head = format!("GET / HTTP/1.1\r\nhost: {host}\r\nx-slow: ");
    let body = format!(
        "POST /oauth/token HTTP/1.1\r\nhost: {host}\r\ncontent-length: 100\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\n\r\ngrant"
    );

    let (head, body) = tokio::join!(answer_to(&world, head.as_bytes()), answer_to(&world, body.as_bytes()));

    assert_eq!((&*head, &*body), ("", "HTTP/1.1 408 Request Timeout"));
}
