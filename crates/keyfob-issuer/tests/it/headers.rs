//! What surrounds every answer.

use crate::world::{CALLBACK, PASSWORD, World, authorize, changed, codex_request};

const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

#[tokio::test]
async fn i_19_every_answer_carries_these_headers() {
    let world = World::start().await;
    let mut browser = world.browser();
    let interaction = world.begin(&mut browser, &codex_request()).await;
    let header = |answer: &crate::browser::Answer, name: &str| {
        answer.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };

    for path in
        ["/", "/codex/device", "/nowhere", "/oauth/authorize", "/oauth/token", "/healthz", &*interaction]
    {
        let answer = browser.get(path).await;
        let shown = [
            "cache-control",
            "referrer-policy",
            "x-content-type-options",
            "x-frame-options",
            "cross-origin-opener-policy",
            "content-security-policy",
        ]
        .map(|name| header(&answer, name));
        assert_eq!(shown, ["no-store", "no-referrer", "nosniff", "DENY", "same-origin", POLICY], "{path}");
        assert_eq!(header(&answer, "strict-transport-security"), "", "{path}");
    }
    for path in ["/oauth/jwks", "/.well-known/openid-configuration", "/assets/style.css"] {
        assert_eq!(header(&browser.get(path).await, "cache-control"), "public, max-age=300", "{path}");
    }
    let secure = World::start_as("https://id.example.org").await;
    let answer = secure.browser().get_with("/", ("host", "id.example.org")).await;
    assert_eq!(header(&answer, "strict-transport-security"), "max-age=31536000");
}

#[tokio::test]
async fn i_18_the_confirmation_may_lead_to_its_own_callback_alone() {
    let world = World::start().await;
    let mut browser = world.browser();
    let interaction = world.begin(&mut browser, &codex_request()).await;
    world.sign_in(&mut browser, &interaction, PASSWORD).await;

    let page = browser.get(&interaction).await;

    let origin = CALLBACK.strip_suffix("/auth/callback").unwrap();
    let expected = POLICY.replace("form-action 'self'", &format!("form-action 'self' {origin}"));
    assert_eq!(page.headers["content-security-policy"], *expected);
}

#[tokio::test]
async fn i_18_what_a_request_brings_is_shown_as_text() {
    let world = World::start().await;

    for hostile in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onfocus='alert(1)",
        "</title><svg onload=alert(1)>",
        "{{7*7}}",
        "javascript:alert(1)",
    ] {
        let mut browser = world.browser();
        let request = changed(&codex_request(), &[("login_hint", hostile), ("state", hostile)]);
        let interaction = world.begin(&mut browser, &request).await;
        let page = browser.get(&interaction).await.body;
        for raw in ["<script", "<img", "<svg", "' onfocus"] {
            assert!(!page.contains(raw), "{hostile}");
        }
        let refused = changed(&codex_request(), &[("client_id", hostile)]);
        assert!(!browser.get(&authorize(&refused)).await.body.contains("alert(1)"), "{hostile}");
    }
}

#[tokio::test]
async fn i_20_another_host_gets_a_421_on_every_route() {
    let world = World::start().await;
    let port = world.base.rsplit(':').next().unwrap();
    let hosts = [
        "evil.example",
        &format!("evil.example:{port}"),
        &format!("localhost:{port}"),
        "127.0.0.1:1",
        "h/#@x",
    ];

    for host in hosts {
        for path in ["/", "/oauth/jwks", "/.well-known/openid-configuration", &authorize(&codex_request())] {
            let answer = world.browser().get_with(path, ("host", host)).await;
            assert_eq!((answer.status, answer.location()), (421, None), "{host} {path}");
            assert!(!answer.body.contains("evil"), "{host} {path}");
        }
    }
}

#[tokio::test]
async fn the_published_addresses_come_from_the_settings() {
    let world = World::start_as("https://id.example.org").await;

    let document = world
        .browser()
        .get_with("/.well-known/oauth-authorization-server", ("host", "id.example.org"))
        .await
        .json();

    assert_eq!(document["issuer"], "https://id.example.org");
    assert_eq!(document["token_endpoint"], "https://id.example.org/oauth/token");
    assert_eq!(document["code_challenge_methods_supported"], serde_json::json!(["S256"]));
}
