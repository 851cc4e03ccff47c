//! How tokens are brought to the issuer itself, and from where.

use crate::people::make_key;
use crate::world::World;
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::json;

/// Everything that a bearer's token opens: method, path, and whether it is a personal access token that does.
const DOORS: [(Method, &str, bool); 11] = [
    (Method::GET, "/api/sessions", false),
    (Method::GET, "/api/keys", false),
    (Method::GET, "/oauth/userinfo", false),
    (Method::POST, "/oauth/userinfo", false),
    (Method::GET, "/wham/accounts/check", false),
    (Method::GET, "/wham/usage", false),
    (Method::GET, "/api/codex/accounts/check", false),
    (Method::GET, "/api/codex/usage", false),
    (Method::GET, "/backend-api/wham/accounts/check", false),
    (Method::GET, "/backend-api/wham/usage", false),
    (Method::GET, keyfob_codex::who_am_i::PATH, true),
];

#[tokio::test]
async fn i_82_a_token_counts_in_one_authorization_header_and_nowhere_else() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    let key = make_key(&world, &tokens, &json!({ "kind": "personal_access_token", "label": "a" })).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for (method, path, is_key) in DOORS {
        let token = if is_key { &key.secret } else { &tokens.access };
        let door = || http.request(method.clone(), format!("{}{path}", world.base));
        let bearer = format!("Bearer {token}");
        assert_eq!(door().header("authorization", &bearer).send().await.unwrap().status(), 200, "{path}");

        for elsewhere in [
            door(),
            door().query(&[("access_token", token)]),
            door().form(&[("access_token", token)]),
            door().header("cookie", format!("access_token={token}")),
            door().header("authorization", &bearer).header("authorization", &bearer),
            door().header("authorization", token),
            door().header("authorization", format!("Basic {token}")),
        ] {
            let refused = elsewhere.send().await.unwrap();
            assert_eq!(refused.status(), 401, "{method} {path}");
            assert_eq!(refused.headers()["www-authenticate"], "Bearer", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn i_80_scripts_of_other_origins_read_public_documents_and_userinfo_and_nothing_else() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let public = [
        "/oauth/jwks",
        "/oauth/userinfo",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-protected-resource",
    ];
    let closed = [
        "/",
        "/healthz",
        "/oauth/authorize",
        "/oauth/token",
        "/oauth/revoke",
        "/oauth/introspect",
        "/api/keys",
        "/api/sessions",
        "/codex/device",
        "/nowhere",
    ];
    for origin in ["https://evil.example", "null", &format!("{}.evil.example", world.base), &world.base] {
        for path in public.into_iter().chain(closed) {
            for method in [Method::GET, Method::POST, Method::OPTIONS] {
                let request = http.request(method.clone(), format!("{}{path}", world.base));
                let request = request.header("origin", origin).bearer_auth(&tokens.access);
                let answer = request.send().await.unwrap();
                let allowed = answer.headers().get("access-control-allow-origin").map(HeaderValue::as_bytes);
                let expected = public.contains(&path).then_some(&b"*"[..]);
                assert_eq!(allowed, expected, "{method} {path} {origin}");
                assert!(!answer.headers().contains_key("access-control-allow-credentials"), "{path}");
            }
        }
    }
    let preflight =
        http.request(Method::OPTIONS, format!("{}/oauth/userinfo", world.base)).send().await.unwrap();
    assert_eq!(preflight.status(), 204);
    assert_eq!(preflight.headers()["access-control-allow-headers"], "authorization");
}
