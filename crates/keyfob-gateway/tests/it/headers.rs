//! Which headers pass, in both directions.

use crate::world::{UPSTREAM_KEY, World};
use http::{Request, StatusCode};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Every way that was ever used to say who calls.
const IDENTITIES: [&str; 40] = [
    "X-Api-Key",
    "x_api_key",
    "X_API-Key",
    "api-key",
    "api_key",
    "x-goog-api-key",
    "Cookie",
    "Proxy-Authorization",
    "proxy_authorization",
    "Proxy-Authenticate",
    "Proxy-Connection",
    "OpenAI-Organization",
    "openai_organization",
    "OpenAI-Project",
    "openai_project",
    "ChatGPT-Account-Id",
    "chatgpt_account_id",
    "ChatGPT-Account_ID",
    "Forwarded",
    "X-Forwarded-For",
    "x_forwarded_for",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-User",
    "X_Forwarded_Email",
    "X-Real-IP",
    "X-Client-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "X-Auth-Request-User",
    "x_auth_request_email",
    "X-Authenticated-User",
    "X-Remote-User",
    "Remote-User",
    "remote_user",
    "X-User",
    "X-User-Id",
    "x_user_email",
    "X-Account-Id",
    "X-Gateway-Auth",
];

#[tokio::test]
async fn g_13_g_18_what_says_who_calls_stays_behind_and_one_key_goes_up() {
    let world = World::new().await;
    let token = world.issuer.token();
    let mut request = Request::post("/v1/responses")
        .header("host", "gateway.test")
        .header("authorization", format!("Bearer {token}"))
        .header("x-note", format!("again: {token}"))
        .header("session_id", "kept");
    for name in IDENTITIES {
        request = request.header(name, "canary").header(name, "canary");
    }

    let (answer, exchange) = tokio::join!(world.send(request, "{}"), world.upstream.answer(OK));

    assert_eq!(answer.status, StatusCode::OK);
    let head = exchange.head.to_ascii_lowercase();
    assert!(!head.contains("canary"), "{head}");
    assert!(!exchange.head.contains(&token));
    assert_eq!(exchange.header("authorization"), [format!("Bearer {UPSTREAM_KEY}")]);
    assert_eq!(exchange.header("session_id"), ["kept"]);
}

#[tokio::test]
async fn g_14_a_caller_cannot_name_our_headers_away() {
    let nominations = [
        "authorization",
        "close, x-account, Authorization",
        "x-mine , AUTHORIZATION,content-length , host",
        "keep-alive, te, authorization",
    ];
    for nomination in nominations {
        let world = World::new().await;
        let request = world
            .request()
            .header("connection", nomination)
            .header("connection", "x-other")
            .header("x-account", "canary")
            .header("x-mine", if nomination.contains("x-mine") { "canary" } else { "kept" })
            .header("x-other", "canary")
            .header("keep-alive", "timeout=1")
            .header("te", "trailers");

        let (_, exchange) = tokio::join!(world.send(request, "{}"), world.upstream.answer(OK));

        assert_eq!(exchange.header("authorization"), [format!("Bearer {UPSTREAM_KEY}")], "{nomination}");
        assert_eq!(exchange.header("host"), [world.upstream.address.to_string()], "{nomination}");
        assert_eq!(exchange.header("content-length"), ["2"], "{nomination}");
        for gone in ["connection", "keep-alive", "te", "x-other"] {
            assert_eq!(exchange.header(gone), [""; 0], "{nomination}: {gone}");
        }
        if nomination.contains("x-mine") || nomination.contains("x-account") {
            assert!(!exchange.head.contains("canary"), "{nomination}");
        }
    }
}

#[tokio::test]
async fn harmless_headers_pass_in_both_directions() {
    let world = World::new().await;
    let request = world
        .request()
        .header("accept-encoding", "gzip")
        .header("content-type", "application/json")
        .header("x-codex-turn", "1");
    let answer = "HTTP/1.1 201 Created\r\ncontent-type: a/b\r\ncontent-encoding: gzip\r\nretry-after: 7\r\n\
                  openai-processing-ms: 3\r\ncontent-length: 2\r\n\r\nok";

    let (answer, exchange) = tokio::join!(world.send(request, "{}"), world.upstream.answer(answer));

    assert_eq!(exchange.header("accept-encoding"), ["gzip"]);
    assert_eq!(exchange.header("content-type"), ["application/json"]);
    assert_eq!(exchange.header("x-codex-turn"), ["1"]);
    assert_eq!((answer.status, answer.text()), (StatusCode::CREATED, "ok".into()));
    for (name, value) in [
        ("content-type", "a/b"),
        ("content-encoding", "gzip"),
        ("retry-after", "7"),
        ("openai-processing-ms", "3"),
        ("content-length", "2"),
    ] {
        assert_eq!(answer.headers[name], value, "{name}");
    }
}

#[tokio::test]
async fn g_16_g_17_what_an_upstream_says_to_us_stays_here() {
    let world = World::new().await;
    let bytes = format!(
        "HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nset-cookie: b=2\r\naccess-control-allow-origin: *\r\n\
         access-control-allow-credentials: true\r\nalt-svc: h3=\":443\"\r\nkeep-alive: timeout=5\r\n\
         connection: x-secret\r\nx-secret: 1\r\nx-echo: Bearer {UPSTREAM_KEY}\r\nx-request-id: theirs\r\n\
         keyfob-upstream: theirs\r\nkeyfob-data-policy: theirs\r\n\
         content-length: 2\r\n\r\nok"
    );

    let (answer, _) = tokio::join!(world.send(world.request(), "{}"), world.upstream.answer(&bytes));

    let mut names: Vec<&str> = answer.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "date", "keyfob-upstream", "x-request-id"]);
    assert_eq!(answer.headers["x-request-id"], "000000000000000000000001");
    assert_eq!(answer.headers["keyfob-upstream"], "default");
}

#[tokio::test]
async fn g_22_trailers_are_dropped_in_both_directions() {
    let world = World::new().await;
    let token = world.issuer.token();
    let request = format!(
        "POST /v1/responses HTTP/1.1\r\nhost: g\r\nconnection: close\r\ntrailer: authorization\r\nte: trailers\r\n\
         transfer-encoding: chunked\r\nauthorization: Bearer {token}\r\n\r\n2\r\n{{}}\r\n0\r\nauthorization: Bearer x\r\n\r\n"
    );
    let bytes = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: set-cookie\r\n\r\n2\r\nok\r\n0\r\n\
                 set-cookie: a=1\r\n\r\n";

    let (answer, exchange) = tokio::join!(world.send_raw(&request), world.upstream.answer(bytes));

    assert!(answer.ends_with("2\r\nok\r\n0\r\n\r\n"), "{answer}");
    assert!(!answer.contains("set-cookie"), "{answer}");
    assert_eq!(exchange.header("authorization"), [format!("Bearer {UPSTREAM_KEY}")]);
    assert_eq!(exchange.header("trailer"), [""; 0]);
}
