//! Where the issuer's keys come from, and what happens without them.

use crate::world::{FakeIssuer, World};
use http::{Request, StatusCode};
use keyfob_jose::{SigningKey, TokenType};
use serde_json::{Value, json};

async fn models(world: &World, token: &str) -> crate::world::Answer {
    let request = Request::get("/v1/models").header("host", "g");
    world.send(request.header("authorization", format!("Bearer {token}")), "").await
}

#[tokio::test]
async fn g_35_a_flood_of_unknown_keys_causes_one_fetch() {
    let world = World::demo().await;
    assert_eq!(models(&world, &world.issuer.token()).await.status, StatusCode::OK);
    assert_eq!(world.issuer.key_requests(), 1);
    let strangers: Vec<String> = (0..40)
        .map(|_| {
            SigningKey::generate().unwrap().sign(TokenType::AccessToken, &world.issuer.claims()).unwrap()
        })
        .collect();

    let answers = futures_util::future::join_all(strangers.iter().map(|token| models(&world, token))).await;

    assert!(answers.iter().all(|answer| answer.status == StatusCode::UNAUTHORIZED));
    assert_eq!(world.issuer.key_requests(), 2);
    assert_eq!(models(&world, &world.issuer.token_with("jti", json!("2"))).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_key_that_the_issuer_added_is_found() {
    let world = World::demo().await;
    assert_eq!(models(&world, &world.issuer.token()).await.status, StatusCode::OK);
    let added = SigningKey::generate().unwrap();
    let token = added.sign(TokenType::AccessToken, &world.issuer.claims()).unwrap();

    world.issuer.publish(added.key_set().to_string());

    assert_eq!(models(&world, &token).await.status, StatusCode::OK);
}

#[tokio::test]
async fn g_36_a_useless_key_set_leaves_the_last_good_one() {
    for useless in ["<html>".to_owned(), r#"{"keys":[]}"#.into(), " ".repeat(2 * 1024 * 1024)] {
        let world = World::demo().await;
        assert_eq!(models(&world, &world.issuer.token()).await.status, StatusCode::OK);
        world.issuer.publish(useless);
        let stranger = SigningKey::generate().unwrap();
        let unknown = stranger.sign(TokenType::AccessToken, &world.issuer.claims()).unwrap();

        assert_eq!(models(&world, &unknown).await.status, StatusCode::UNAUTHORIZED);

        assert_eq!(world.issuer.key_requests(), 2);
        let fresh = world.issuer.token_with("jti", json!("2"));
        assert_eq!(models(&world, &fresh).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn without_keys_the_answer_is_503_and_not_401() {
    let mut issuer = FakeIssuer::start().await;
    issuer.leave().await;
    let world = World::demo_with(issuer).await;

    let answer = models(&world, &world.issuer.token()).await;

    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::SERVICE_UNAVAILABLE, "issuer_unreachable".into())
    );
    assert_eq!(answer.headers["retry-after"], "2");
}

#[tokio::test]
async fn g_36_a_discovery_document_of_another_issuer_or_with_an_unsafe_address_gives_no_keys() {
    let documents: [fn(&str) -> Value; 5] = [
        |url| json!({ "issuer": "https://other.test", "jwks_uri": format!("{url}/jwks") }),
        |url| json!({ "issuer": format!("{url}/"), "jwks_uri": format!("{url}/jwks") }),
        |url| json!({ "issuer": url, "jwks_uri": "http://192.0.2.1/jwks" }),
        |url| json!({ "issuer": url, "jwks_uri": "file:///etc/passwd" }),
        |url| json!({ "issuer": url }),
    ];
    for document in documents {
        let issuer = FakeIssuer::start().await;
        let document = document(&issuer.url);
        issuer.discovery(document.clone());
        let world = World::demo_with(issuer).await;

        let answer = models(&world, &world.issuer.token()).await;

        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{document}");
        assert_eq!(world.issuer.key_requests(), 0, "{document}");
    }
}

#[tokio::test]
async fn a_token_that_was_verified_is_believed_while_the_issuer_is_away() {
    let mut world = World::demo().await;
    let token = world.issuer.token();
    assert_eq!(models(&world, &token).await.status, StatusCode::OK);

    world.issuer.leave().await;

    assert_eq!(models(&world, &token).await.status, StatusCode::OK);
    let other = world.issuer.token_with("jti", json!("2"));
    assert_eq!(models(&world, &other).await.status, StatusCode::OK);
}
