//! Which requests reach the upstream, and what is made of its answers.

use crate::world::{AUDIENCE, FakeUpstream, UPSTREAM_KEY, World};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use std::fmt::Write as _;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn the_upstreams_base_stands_in_place_of_v1() {
    let world = World::new().await;
    let request = world.request().method("GET").uri("/v1/models?client_version=0.169.0");

    let (answer, exchange) = tokio::join!(world.send(request, ""), world.upstream.answer(OK));

    assert_eq!(answer.text(), "ok");
    assert!(exchange.head.starts_with("GET /base/v1/models?client_version=0.169.0 HTTP/1.1\r\n"));
}

#[tokio::test]
async fn an_older_version_on_one_side_is_not_spoken_on_the_other() {
    for (of_caller, of_upstream) in [("1.0", "1.1"), ("1.1", "1.0")] {
        let world = World::new().await;
        let request = format!(
            "GET /v1/models HTTP/{of_caller}\r\nhost: g\r\nconnection: close\r\nauthorization: Bearer {}\r\n\r\n",
            world.issuer.token()
        );
        let bytes = format!("HTTP/{of_upstream} 200 OK\r\ncontent-length: 2\r\n\r\nok");

        let (answer, exchange) = tokio::join!(world.send_raw(&request), world.upstream.answer(&bytes));

        assert!(answer.starts_with(&format!("HTTP/{of_caller} 200 ")), "{answer}");
        assert!(exchange.head.starts_with("GET /base/v1/models HTTP/1.1\r\n"), "{}", exchange.head);
    }
}

#[tokio::test]
async fn g_19_a_body_where_a_request_has_none_is_refused_and_ends_the_connection() {
    let world = World::new().await;
    let second = "GET /v1/canary HTTP/1.1\r\nhost: g\r\n\r\n";
    for method in ["GET", "HEAD"] {
        for body in ["content-length: 2\r\n\r\n{}", "transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"]
        {
            let head = format!(
                "{method} /v1/models HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {}",
                world.issuer.token()
            );

            let answer = world.send_raw(&format!("{head}\r\n{body}{second}")).await;

            assert!(answer.starts_with("HTTP/1.1 400 "), "{method} {body:?}: {answer}");
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{method} {body:?}: {answer}");
        }
    }
    assert!(world.upstream.saw_nothing());
}

#[tokio::test]
async fn g_08_nothing_in_a_request_changes_where_it_goes() {
    let world = World::new().await;
    let canary = FakeUpstream::start().await;
    let (address, token) = (canary.address, world.issuer.token());
    let kept = [
        ("/v1/models".to_owned(), format!("host: {address}")),
        ("/v1/models".into(), format!("host: user@{address}")),
        ("/v1/models".into(), format!("host: g\r\nx-base-url: http://{address}")),
        ("/v1/models".into(), format!("host: g\r\nx-forwarded-host: {address}")),
        ("/v1/models".into(), format!("host: g\r\nx-original-url: http://{address}/")),
        (format!("/v1/models?api_base=http://{address}"), "host: g".into()),
        (format!("/v1/models?base_url=http://{address}"), "host: g".into()),
    ];
    for (target, headers) in kept {
        let request = format!(
            "GET {target} HTTP/1.1\r\n{headers}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
        );
        let (answer, exchange) = tokio::join!(world.send_raw(&request), world.upstream.answer(OK));
        assert!(answer.starts_with("HTTP/1.1 200 "), "{headers}: {answer}");
        assert_eq!(exchange.header("host"), [world.upstream.address.to_string()], "{headers}");
        assert_eq!(exchange.header("x-base-url"), [""; 0]);
    }
    let refused = [
        format!("GET http://{address}/v1/models HTTP/1.1"),
        format!("GET //{address}/v1/models HTTP/1.1"),
        format!("GET @{address}/v1/models HTTP/1.1"),
        format!("CONNECT {address} HTTP/1.1"),
    ];
    for line in refused {
        let request =
            format!("{line}\r\nhost: g\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n");
        let answer = world.send_raw(&request).await;
        assert!(answer.starts_with("HTTP/1.1 40"), "{line}: {answer}");
    }
    assert!(world.upstream.saw_nothing());
    assert!(canary.saw_nothing());
}

#[tokio::test]
async fn g_12_g_20_tunnels_and_upgrades_are_refused_and_end_the_connection() {
    let world = World::new().await;
    let token = world.issuer.token();
    let heads = [
        ("CONNECT evil.test:443 HTTP/1.1\r\nhost: evil.test", "405"),
        ("TRACE /v1/models HTTP/1.1\r\nhost: g", "405"),
        ("OPTIONS * HTTP/1.1\r\nhost: g", "400"),
        ("GET http://g/v1/models HTTP/1.1\r\nhost: g", "400"),
        ("GET /v1/responses HTTP/1.1\r\nhost: g\r\nconnection: upgrade\r\nupgrade: websocket", "501"),
        ("GET /v1/models HTTP/1.1\r\nhost: g\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c", "501"),
        ("PRI * HTTP/2.0\r\nhost: g", "400"),
    ];
    for (head, status) in heads {
        let second = format!("GET /v1/models HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {token}\r\n\r\n");
        let request = format!("{head}\r\nauthorization: Bearer {token}\r\n\r\n{second}");

        let answer = world.send_raw(&request).await;

        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{head}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{head}: {answer}");
    }
    assert!(world.upstream.saw_nothing());
}

#[tokio::test]
async fn g_19_requests_with_two_lengths_never_become_two_requests() {
    let world = World::new().await;
    let token = world.issuer.token();
    let smuggled = "GET /v1/canary HTTP/1.1\r\nhost: g\r\n\r\n";
    let framings = [
        "content-length: 5\r\ncontent-length: 6",
        "content-length: +5",
        "content-length: 0x5",
        "content-length: 5,5",
        "transfer-encoding: xchunked",
        "transfer-encoding: chunked, identity",
        "transfer-encoding : chunked",
        " transfer-encoding: chunked",
    ];
    for framing in framings {
        let request = format!(
            "POST /v1/responses HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {token}\r\n{framing}\r\n\r\n0\r\n\r\n{smuggled}"
        );

        let answer = world.send_raw(&request).await;

        assert!(answer.starts_with("HTTP/1.1 400 "), "{framing}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{framing}: {answer}");
    }
    assert!(world.upstream.saw_nothing());
}

#[tokio::test]
async fn g_10_redirects_of_the_upstream_are_not_followed() {
    let world = World::new().await;
    let canary = FakeUpstream::start().await;

    for status in [300, 301, 302, 303, 304, 307, 308] {
        let bytes = format!(
            "HTTP/1.1 {status} Elsewhere\r\nlocation: http://{}/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            canary.address
        );
        let (answer, _) = tokio::join!(world.send(world.request(), "{}"), world.upstream.answer(&bytes));

        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_GATEWAY, "upstream_redirect".into()));
        assert!(!answer.headers.contains_key("location"));
    }
    assert!(canary.saw_nothing());
}

#[tokio::test]
async fn an_upstreams_refusal_of_our_key_is_the_gateways_affair() {
    let world = World::new().await;
    let bytes =
        format!("HTTP/1.1 401 Unauthorized\r\ncontent-length: {}\r\n\r\n{UPSTREAM_KEY}", UPSTREAM_KEY.len());

    let (answer, _) = tokio::join!(world.send(world.request(), "{}"), world.upstream.answer(&bytes));

    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_GATEWAY, "upstream_refused_gateway".into()));
    assert!(!answer.text().contains(UPSTREAM_KEY));
}

#[tokio::test]
async fn g_17_an_error_that_repeats_our_key_is_not_passed_on() {
    let world = World::new().await;
    let body = format!("no such model for {UPSTREAM_KEY}");
    let bytes = format!("HTTP/1.1 400 Bad Request\r\ncontent-length: {}\r\n\r\n{body}", body.len());

    let (answer, _) = tokio::join!(world.send(world.request(), "{}"), world.upstream.answer(&bytes));

    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_GATEWAY, "upstream_unusable".into()));
    assert!(!answer.text().contains(UPSTREAM_KEY));
}

#[tokio::test]
async fn other_errors_of_the_upstream_pass_as_they_are() {
    let world = World::new().await;
    let bytes = "HTTP/1.1 429 Slow Down\r\nretry-after: 3\r\ncontent-length: 4\r\n\r\nslow";

    let (answer, _) = tokio::join!(world.send(world.request(), "{}"), world.upstream.answer(bytes));

    assert_eq!((answer.status, answer.text()), (StatusCode::TOO_MANY_REQUESTS, "slow".into()));
    assert_eq!(answer.headers["retry-after"], "3");
}

#[tokio::test]
async fn an_upstream_that_is_away_is_named_as_the_fault() {
    let mut world = World::new().await;
    world.upstream = FakeUpstream::start().await;

    let answer = world.send(world.request(), "{}").await;

    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_GATEWAY, "upstream_unreachable".into()));
}

#[tokio::test]
async fn g_32_a_request_that_the_upstream_broke_off_is_not_sent_again() {
    let world = World::new().await;

    let (answer, ()) = tokio::join!(world.send(world.request(), "{}"), async {
        world.upstream.next().await.reset();
    });

    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_GATEWAY, "upstream_unusable".into()));
    assert!(world.upstream.saw_nothing());
}

#[tokio::test]
async fn g_32_a_kept_connection_that_the_upstream_closed_costs_no_request() {
    let world = World::new().await;
    let whole = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    let (first, exchange) = tokio::join!(world.send(world.request(), "{}"), world.upstream.answer(whole));

    drop(exchange);
    let (second, _exchange) = tokio::join!(world.send(world.request(), "{}"), world.upstream.answer(whole));

    assert_eq!([first.text(), second.text()], ["ok", "ok"]);
    assert!(world.upstream.saw_nothing());
}

#[tokio::test]
async fn g_23_a_body_that_announces_too_much_is_refused_at_once() {
    let world = World::new().await;
    let length = 32 * 1024 * 1024 + 1;
    let request = format!(
        "POST /v1/responses HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {}\r\ncontent-length: {length}\r\n\r\n",
        world.issuer.token()
    );

    let answer = world.send_raw(&request).await;

    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(world.upstream.saw_nothing());
}

#[tokio::test]
async fn g_23_a_body_that_turns_out_too_large_is_cut_and_its_request_with_it() {
    let world = World::new().await;
    let megabyte = "x".repeat(1024 * 1024);
    let mut request = format!(
        "POST /v1/responses HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {}\r\ntransfer-encoding: chunked\r\n\r\n",
        world.issuer.token()
    );
    for _ in 0..33 {
        write!(request, "100000\r\n{megabyte}\r\n").unwrap();
    }

    let (answer, ()) =
        tokio::join!(world.send_raw(&request), async { world.upstream.next().await.abandoned().await });

    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn g_42_the_public_listener_says_only_that_it_is_there_and_takes_no_orders() {
    let world = World::demo().await;

    let answer = world.send(Request::get("/healthz?verbose").header("host", "g"), "").await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, "ok\n".into()));
    for order in ["/shutdown", "/reload", "/metrics", "/ready", "/live", "/usage"] {
        for method in ["GET", "POST"] {
            let request = Request::builder().method(method).uri(order).header("host", "g");
            let answer = world.send(request, "").await;
            assert_eq!((answer.status, answer.code()), (StatusCode::UNAUTHORIZED, "missing_token".into()));
        }
        assert_eq!(world.send(world.request().uri(order), "{}").await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn s_23_whose_tokens_open_it_is_told_without_one() {
    let world = World::new().await;
    let path = "/.well-known/oauth-protected-resource";

    let answer = world.send(Request::get(path).header("host", "g"), "").await;
    let elsewhere = world.send(Request::get(format!("{path}/v1")).header("host", "g"), "").await;
    let posted = world.send(Request::post(path).header("host", "g"), "").await;

    let document: Value = serde_json::from_str(&answer.text()).unwrap();
    let told = json!({
        "resource": AUDIENCE, "authorization_servers": [world.issuer.url], "bearer_methods_supported": ["header"],
    });
    assert_eq!((answer.status, document), (StatusCode::OK, told));
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!((elsewhere.status, posted.status), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED));
    assert!(world.upstream.saw_nothing());
}
