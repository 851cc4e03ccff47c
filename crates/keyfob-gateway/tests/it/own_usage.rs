//! What callers are told of their own use.

use crate::world::{Answer, FakeIssuer, NOW, World};
use http::{Request, StatusCode};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

const PRICES: &str = "currency = 'EUR'\n[[model]]\nname = 'm-*'\ninput = '1.00'\noutput = '10.00'";
const KEY: &str = "sk-kf-0123456789";
const DAY: i64 = 24 * 60 * 60;

async fn asks(world: &World, credential: &str, query: &str) -> Answer {
    let request = Request::get(format!("/v1/keyfob/usage{query}")).header("host", "g");
    world.send(request.header("authorization", format!("Bearer {credential}")), "").await
}

async fn told(world: &World, credential: &str, query: &str) -> Value {
    let answer = asks(world, credential, query).await;
    assert_eq!(
        (answer.status, &answer.headers["cache-control"]),
        (StatusCode::OK, &"no-store".parse().unwrap())
    );
    serde_json::from_slice(&answer.body).unwrap()
}

async fn uses(world: &World, credential: &str, model: &str) {
    let request = Request::post("/v1/responses").header("host", "g");
    let request = request.header("authorization", format!("Bearer {credential}"));
    let body = json!({ "model": model, "input": "a secret" }).to_string();
    assert_eq!(world.send(request, body).await.status, StatusCode::OK);
}

fn requests(told: &Value) -> Vec<(String, u64)> {
    let by = told["by"].as_str().unwrap();
    let line = |line: &Value| (line[by].as_str().unwrap().to_owned(), line["requests"].as_u64().unwrap());
    told["usage"].as_array().unwrap().iter().map(line).collect()
}

/// What somebody else can sign in with at the same issuer.
fn token_of(issuer: &FakeIssuer, subject: &str, workspace: &str) -> String {
    let mut claims = issuer.claims();
    (claims["sub"], claims["workspace_id"]) = (json!(subject), json!(workspace));
    issuer.key.sign(keyfob_jose::TokenType::AccessToken, &claims).unwrap()
}

#[tokio::test]
async fn s_07_each_caller_is_told_what_they_used_and_nothing_of_anybody_else() {
    let data = TempDir::new().unwrap();
    let world = World::telling(data.path(), PRICES).await;
    let (mia, ben) = (world.issuer.token(), token_of(&world.issuer, "u-2", "w-1"));
    let elsewhere = token_of(&world.issuer, "u-1", "w-2");
    for (who, model) in [(&mia, "m-1"), (&mia, "m-1"), (&mia, "x"), (&ben, "m-of-ben")] {
        uses(&world, who, model).await;
    }
    uses(&world, KEY, "m-of-key").await;

    let own = told(&world, &mia, "").await;

    let line = own["usage"][0].as_object().unwrap();
    assert_eq!(own["of"], json!({ "subject": "u-1", "workspace": "w-1", "key": null }));
    assert_eq!((&own["schema"], &own["days"], &own["currency"]), (&json!(1), &Value::Null, &json!("EUR")));
    let names: Vec<&str> = line.keys().map(String::as_str).collect();
    let known = [
        "model",
        "requests",
        "aborted",
        "reserved",
        "input_tokens",
        "cached_tokens",
        "output_tokens",
        "reasoning_tokens",
        "price",
        "unpriced_requests",
    ];
    assert_eq!(names, known);
    let mine = |models: &[(&str, u64)]| {
        models.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect::<Vec<_>>()
    };
    assert_eq!(requests(&own), mine(&[("m-1", 2), ("m-of-key", 1), ("x", 1)]));
    assert_eq!(requests(&told(&world, &ben, "?by=model").await), mine(&[("m-of-ben", 1)]));
    assert_eq!(requests(&told(&world, &elsewhere, "").await), mine(&[]));
    let by_key = told(&world, KEY, "").await;
    assert_eq!(by_key["of"], json!({ "subject": "u-1", "workspace": "w-1", "key": "k-1" }));
    assert_eq!(requests(&by_key), mine(&[("m-of-key", 1)]));
    let by_caller = told(&world, &mia, "?by=caller").await;
    assert_eq!(requests(&by_caller), mine(&[("u-1 in w-1", 3), ("u-1 in w-1 by key k-1", 1)]));
    assert!(!own.to_string().contains("secret"));
    // To ask is no use.
    assert_eq!(requests(&told(&world, &mia, "").await), requests(&own));
}

#[tokio::test]
async fn s_07_it_is_looked_back_as_many_days_as_are_asked_for() {
    let data = TempDir::new().unwrap();
    let world = World::metered_demo(data.path()).await;
    uses(&world, &world.issuer.token(), "m-1").await;
    world.pass(2 * DAY);
    let mut claims = world.issuer.claims();
    (claims["iat"], claims["exp"]) = (json!(NOW + 2 * DAY), json!(NOW + 2 * DAY + 600));
    let token = world.issuer.key.sign(keyfob_jose::TokenType::AccessToken, &claims).unwrap();
    uses(&world, &token, "m-2").await;

    let models = async |query: &str| {
        let told = told(&world, &token, query).await;
        (told["days"].as_u64(), requests(&told).len())
    };

    assert_eq!(models("").await, (None, 2));
    assert_eq!(models("?since=2").await, (Some(2), 2));
    assert_eq!(models("?since=1").await, (Some(1), 1));
    assert_eq!(models("?since=0").await, (Some(0), 1));
    assert_eq!(models("?since=4294967295").await, (Some(4_294_967_295), 2));
}

#[tokio::test]
async fn s_07_who_is_not_let_in_or_asks_for_more_is_told_nothing() {
    let data = TempDir::new().unwrap();
    let world = World::telling(data.path(), PRICES).await;
    let token = world.issuer.token();

    let refused = async |credential: &str, query: &str| {
        let answer = asks(&world, credential, query).await;
        (answer.status.as_u16(), answer.code())
    };

    assert_eq!(refused("nonsense", "").await, (401, "invalid_token".into()));
    for query in ["?subject=u-2", "?workspace=w-2", "?key=k-1", "?by=all", "?since=x", "?by=day&by=model"] {
        assert_eq!(refused(&token, query).await, (400, "invalid_query".into()), "{query}");
    }
    for path in ["/all", "/", "/../other"] {
        assert_eq!(refused(&token, path).await.0, 404, "{path}");
    }
    let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 501) \
                INSERT INTO reserved (request_id, at, subject, workspace, credential, route, model, upstream, input, output) \
                SELECT 'r' || i, 1, 'u-1', 'w-1', 'k', 'r', i, 'd', 1, 1 FROM n";
    let ledger = data.path().join("ledger.sqlite");
    Connection::open(&ledger).unwrap().execute(rows, []).unwrap();
    assert_eq!(refused(&token, "").await, (400, "too_much".into()));
    assert_eq!(requests(&told(&world, &token, "?by=day").await), [("1970-01-01".to_owned(), 501)]);
    std::fs::remove_file(&ledger).unwrap();
    assert_eq!(refused(&token, "").await, (503, "usage_unavailable".into()));
}

#[tokio::test]
async fn s_07_a_gateway_that_writes_nothing_down_says_so() {
    let world = World::demo().await;

    let answer = asks(&world, &world.issuer.token(), "").await;

    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let error: Value = serde_json::from_slice(&answer.body).unwrap();
    let message = "This gateway writes nothing down of what is used, so there is nothing to tell. Its administrator can \
                   give it a folder to keep it in (`data` in `gateway.toml`)";
    assert_eq!(
        error["error"],
        json!({ "message": message, "type": "invalid_request_error", "param": null, "code": "usage_not_kept" })
    );
}
