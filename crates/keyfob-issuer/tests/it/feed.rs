//! The feed of what has ended, as a gateway follows it.

use crate::browser::Answer;
use crate::introspect::basic;
use crate::people::make_key;
use crate::world::{Kept, TestEntropy, World, on_both};
use keyfob_issuer::command::resource_server;
use keyfob_jose::{Expected, KeySet, TokenType, read_unverified};
use keyfob_oauth::Clock as _;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

struct Follower<'a> {
    world: &'a World,
    basic: String,
}

impl<'a> Follower<'a> {
    async fn register(world: &'a World) -> Self {
        let data = world.data.path();
        let secret = resource_server::add(data, "gateway", None, &*world.clock, &TestEntropy).await;
        Self { world, basic: basic("gateway", secret.unwrap().expose()) }
    }

    async fn ask(&self, query: &str) -> Answer {
        let header = ("authorization", &*self.basic);
        self.world.browser().get_with(&format!("/api/revocations?{query}"), header).await
    }

    /// Returns number and entries of an answer, whose signature is checked.
    async fn follow(&self, query: &str) -> (u64, Vec<Value>) {
        let answer = self.ask(query).await;
        assert_eq!((answer.status, &answer.headers["content-type"]), (200, &MEDIA_TYPE.parse().unwrap()));
        let keys = self.world.browser().get("/oauth/jwks").await.body;
        let expected =
            Expected { token_type: TokenType::Revocations, issuer: &self.world.base, audience: "gateway" };
        let keys = KeySet::parse(keys.as_bytes()).unwrap();
        let claims = keys.verify(&answer.body, &expected, self.world.clock.now()).unwrap();
        let epoch = claims.get("epoch").unwrap().as_u64().unwrap();
        (epoch, claims.get("revoked").unwrap().as_array().unwrap().clone())
    }
}

const MEDIA_TYPE: &str = "application/keyfob-revocations+jwt";

on_both!(g_38_i_72_sessions_and_keys_that_end_are_told_in_order_to_whoever_asks);
async fn g_38_i_72_sessions_and_keys_that_end_are_told_in_order_to_whoever_asks(kept: Kept) {
    let world = World::keeping(kept).await;
    let gateway = Follower::register(&world).await;
    let (first, second) = (world.tokens().await, world.tokens().await);
    let key = make_key(&world, &second, &json!({ "kind": "api_key", "label": "a" })).await;
    assert_eq!(gateway.follow("after=0").await, (0, vec![]));
    let session = |token: &str| read_unverified(token).unwrap().text("sid").unwrap().to_owned();

    let revoke = [("client_id", keyfob_codex::client::CLIENT_ID), ("token", &*first.refresh)];
    assert_eq!(world.browser().post("/oauth/revoke", &revoke).await.status, 200);
    let of_key = format!("/api/keys/{}", key.id);
    let ended = world.browser().call(Method::DELETE, &of_key, &second.access, None).await;
    assert_eq!(ended.status, 204);
    assert_eq!(world.browser().call(Method::DELETE, "/api/sessions", &second.access, None).await.status, 200);

    let at = crate::world::START;
    let told = vec![
        json!({ "at": at, "sid": session(&first.access) }),
        json!({ "at": at, "jti": key.id }),
        json!({ "at": at, "sid": session(&second.access) }),
    ];
    assert_eq!(gateway.follow("after=0").await, (3, told.clone()));
    assert_eq!(gateway.follow("after=2&wait=20").await, (3, told[2..].to_vec()), "without a wait");
    assert_eq!(gateway.follow("after=3").await, (3, vec![]));
}

#[tokio::test]
async fn g_38_who_waits_is_told_as_soon_as_something_ends() {
    let world = World::start().await;
    let gateway = Follower::register(&world).await;
    let tokens = world.tokens().await;
    let revoke = [("client_id", keyfob_codex::client::CLIENT_ID), ("token", &*tokens.refresh)];
    let started = Instant::now();

    let end = async {
        // Whether this comes before or after the other has begun to wait, it is told.
        world.browser().post("/oauth/revoke", &revoke).await.status
    };
    let ((epoch, told), ended) = tokio::join!(gateway.follow("after=0&wait=20"), end);

    assert_eq!((epoch, told.len(), ended), (1, 1, 200));
    assert!(started.elapsed() < Duration::from_secs(20), "it did not wait to the end");
}

#[tokio::test]
async fn g_38_who_is_no_resource_server_is_told_nothing() {
    let world = World::start().await;
    let gateway = Follower::register(&world).await;
    let tokens = world.tokens().await;
    let get = async |header: (&str, &str)| {
        world.browser().get_with("/api/revocations?after=0", header).await.status
    };

    assert_eq!(world.browser().get("/api/revocations?after=0").await.status, 401);
    assert_eq!(get(("authorization", &*basic("gateway", "wrong"))).await, 401);
    assert_eq!(get(("authorization", &format!("Bearer {}", tokens.access))).await, 401);
    for malformed in ["", "after=x", "after=-1", "after=0&after=1", "after=0&wait=x"] {
        assert_eq!(gateway.ask(malformed).await.status, 400, "{malformed}");
    }
}
