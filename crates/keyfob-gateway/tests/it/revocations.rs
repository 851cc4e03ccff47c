//! What the issuer says has ended, and what happens while it says nothing.

use crate::world::{FakeIssuer, NOW, World, soon};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use keyfob_gateway::resource_server::ResourceServer;
use keyfob_gateway::revocations::FeedConfig;
use keyfob_jose::SigningKey;
use serde_json::{Value, json};
use std::time::Duration;

const STREAM: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const NEVER_SILENT: Duration = Duration::from_mins(10);

fn config(quiet_after: Duration, grace: Duration) -> FeedConfig {
    let mut config = FeedConfig::new(ResourceServer::parse("gateway:kfs_secret\n").unwrap(), grace);
    config.quiet_after = quiet_after;
    config
}

async fn models(world: &World, token: &str) -> (u16, String) {
    let request = Request::get("/v1/models").header("host", "g");
    let answer = world.send(request.header("authorization", format!("Bearer {token}")), "").await;
    match answer.status {
        StatusCode::OK => (200, String::new()),
        refused => (refused.as_u16(), answer.code()),
    }
}

/// Asks until the answer has this status.
async fn until(world: &World, token: &str, status: u16) -> String {
    let asked = async {
        loop {
            let (found, code) = models(world, token).await;
            if found == status {
                return code;
            }
            tokio::task::yield_now().await;
        }
    };
    soon(asked).await
}

/// The same where nothing is: whoever is let in is told so.
async fn until_nowhere(world: &World, token: &str, status: u16) {
    let asked = async {
        loop {
            let request = Request::get("/v1//").header("host", "g");
            let answer = world.send(request.header("authorization", format!("Bearer {token}")), "").await;
            if answer.status.as_u16() == status {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    soon(asked).await;
}

fn after(question: &str) -> u64 {
    let (_, rest) = question.split_once("after=").unwrap();
    rest.split('&').next().unwrap().parse().unwrap()
}

/// Lets the feed answer `entries` under `epoch` to whoever does not know them.
fn tell(issuer: &FakeIssuer, epoch: u64, entries: &Value) {
    let signed: Vec<String> = (0..=epoch)
        .map(|known| {
            let news = if known < epoch { entries.clone() } else { json!([]) };
            issuer.feed(known, epoch, &news)
        })
        .collect();
    issuer.tell(Box::new(move |question| {
        let known = usize::try_from(after(question)).unwrap();
        signed.get(known).map_or((500, String::new()), |answer| (200, answer.clone()))
    }));
}

#[tokio::test]
async fn g_38_i_72_a_token_is_refused_once_its_session_user_or_member_has_ended() {
    let ended = [
        json!({ "at": NOW, "sid": "s-1" }),
        json!({ "at": NOW, "sub": "u-1" }),
        json!({ "at": NOW, "sub": "u-1", "workspace_id": "w-1" }),
    ];
    let others = json!([
        { "at": NOW, "sid": "s-2" }, { "at": NOW, "sub": "u-2" }, { "at": NOW - 1, "sub": "u-1" },
        { "at": NOW, "sub": "u-1", "workspace_id": "w-2" }, { "at": NOW, "jti": "t-1" }, { "later": "kind" },
    ]);
    for entry in ended {
        let issuer = FakeIssuer::start().await;
        tell(&issuer, 1, &others);
        let world = World::following(issuer, config(NEVER_SILENT, Duration::ZERO)).await;
        let token = world.issuer.token();
        until(&world, &token, 200).await;
        assert_eq!(models(&world, &token).await.0, 200, "it is in the cache now");

        tell(&world.issuer, 2, &json!([entry]));

        assert_eq!(until(&world, &token, 401).await, "invalid_token", "{entry}");
        let questions = world.issuer.questions();
        assert!(
            questions[0].starts_with("/feed?after=0&wait=0 authorization: Basic Z2F0ZXdheTprZnNfc2VjcmV0")
        );
        assert!(questions[1].starts_with("/feed?after=1&wait=20 "), "{questions:?}");
    }
}

#[tokio::test]
async fn g_38_a_gateway_that_never_heard_the_feed_accepts_nothing_and_says_why() {
    let issuer = FakeIssuer::start().await;
    let world = World::following(issuer, config(NEVER_SILENT, NEVER_SILENT)).await;

    let refused = models(&world, &world.issuer.token()).await;

    assert_eq!(refused, (503, "revocations_unknown".into()));
    let ready = world.operator_asks("/ready").await;
    assert_eq!(
        (ready.status, ready.text()),
        (
            StatusCode::SERVICE_UNAVAILABLE,
            r#"{"ready":false,"keys":"loaded","revocations":"lost","stopping":false}"#.into()
        )
    );
    let metrics = world.operator_asks("/metrics").await.text();
    assert!(metrics.contains("keyfob_gateway_revocation_lag_seconds inf\n"), "{metrics}");
    assert!(metrics.contains("keyfob_gateway_revocation_mode{mode=\"lost\"} 1\n"), "{metrics}");
}

#[tokio::test]
async fn g_38_a_silent_feed_is_forgiven_for_the_grace_and_no_longer() {
    for (grace, status) in [(NEVER_SILENT, 200), (Duration::ZERO, 503)] {
        let issuer = FakeIssuer::start().await;
        tell(&issuer, 1, &json!([{ "at": NOW, "sid": "s-2" }]));
        let world = World::following(issuer, config(Duration::from_secs(2), grace)).await;
        let (token, ended) = (world.issuer.token(), world.issuer.token_with("sid", json!("s-2")));
        until(&world, &token, 200).await;

        world.issuer.tell(Box::new(|_| (500, String::new())));
        let silent = async {
            while world.operator_asks("/ready").await.text().contains("followed") {
                tokio::task::yield_now().await;
            }
        };
        soon(silent).await;

        assert_eq!(models(&world, &token).await.0, status, "{grace:?}");
        assert_eq!(models(&world, &ended).await.0, 401, "what has ended stays so");
        tell(&world.issuer, 1, &json!([]));
        until(&world, &token, 200).await;
    }
}

#[tokio::test]
async fn g_38_a_forged_answer_is_not_believed() {
    let issuer = FakeIssuer::start().await;
    let stranger = SigningKey::generate().unwrap();
    let entries = json!([{ "at": NOW, "sid": "s-1" }]);
    let claims = |changes: Value| {
        let mut claims = json!({ "after": 0, "epoch": 1, "revoked": entries });
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        claims
    };
    let mut unsigned = issuer.feed(0, 1, &entries);
    unsigned.truncate(unsigned.rfind('.').unwrap() + 1);
    let forged = [
        issuer.feed_of(&stranger, &claims(json!({}))),
        issuer.feed_of(&issuer.key, &claims(json!({ "aud": "another" }))),
        issuer.feed_of(&issuer.key, &claims(json!({ "iss": "https://other.test" }))),
        issuer.feed_of(&issuer.key, &claims(json!({ "exp": NOW - 61 }))),
        issuer.feed_of(&issuer.key, &claims(json!({ "after": 7 }))),
        issuer.token(),
        unsigned,
        "nonsense".to_owned(),
    ];
    for answer in forged {
        let issuer = FakeIssuer::start().await;
        tell(&issuer, 0, &json!([]));
        let world = World::following(issuer, config(NEVER_SILENT, Duration::ZERO)).await;
        let token = world.issuer.token();
        until(&world, &token, 200).await;
        let asked = world.issuer.questions().len();

        let told = answer.clone();
        world.issuer.tell(Box::new(move |_| (200, told.clone())));
        let twice = async {
            while world.issuer.questions().len() < asked + 2 {
                tokio::task::yield_now().await;
            }
        };
        soon(twice).await;

        assert_eq!(models(&world, &token).await.0, 200, "{answer}");
    }
}

#[tokio::test]
async fn r_40_an_issuer_restored_from_a_backup_is_asked_for_all_and_nothing_comes_back() {
    let issuer = FakeIssuer::start().await;
    tell(&issuer, 3, &json!([{ "at": NOW, "sid": "s-1" }]));
    let world = World::following(issuer, config(NEVER_SILENT, Duration::ZERO)).await;
    let (first, second) = (world.issuer.token(), world.issuer.token_with("sid", json!("s-2")));
    until(&world, &first, 401).await;

    let restored = world.issuer.feed(3, 1, &json!([]));
    let whole = world.issuer.feed(0, 1, &json!([{ "at": NOW, "sid": "s-2" }]));
    let none = world.issuer.feed(1, 1, &json!([]));
    world.issuer.tell(Box::new(move |question| match after(question) {
        0 => (200, whole.clone()),
        1 => (200, none.clone()),
        _ => (200, restored.clone()),
    }));

    until(&world, &second, 401).await;
    assert_eq!(models(&world, &first).await.0, 401);
}

#[tokio::test]
async fn a_secret_goes_to_the_issuer_alone() {
    let elsewhere = FakeIssuer::start().await;
    let issuer = FakeIssuer::start().await;
    issuer.discovery(json!({
        "issuer": issuer.url, "jwks_uri": format!("{}/jwks", issuer.url),
        "keyfob_revocations_endpoint": format!("{}/feed", elsewhere.url),
    }));
    let world = World::following(issuer, config(NEVER_SILENT, NEVER_SILENT)).await;

    for _ in 0..20 {
        assert_eq!(models(&world, &world.issuer.token()).await.0, 503);
    }

    assert_eq!(elsewhere.questions(), [""; 0]);
}

#[tokio::test]
async fn g_38_a_stream_ends_soon_after_its_session_and_no_other_does() {
    let world = World::with_upstream_following(FakeIssuer::start().await, NEVER_SILENT).await;
    tell(&world.issuer, 0, &json!([]));
    let other = world.issuer.token_with("sid", json!("s-2"));
    until_nowhere(&world, &other, 404).await;
    let begin = async |token: String| {
        let request = Request::post("/v1/responses").header("host", "g");
        let asked = world.begin(request.header("authorization", format!("Bearer {token}")), "{}");
        tokio::join!(asked, world.upstream.answer(STREAM))
    };
    let (mut ended, upstream) = begin(world.issuer.token()).await;
    let (mut goes_on, mut other_upstream) = begin(other.clone()).await;

    tell(&world.issuer, 1, &json!([{ "at": NOW, "sid": "s-1" }]));

    assert!(soon(ended.frame()).await.unwrap().is_err());
    upstream.abandoned().await;
    other_upstream.send("2\r\nok\r\n").await;
    assert_eq!(soon(goes_on.frame()).await.unwrap().unwrap().into_data().unwrap(), "ok");
}

#[tokio::test]
async fn g_38_a_request_that_still_waits_for_its_answer_is_refused_when_its_key_ends() {
    let world = World::with_upstream_following(FakeIssuer::start().await, NEVER_SILENT).await;
    tell(&world.issuer, 0, &json!([]));
    world.issuer.introspect(
        200,
        json!({
            "active": true, "kind": "api_key", "iss": world.issuer.url, "sub": "u-1", "aud": crate::world::AUDIENCE,
            "jti": "k-1", "workspace_id": "w-1",
        }),
    );
    let request =
        Request::post("/v1/responses").header("host", "g").header("authorization", "Bearer sk-kf-1");
    let asked = world.send(request, "{}");
    let ended = async {
        let exchange = world.upstream.next().await;
        tell(&world.issuer, 1, &json!([{ "at": NOW, "jti": "k-1" }]));
        exchange.abandoned().await;
    };

    let (answer, ()) = tokio::join!(asked, ended);

    assert_eq!((answer.status, answer.code()), (StatusCode::UNAUTHORIZED, "invalid_token".into()));
}

#[tokio::test]
async fn r_32_what_ended_is_refused_while_the_waiting_question_is_swallowed() {
    let world = World::with_upstream_following(FakeIssuer::start().await, NEVER_SILENT).await;
    tell(&world.issuer, 0, &json!([]));
    let token = world.issuer.token();
    until_nowhere(&world, &token, 404).await;
    let answer = world.issuer.feed(0, 1, &json!([{ "at": NOW, "sid": "s-1" }]));
    // Who waits for news gets none; who asks without waiting does.
    world.issuer.tell(Box::new(move |question| {
        if question.ends_with("wait=0") { (200, answer.clone()) } else { (503, String::new()) }
    }));

    until_nowhere(&world, &token, 401).await;
}
