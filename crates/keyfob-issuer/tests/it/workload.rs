//! Workloads that prove where they run, with tokens of an issuer that the rules name.

use crate::browser::Answer;
use crate::introspect::Server;
use crate::trail::entries;
use crate::world::{OWNER, START, TestEntropy, World, changed};
use axum::Router;
use axum::routing::get;
use keyfob_codex::client::CLIENT_ID;
use keyfob_issuer::command::resource_server;
use keyfob_jose::{SigningKey, TokenType, read_unverified};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;

const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// Where workloads run: an issuer of their tokens, on loopback.
struct Platform {
    url: String,
    key: SigningKey,
    fetches: Arc<AtomicUsize>,
    world: World,
}

impl Platform {
    /// Starts it, and an issuer with these rules for it; `URL` in them is its address.
    async fn start(rules: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let key = SigningKey::generate().unwrap();
        let (fetches, keys) = (Arc::<AtomicUsize>::default(), key.key_set());
        let discovery = json!({ "issuer": url, "jwks_uri": format!("{url}/jwks") });
        let counted = Arc::clone(&fetches);
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(async move || discovery.to_string()))
            .route(
                "/jwks",
                get(async move || {
                    counted.fetch_add(1, Ordering::SeqCst);
                    keys.to_string()
                }),
            );
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut world = World::start().await;
        crate::world::write(&world.data.path().join("workloads.toml"), &rules.replace("URL", &url));
        world.restart_with("\nworkloads = \"workloads.toml\"\n").await;
        Self { url, key, fetches, world }
    }

    /// Returns the claims of a token of GitHub Actions, as far as they matter.
    fn claims(&self) -> Value {
        json!({
            "iss": self.url, "aud": self.world.base, "sub": "repo:acme/app:ref:refs/heads/main", "iat": START,
            "exp": START + 300, "jti": "1", "repository": "acme/app", "ref": "refs/heads/main",
        })
    }

    fn token(&self, changes: &Value) -> String {
        let mut claims = self.claims();
        for (claim, value) in changes.as_object().unwrap() {
            claims[claim] = value.clone();
        }
        self.key.sign(TokenType::IdToken, &claims).unwrap()
    }

    async fn exchange(&self, token: &str, more: &[(&str, &str)]) -> Answer {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("client_id", CLIENT_ID),
            ("subject_token", token),
            ("subject_token_type", JWT),
        ];
        self.world.browser().post("/oauth/token", &changed(&form, more)).await
    }
}

const RULES: &str = r#"
[[issuer]]
url = "URL"
allow_private_addresses = true

[[rule]]
name = "deploy"
issuer = "URL"
claims = { repository = "acme/app", ref = "refs/heads/*" }
user = "mia@example.org"
scope = "api.connectors.read api.connectors.invoke"
"#;

fn refusal(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["error"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_workload_gets_what_its_rule_allows_for_no_longer_than_its_own_token() {
    let platform = Platform::start(RULES).await;
    let world = &platform.world;

    let answer = platform.exchange(&platform.token(&json!({})), &[("scope", "api.connectors.read")]).await;

    assert_eq!((answer.status, &answer.json()["expires_in"]), (200, &json!(300)), "{}", answer.body);
    assert_eq!(answer.json()["refresh_token"], Value::Null);
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let claims = read_unverified(&token).unwrap();
    let owner = world.query("SELECT subject FROM users").await;
    assert_eq!(claims.text("sub"), Some(&*owner[0]), "of {OWNER}");
    assert_eq!((claims.text("scope"), claims.text("sid")), (Some("api.connectors.read"), None));
    let told = entries(world).await.pop().unwrap();
    assert_eq!(
        ["action", "outcome", "subject", "client", "about"].map(|member| told[member].as_str().unwrap()),
        ["workload.let_in", "done", &owner[0], CLIENT_ID, "deploy"]
    );
    let actor = json!({ "iss": platform.url, "sub": "repo:acme/app:ref:refs/heads/main" });
    assert_eq!((claims.get("act"), claims.text("keyfob_workload")), (Some(&actor), Some("deploy")));
    let secret = resource_server::add(world.data.path(), "gateway", None, &*world.clock, &TestEntropy).await;
    let gateway = Server::known("gateway", secret.unwrap().expose());
    assert_eq!(gateway.ask(world, &token).await.json()["active"], true);
    for door in ["/api/sessions", "/api/keys", "/oauth/userinfo"] {
        let answer = world.browser().call(reqwest::Method::GET, door, &token, None).await;
        assert_eq!(answer.status, 401, "{door}");
    }
    world.clock.advance(300);
    assert_eq!(gateway.ask(world, &token).await.json()["active"], false);
}

#[tokio::test]
async fn a_workload_that_no_rule_fits_or_whose_token_does_not_count_gets_nothing() {
    let platform = Platform::start(RULES).await;
    let stranger = SigningKey::generate().unwrap();
    let forged = stranger.sign(TokenType::IdToken, &platform.claims()).unwrap();
    let as_access_token = platform.key.sign(TokenType::AccessToken, &platform.claims()).unwrap();
    let mut refused = vec![forged, as_access_token, "nonsense".to_owned()];
    for changes in [
        json!({ "repository": "acme/app2" }),
        json!({ "repository": null }),
        json!({ "ref": "refs/tags/main" }),
        json!({ "aud": "https://elsewhere.example" }),
        json!({ "iss": "https://elsewhere.example" }),
        json!({ "iss": format!("{}/", platform.url) }),
        json!({ "exp": START }),
        json!({ "exp": "later" }),
        json!({ "nbf": START + 120 }),
    ] {
        refused.push(platform.token(&changes));
    }
    let own = platform.world.tokens().await;
    refused.extend([own.id, own.access]);

    for token in refused {
        let answer = platform.exchange(&token, &[]).await;
        assert_eq!(refusal(&answer), (400, "invalid_request".into()), "{token}: {}", answer.body);
    }
    let good = platform.token(&json!({}));
    let wider = platform.exchange(&good, &[("scope", "api.connectors.read cloud")]).await;
    assert_eq!(refusal(&wider), (400, "invalid_scope".into()));
    let elsewhere = platform.exchange(&good, &[("resource", "https://elsewhere.example")]).await;
    assert_eq!(refusal(&elsewhere), (400, "invalid_target".into()));
    assert_eq!(
        refusal(&platform.exchange(&good, &[("client_id", "x")]).await),
        (400, "invalid_client".into())
    );
    assert_eq!(platform.exchange(&good, &[]).await.status, 200);
}

#[tokio::test]
async fn i_67_keys_are_fetched_from_the_named_issuer_alone_and_seldom() {
    let platform = Platform::start(RULES).await;
    let stranger = SigningKey::generate().unwrap();

    platform.exchange(&platform.token(&json!({ "iss": "https://169.254.169.254" })), &[]).await;
    assert_eq!(platform.fetches.load(Ordering::SeqCst), 0);
    for _ in 0..10 {
        let forged = stranger.sign(TokenType::IdToken, &platform.claims()).unwrap();
        assert_ne!(platform.exchange(&forged, &[]).await.status, 200);
        assert_eq!(platform.exchange(&platform.token(&json!({})), &[]).await.status, 200);
    }

    assert_eq!(platform.fetches.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn i_67_an_issuer_in_a_private_network_is_reached_only_where_the_rules_allow_it() {
    let platform = Platform::start(&RULES.replace("allow_private_addresses = true", "")).await;

    let answer = platform.exchange(&platform.token(&json!({})), &[]).await;

    assert_eq!(refusal(&answer), (503, "temporarily_unavailable".into()));
    assert_eq!(platform.fetches.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn keys_in_a_file_are_used_without_a_fetch() {
    let platform = Platform::start(RULES).await;
    let Platform { url, key, mut world, .. } = platform;
    crate::world::write(&world.data.path().join("cluster.jwks"), &key.key_set().to_string());
    let rules =
        RULES.replace("allow_private_addresses = true", "jwks_file = \"cluster.jwks\"").replace("URL", &url);
    crate::world::write(&world.data.path().join("workloads.toml"), &rules);
    world.restart_with("").await;
    let platform = Platform { url, key, world, fetches: Arc::default() };

    assert_eq!(platform.exchange(&platform.token(&json!({})), &[]).await.status, 200);
}

#[tokio::test]
async fn rules_that_let_in_too_much_or_mean_nothing_keep_the_issuer_from_starting() {
    let platform = Platform::start(RULES).await;
    let world = &platform.world;
    for (good, bad, told) in [
        ("{ repository = \"acme/app\", ref = \"refs/heads/*\" }", "{}", "names no claim"),
        ("\"acme/app\"", "\"*\"", "may be anything"),
        ("mia@example.org", "mia", "not an e-mail address"),
        ("api.connectors.invoke", "offline_access", "means nothing for a workload"),
        ("api.connectors.invoke", "\\\"", "scope"),
        ("issuer = \"URL\"", "issuer = \"https://x.example\"", "no table"),
        ("name =", "seconds = 9\nname =", "between 60 and 3600"),
        ("name =", "namen = 1\nname =", "unknown field `namen`"),
        ("allow_private", "jwks_file = \"absent\"\nallow_private", "cannot read"),
        ("allow_private", "jwks_uri = \"x\"\nallow_private", "no address of keys"),
    ] {
        assert!(RULES.contains(good), "{good}");
        let rules = RULES.replacen(good, bad, 1).replace("URL", &platform.url);
        crate::world::write(&world.data.path().join("workloads.toml"), &rules);

        let refused = world.reopen().await.unwrap_err();

        let mut said = refused.to_string();
        let mut cause = std::error::Error::source(&refused);
        while let Some(next) = cause {
            said = format!("{said}: {next}");
            cause = next.source();
        }
        assert!(said.contains(told), "{bad}: {said}");
    }
}
