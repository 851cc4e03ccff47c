//! What a person hardly does is told to a webhook: once, signed, and again until it arrives (I-88).

use crate::browser::Answer;
use crate::device::{decide, start};
use crate::handoff::{handoff_code, take_over};
use crate::world::{Kept, START, Tokens, World, codex_request, exchange, on_both, write};
use aws_lc_rs::hmac;
use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, StatusCode};
use keyfob_issuer::webhook::deliver;
use keyfob_jose::read_unverified;
use keyfob_oauth::Clock as _;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

const SECRET: [u8; 32] = [7; 32];
const HOUR: i64 = 3600;
/// Few of each, so that tests are short.
const LIMITS: &str =
    "refresh_replays = 2\nlogins_per_hour = 3\nnetworks_per_hour = 2\ndevices_per_hour = 1\n";

/// Whoever looks after the issuer, and gets what it tells.
#[derive(Clone)]
struct Operator {
    address: String,
    received: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    answers: Arc<AtomicU16>,
}

impl Operator {
    async fn listening() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
        let operator = Self { address, received: Arc::default(), answers: Arc::new(AtomicU16::new(204)) };
        let own = operator.clone();
        let hook = async move |headers: HeaderMap, body: Bytes| {
            let body = String::from_utf8(body.to_vec()).unwrap();
            own.received.lock().unwrap().push((headers, body));
            StatusCode::from_u16(own.answers.load(Ordering::SeqCst)).unwrap()
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/hook", post(hook))).await });
        operator
    }

    /// Lets the issuer tell this operator.
    async fn watch(&self, world: &mut World) {
        let settings = format!(
            "\n[anomalies]\nwebhook = \"http://{}/hook\"\nsecret_file = \"webhook.secret\"\n\
             allow_private_addresses = true\n{LIMITS}",
            self.address
        );
        keep_secret(world);
        world.restart_with(&settings).await;
    }

    fn answer(&self, status: u16) {
        self.answers.store(status, Ordering::SeqCst);
    }

    /// Returns what came since the last look, each as its name, its time and what it says; the signatures are right.
    fn told(&self) -> Vec<(String, i64, Value)> {
        let received = std::mem::take(&mut *self.received.lock().unwrap());
        received.iter().map(|(headers, body)| verified(headers, body)).collect()
    }
}

fn verified(headers: &HeaderMap, body: &str) -> (String, i64, Value) {
    let header = |name: &str| headers[name].to_str().unwrap();
    let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
    let signature = STANDARD.decode(header("webhook-signature").strip_prefix("v1,").unwrap()).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &SECRET);
    hmac::verify(&key, format!("{id}.{at}.{body}").as_bytes(), &signature).unwrap();
    assert_eq!(header("content-type"), "application/json");
    assert!(headers.get("authorization").is_none() && headers.get("cookie").is_none());
    (id.to_owned(), at.parse().unwrap(), serde_json::from_str(body).unwrap())
}

fn keep_secret(world: &World) {
    let path = world.data.path().join("webhook.secret");
    write(&path, &format!("whsec_{}\n", STANDARD.encode(SECRET)));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

async fn watched(kept: Kept) -> (World, Operator) {
    let operator = Operator::listening().await;
    let mut world = World::start_with_on("trusted_proxies = [\"127.0.0.1\"]\n", kept).await;
    operator.watch(&mut world).await;
    (world, operator)
}

/// Presents the first token of a login so often that one answer is handed out `replays` times again.
async fn replay(world: &World, tokens: &Tokens, replays: usize) {
    for _ in 0..=replays {
        assert_eq!(world.refresh(&tokens.refresh).await.status, 200);
    }
}

async fn sign_in_from(world: &World, address: &str) -> Answer {
    let code = world.code(&codex_request()).await;
    let from = [("x-forwarded-for", address)];
    world.browser().post_form_with("/oauth/token", &from, &exchange(&code)).await
}

async fn subject(world: &World) -> String {
    world.query("SELECT subject FROM users").await.remove(0)
}

on_both!(i_88_an_answer_that_is_asked_for_again_and_again_is_told_once_with_ids_alone);
async fn i_88_an_answer_that_is_asked_for_again_and_again_is_told_once_with_ids_alone(kept: Kept) {
    let (world, operator) = watched(kept).await;
    let tokens = world.tokens().await;
    replay(&world, &tokens, 2).await;
    deliver(world.app()).await.unwrap();
    assert_eq!(operator.told(), [], "as often is usual");

    replay(&world, &tokens, 6).await;
    deliver(world.app()).await.unwrap();
    deliver(world.app()).await.unwrap();

    let told = operator.told();
    let session = read_unverified(&tokens.access).unwrap().text("sid").unwrap().to_owned();
    let expected = json!({
        "type": "anomaly.refresh_replays",
        "timestamp": "2027-01-15T08:00:00Z",
        "data": { "subject": subject(&world).await, "session": session, "count": 3 },
    });
    assert_eq!(told.iter().map(|(_, at, said)| (*at, said)).collect::<Vec<_>>(), [(START, &expected)]);
}

on_both!(i_88_many_logins_of_one_person_in_an_hour_are_told_once);
async fn i_88_many_logins_of_one_person_in_an_hour_are_told_once(kept: Kept) {
    let (world, operator) = watched(kept).await;
    for _ in 0..3 {
        world.tokens().await;
    }
    world.clock.advance(HOUR + 1);
    for _ in 0..3 {
        world.tokens().await;
    }
    deliver(world.app()).await.unwrap();
    assert_eq!(operator.told(), [], "three an hour are usual");

    for _ in 0..3 {
        world.tokens().await;
    }
    deliver(world.app()).await.unwrap();

    let told = operator.told();
    let said: Vec<_> = told.iter().map(|(_, _, said)| (&said["type"], &said["data"])).collect();
    let data = json!({ "subject": subject(&world).await, "count": 4 });
    assert_eq!(said, [(&json!("anomaly.many_logins"), &data)]);
}

on_both!(i_88_sessions_that_one_login_hands_over_count_as_logins_from_when_they_begin);
async fn i_88_sessions_that_one_login_hands_over_count_as_logins_from_when_they_begin(kept: Kept) {
    let (world, operator) = watched(kept).await;
    let tokens = world.tokens().await;
    world.clock.advance(2 * HOUR);
    let hand_over = async || {
        let code = handoff_code(&world, &tokens.refresh).await;
        assert_eq!(take_over(&world, &code, &[]).await.status, 200);
    };
    for _ in 0..3 {
        hand_over().await;
    }
    deliver(world.app()).await.unwrap();
    assert_eq!(operator.told(), [], "three an hour are usual, and the login itself is older");

    hand_over().await;
    deliver(world.app()).await.unwrap();

    let told = operator.told();
    let said: Vec<_> = told.iter().map(|(_, _, said)| (&said["type"], &said["data"])).collect();
    let data = json!({ "subject": subject(&world).await, "count": 4 });
    assert_eq!(said, [(&json!("anomaly.many_logins"), &data)]);
}

on_both!(i_88_logins_from_many_networks_in_an_hour_are_told_once);
async fn i_88_logins_from_many_networks_in_an_hour_are_told_once(kept: Kept) {
    let (world, operator) = watched(kept).await;
    for address in ["192.0.2.1", "2001:db8:1:2::3", "2001:db8:1:2::4"] {
        assert_eq!(sign_in_from(&world, address).await.status, 200);
    }
    deliver(world.app()).await.unwrap();
    assert_eq!(operator.told(), [], "these are two");
    world.clock.advance(HOUR / 2);

    // Both limits are passed by this one.
    assert_eq!(sign_in_from(&world, "198.51.100.9").await.status, 200);
    assert_eq!(sign_in_from(&world, "203.0.113.4").await.status, 200);
    deliver(world.app()).await.unwrap();

    let mut told: Vec<Value> = operator.told().into_iter().map(|(_, _, said)| said).collect();
    told.sort_by_key(|said| said["type"].to_string());
    let said: Vec<_> = told.iter().map(|said| (&said["type"], &said["data"]["count"])).collect();
    assert_eq!(
        said,
        [(&json!("anomaly.many_logins"), &json!(4)), (&json!("anomaly.many_networks"), &json!(3))]
    );
    assert!(!told.iter().any(|said| said.to_string().contains("198.51")), "no addresses: {told:?}");
}

on_both!(i_88_many_devices_that_one_person_lets_in_are_told_once);
async fn i_88_many_devices_that_one_person_lets_in_are_told_once(kept: Kept) {
    let (world, operator) = watched(kept).await;
    let let_in = async || {
        let device = start(&world).await;
        assert_eq!(decide(&world, &device, "approve").await.status, 200);
    };
    let_in().await;
    decide(&world, &start(&world).await, "deny").await;
    deliver(world.app()).await.unwrap();
    assert_eq!(operator.told(), [], "one is usual, and one was not let in");

    let_in().await;
    let_in().await;
    deliver(world.app()).await.unwrap();

    let told = operator.told();
    let said: Vec<_> = told.iter().map(|(_, _, said)| (&said["type"], &said["data"])).collect();
    let data = json!({ "subject": subject(&world).await, "count": 2 });
    assert_eq!(said, [(&json!("anomaly.many_devices"), &data)]);
}

on_both!(i_88_what_did_not_arrive_is_sent_again_after_a_while_and_a_restart_until_it_does);
async fn i_88_what_did_not_arrive_is_sent_again_after_a_while_and_a_restart_until_it_does(kept: Kept) {
    let (mut world, operator) = watched(kept).await;
    let tokens = world.tokens().await;
    replay(&world, &tokens, 3).await;
    operator.answer(500);
    deliver(world.app()).await.unwrap();
    deliver(world.app()).await.unwrap();
    let first = operator.told();
    assert_eq!(first.len(), 1, "not at once again");

    world.restart_with("").await;
    world.clock.advance(10);
    deliver(world.app()).await.unwrap();
    let second = operator.told();
    operator.answer(200);
    world.clock.advance(60);
    deliver(world.app()).await.unwrap();
    let third = operator.told();
    world.clock.advance(24 * HOUR);
    deliver(world.app()).await.unwrap();

    let (id, at, said) = &first[0];
    assert_eq!(second, [(id.clone(), at + 10, said.clone())], "by the same name");
    assert_eq!(third, [(id.clone(), at + 70, said.clone())]);
    assert_eq!(operator.told(), [], "it has arrived");
}

on_both!(i_88_of_two_nodes_one_delivers_and_what_a_node_took_and_did_not_is_delivered_by_the_other);
async fn i_88_of_two_nodes_one_delivers_and_what_a_node_took_and_did_not_is_delivered_by_the_other(
    kept: Kept,
) {
    let (world, operator) = watched(kept).await;
    let other = world.reopen().await.unwrap();
    replay(&world, &world.tokens().await, 3).await;

    let (one, two) = tokio::join!(deliver(world.app()), deliver(&other));
    one.and(two).unwrap();
    assert_eq!(operator.told().len(), 1);

    world.clock.advance(HOUR);
    replay(&world, &world.tokens().await, 3).await;
    {
        // A node that ends while it delivers: its future is dropped when it has taken the notice.
        let mut delivering = Box::pin(deliver(&other));
        while world.query("SELECT id FROM notices WHERE tries = 1 AND due_at IS NOT NULL").await.is_empty() {
            tokio::select! {
                biased;
                _ = &mut delivering => break,
                () = tokio::task::yield_now() => {}
            }
        }
    }
    let cut = operator.told().len();
    world.clock.advance(60);
    deliver(world.app()).await.unwrap();
    assert!(cut + operator.told().len() >= 1, "told at least once");
    let open = world.query("SELECT id FROM notices WHERE due_at IS NOT NULL").await;
    assert_eq!(open, Vec::<String>::new());
}

#[tokio::test]
async fn i_88_a_webhook_that_stays_away_is_given_up_after_a_day() {
    let (world, operator) = watched(Kept::InFile).await;
    replay(&world, &world.tokens().await, 3).await;
    operator.answer(503);

    for _ in 0..50 {
        deliver(world.app()).await.unwrap();
        world.clock.advance(HOUR / 2);
    }

    assert_eq!(operator.told().len(), 9);
    assert_eq!(world.query("SELECT id FROM notices WHERE due_at IS NOT NULL").await, Vec::<String>::new());
    world.clock.advance(24 * HOUR);
    world.sweep().await;
    assert_eq!(world.query("SELECT id FROM notices").await, Vec::<String>::new());
}

#[tokio::test]
async fn i_88_i_67_a_webhook_in_a_network_of_somebodys_own_is_not_asked_unless_that_is_allowed() {
    let operator = Operator::listening().await;
    let mut world = World::start().await;
    keep_secret(&world);
    let settings = format!(
        "\n[anomalies]\nwebhook = \"https://{}/hook\"\nsecret_file = \"webhook.secret\"\n{LIMITS}",
        operator.address
    );
    world.restart_with(&settings).await;
    replay(&world, &world.tokens().await, 3).await;

    deliver(world.app()).await.unwrap();

    assert_eq!(operator.told(), []);
    let due = world.query("SELECT CAST(due_at AS TEXT) FROM notices").await;
    assert_eq!(due, [(world.clock.now().as_unix() + 10).to_string()]);
}

#[tokio::test]
async fn i_88_without_a_webhook_nothing_is_kept() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    replay(&world, &tokens, 20).await;
    for _ in 0..12 {
        world.tokens().await;
    }

    deliver(world.app()).await.unwrap();

    assert_eq!(world.query("SELECT id FROM notices").await, Vec::<String>::new());
}
