//! Signing keys take turns, and nobody notices.

use crate::command::run;
use crate::world::{Kept, Tokens, World, on_both};
use keyfob_issuer::command::signing_key;
use keyfob_issuer_core::operation::Start;
use keyfob_jose::{Expected, KeySet, TokenType};
use keyfob_oauth::Clock as _;
use reqwest::Method;
use serde_json::Value;

async fn rotate(world: &World, start: Start) {
    let entropy = crate::world::TestEntropy;
    signing_key::rotate(world.data.path(), start, &*world.clock, &entropy).await.unwrap();
}

async fn published(world: &World) -> Vec<String> {
    let keys = world.browser().get("/oauth/jwks").await.json();
    let ids = keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned());
    ids.collect()
}

fn key_of(token: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

/// A server that keeps the published keys for as long as it is allowed to, and asks no sooner.
struct Keeper {
    keys: KeySet,
    fetched_at: i64,
}

impl Keeper {
    async fn fetch(world: &World) -> Self {
        let document = world.browser().get("/oauth/jwks").await;
        assert_eq!(document.headers["cache-control"], "public, max-age=300");
        let keys = KeySet::parse(document.body.as_bytes()).unwrap();
        Self { keys, fetched_at: world.clock.now().as_unix() }
    }

    async fn accepts(&mut self, world: &World, token: &str) -> bool {
        if world.clock.now().as_unix() - self.fetched_at >= 300 {
            *self = Self::fetch(world).await;
        }
        let issuer = &*world.base;
        let expected = Expected { token_type: TokenType::AccessToken, issuer, audience: issuer };
        self.keys.verify(token, &expected, world.clock.now()).is_ok()
    }
}

on_both!(r_31_i_40_a_hundred_rotations_cost_nobody_a_valid_token);
async fn r_31_i_40_a_hundred_rotations_cost_nobody_a_valid_token(kept: Kept) {
    let world = World::keeping(kept).await;
    let mut login = world.tokens().await;
    let mut keepers = [Keeper::fetch(&world).await, Keeper::fetch(&world).await];
    let mut seen = std::collections::BTreeSet::new();
    let mut alive: Vec<(i64, String)> = Vec::new();
    for round in 0..100 {
        rotate(&world, Start::WhenKnown).await;
        // A node learns of it some seconds later, and its set was fetched at any moment before.
        for (step, seconds) in [10, 250 + round % 50, 400, 1_200, 1_800].into_iter().enumerate() {
            world.clock.advance(seconds);
            world.reload_keys().await;
            login = Tokens::read(&world.refresh(&login.refresh).await);
            seen.insert(key_of(&login.access));
            let now = world.clock.now().as_unix();
            alive.push((now + 3_600, login.access.clone()));
            alive.retain(|(ends, _)| now < *ends);
            let keeper = &mut keepers[step % 2];
            for (_, token) in &alive {
                assert!(keeper.accepts(&world, token).await, "round {round}, step {step}");
            }
        }
        world.sweep().await;
        world.reload_keys().await;
        assert!(published(&world).await.len() <= 3);
    }
    assert_eq!(seen.len(), 101);
    let rest = world.query("SELECT id FROM signing_keys").await.len();
    assert!(rest <= 3, "keys that are gone rest no more: {rest}");
}

on_both!(r_31_a_key_that_is_dropped_takes_what_it_signed_along);
async fn r_31_a_key_that_is_dropped_takes_what_it_signed_along(kept: Kept) {
    let world = World::keeping(kept).await;
    let login = world.tokens().await;
    let stolen = key_of(&login.access);
    let sessions =
        async |token: &str| world.browser().call(Method::GET, "/api/sessions", token, None).await.status;
    assert_eq!(sessions(&login.access).await, 200);
    world.clock.advance(1);

    let entropy = crate::world::TestEntropy;
    signing_key::retire(world.data.path(), &stolen, &*world.clock, &entropy).await.unwrap();
    world.reload_keys().await;

    assert_eq!(sessions(&login.access).await, 401);
    assert!(!published(&world).await.contains(&stolen));
    let next = Tokens::read(&world.refresh(&login.refresh).await);
    assert_ne!(key_of(&next.access), stolen);
    assert_eq!(sessions(&next.access).await, 200, "nobody has to sign in again");
}

#[tokio::test]
async fn i_40_whoever_has_the_published_keys_already_is_told_so() {
    let world = World::start().await;
    let first = world.browser().get("/oauth/jwks").await;
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    let again = async || world.browser().get_with("/oauth/jwks", ("if-none-match", &tag)).await;

    assert_eq!((again().await.status, &*again().await.body), (304, ""));
    rotate(&world, Start::WhenKnown).await;
    world.reload_keys().await;
    assert_eq!(again().await.status, 200);
    for private in ["\"d\"", "\"p\"", "\"q\"", "\"k\""] {
        assert!(!again().await.body.contains(private), "{private}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_rotates_lists_and_retires_signing_keys_on_the_host() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let init = ["init", "--url", "http://localhost:1", "--owner", crate::world::OWNER];
    assert!(run(data, &init, "correct horse battery\n").status.success());
    let told = |arguments: &[&str]| {
        let output = run(data, &[arguments, &["--output", "json"]].concat(), "");
        assert!(output.status.success(), "{output:?}");
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let keys = told["signing_keys"].as_array().unwrap().clone();
        keys.iter().map(|key| key["state"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };

    assert_eq!(told(&["signing-key", "rotate", "--dry-run"]), ["signing"]);
    assert_eq!(told(&["key", "rotate"]), ["signing", "published"]);
    let again = run(data, &["signing-key", "rotate"], "");
    let said = String::from_utf8(again.stderr).unwrap();
    assert!(again.status.code() == Some(1) && said.contains("does not sign yet"), "{said}");

    let listed = String::from_utf8(run(data, &["signing-key", "list"], "").stdout).unwrap();
    let ids: Vec<&str> = listed.lines().map(|line| line.split('\t').next().unwrap()).collect();
    assert_eq!(told(&["signing-key", "retire", "--dry-run", ids[0]]), ["signing", "published"]);
    // A name of 64 letters may begin with a hyphen.
    for unknown in ["nothing", "-7nothing", "--nothing"] {
        let unknown = run(data, &["signing-key", "retire", unknown, "--output", "json"], "");
        assert_eq!(unknown.status.code(), Some(1), "{unknown:?}");
    }
    assert_eq!(told(&["signing-key", "retire", ids[0]]), ["signing", "published"]);
    assert_eq!(told(&["signing-key", "retire", ids[1]]), ["signing"]);
}
