//! Which tokens are believed.

use crate::world::{Answer, FakeIssuer, NOW, World};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Request, StatusCode};
use keyfob_jose::{SigningKey, TokenType};
use serde_json::{Value, json};

async fn with_authorization(world: &World, value: &str) -> Answer {
    world.send(Request::get("/v1/models").header("host", "g").header("authorization", value), "").await
}

async fn refuses(world: &World, token: &str) -> Answer {
    let answer = with_authorization(world, &format!("Bearer {token}")).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{token:.120}");
    answer
}

fn with_header(good: &str, header: &Value) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), good.split_once('.').unwrap().1)
}

/// Tokens that somebody made up.
fn forgeries(issuer: &FakeIssuer) -> Vec<String> {
    let good = issuer.token();
    let parts: Vec<&str> = good.split('.').collect();
    let (head, payload, signature) = (parts[0], parts[1], parts[2]);
    let kid = issuer.key.id();
    let stranger = SigningKey::generate().unwrap();
    let mut tokens = vec![
        "x".to_owned(),
        "..".into(),
        "a.b.c".into(),
        "at-0123456789".into(),
        format!("{head}.{payload}"),
        format!("{head}.{payload}."),
        format!("{head}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{good}.x"),
        format!("{head}=.{payload}.{signature}"),
        format!("{head}.{payload}.{}", "A".repeat(86)),
        format!("{head}.{}.{signature}", URL_SAFE_NO_PAD.encode(issuer.claims().to_string() + " ")),
        stranger.sign(TokenType::AccessToken, &issuer.claims()).unwrap(),
        with_header(
            &stranger.sign(TokenType::AccessToken, &issuer.claims()).unwrap(),
            &json!({"alg":"ES256","typ":"at+jwt","kid":kid}),
        ),
    ];
    tokens.extend(
        [
            json!({"alg":"none","typ":"at+jwt","kid":kid}),
            json!({"alg":"HS256","typ":"at+jwt","kid":kid}),
            json!({"alg":"RS256","typ":"at+jwt","kid":kid}),
            json!({"alg":"ES384","typ":"at+jwt","kid":kid}),
            json!({"alg":"ES256","typ":"at+jwt","kid":kid,"jwk":stranger.public_jwk()}),
            json!({"alg":"ES256","typ":"at+jwt","kid":kid,"jku":"https://evil.test/jwks"}),
            json!({"alg":"ES256","typ":"at+jwt","kid":kid,"crit":["exp"]}),
            json!({"alg":"ES256","typ":"at+jwt","kid":kid,"zip":"DEF"}),
            json!({"alg":"ES256","typ":"at+jwt"}),
            json!({"alg":"ES256","typ":"at+jwt","kid":"../../dev/null"}),
            json!({"alg":"ES256","typ":"at+jwt","kid":"' OR 1=1 --"}),
            json!({"alg":"ES256","kid":kid}),
            json!(["ES256"]),
        ]
        .iter()
        .map(|header| with_header(&good, header)),
    );
    tokens
}

#[tokio::test]
async fn g_33_every_forged_token_gets_the_same_answer() {
    let world = World::new().await;
    let first = refuses(&world, "x").await;

    for token in forgeries(&world.issuer) {
        let answer = refuses(&world, &token).await;

        assert_eq!(answer.text(), first.text(), "{token:.120}");
        assert_eq!(answer.headers["www-authenticate"], first.headers["www-authenticate"]);
    }
    assert!(world.upstream.saw_nothing());
}

#[tokio::test]
async fn g_33_the_answer_names_the_remedy_in_the_shape_that_clients_print() {
    let world = World::new().await;

    let answer = refuses(&world, "x").await;

    let message = "The access token is not valid here. Run `keyfob login` to sign in again (`keyfob status` shows the \
                   present sign-in). If Codex signed in to this gateway by itself, remove \
                   `$CODEX_HOME/secrets/gateway_oauth.json` and sign in again";
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        body,
        json!({"error": {
            "message": message, "type": "invalid_request_error", "param": null, "code": "invalid_token"
        }})
    );
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(
        answer.headers["www-authenticate"],
        r#"Bearer realm="keyfob", error="invalid_token", error_description="The access token is not valid here""#
    );
}

#[tokio::test]
async fn a_request_without_a_token_is_challenged_plainly() {
    let world = World::new().await;

    let answer = world.send(Request::get("/v1/models").header("host", "g"), "").await;

    assert_eq!((answer.status, answer.code()), (StatusCode::UNAUTHORIZED, "missing_token".into()));
    assert_eq!(answer.headers["www-authenticate"], r#"Bearer realm="keyfob""#);
}

#[tokio::test]
async fn other_schemes_and_doubled_headers_are_no_token() {
    let world = World::new().await;
    let good = world.issuer.token();

    for value in [
        "Bearer",
        "Bearer ",
        &format!("Basic {good}"),
        &good,
        &format!("Bearer  {good}"),
        &format!("Bearer {good},x"),
    ] {
        assert_eq!(with_authorization(&world, value).await.code(), "invalid_token", "{value:.30}");
    }
    let doubled = world.request().header("authorization", format!("Bearer {good}"));
    assert_eq!(world.send(doubled, "{}").await.code(), "invalid_token");
}

#[tokio::test]
async fn g_34_tokens_of_another_kind_issuer_audience_or_time_are_refused() {
    let world = World::new().await;
    let issuer = &world.issuer;
    let id_token = issuer.key.sign(TokenType::IdToken, &issuer.claims()).unwrap();
    let wrong = [
        ("iss", json!("https://other.test")),
        ("aud", json!("https://other.test")),
        ("aud", json!(null)),
        ("exp", json!(NOW - 61)),
        ("exp", json!((NOW + 600).to_string())),
        ("exp", json!(NOW + 10 * 365 * 86_400)),
        ("nbf", json!(NOW + 61)),
        ("iat", json!(NOW + 61)),
        ("iat", json!(null)),
        ("sub", json!("")),
        ("client_id", json!(null)),
        ("workspace_id", json!(null)),
    ];

    refuses(&world, &id_token).await;
    for (claim, value) in wrong {
        refuses(&world, &issuer.token_with(claim, value)).await;
    }
    assert!(world.upstream.saw_nothing());
}

#[tokio::test]
async fn a_refused_caller_hears_why_even_while_it_sends_a_long_body() {
    let world = World::new().await;

    for _ in 0..10 {
        let refused = Request::post("/v1/responses").header("host", "g").header("authorization", "Bearer x");
        let answer = world.send(refused, vec![b' '; 900_000]).await;

        assert_eq!(answer.code(), "invalid_token");
    }
}
