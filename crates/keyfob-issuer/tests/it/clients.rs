//! Who asks: programs have no secret and claim none, resource servers have one and no other way (I-22).

use crate::introspect::{Server, basic};
use crate::world::{TestEntropy, World, changed, codex_request, exchange, refresh};
use keyfob_codex::client::CLIENT_ID;
use keyfob_issuer::command::resource_server;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[tokio::test]
async fn i_22_a_program_that_claims_a_secret_is_refused_wherever_it_asks_and_nothing_is_used_up() {
    let world = World::start().await;
    let secret =
        resource_server::add(world.data.path(), "gateway", None, &*world.clock, &TestEntropy).await.unwrap();
    let tokens = world.tokens().await;
    let code = world.code(&codex_request()).await;
    let forms = [
        ("/oauth/token", exchange(&code).to_vec()),
        ("/oauth/token", refresh(CLIENT_ID, &tokens.refresh).to_vec()),
        ("/oauth/revoke", vec![("client_id", CLIENT_ID), ("token", &tokens.refresh)]),
        ("/oauth/refresh/ack", vec![("client_id", CLIENT_ID), ("refresh_token", &tokens.refresh)]),
        ("/oauth/device_authorization", vec![("client_id", CLIENT_ID)]),
        ("/api/accounts/deviceauth/usercode", vec![("client_id", CLIENT_ID)]),
    ];
    let own = basic(CLIENT_ID, "");
    let servers = basic("gateway", secret.expose());
    for (path, form) in &forms {
        let mut refused = Vec::new();
        for authorization in [&*own, &servers, &basic(CLIENT_ID, "x"), &format!("Bearer {}", tokens.access)] {
            let headers = [("authorization", authorization)];
            refused.push(world.browser().post_form_with(path, &headers, form).await);
        }
        for proof in [("client_secret", secret.expose()), ("client_assertion", "a.b.c")] {
            refused.push(world.browser().post(path, &changed(form, &[proof])).await);
        }
        // The name of a resource server is no program's, with its secret or without.
        for proof in [("client_secret", ""), ("client_secret", secret.expose())] {
            refused
                .push(world.browser().post(path, &changed(form, &[("client_id", "gateway"), proof])).await);
        }
        for answer in refused {
            assert_eq!((answer.status, &answer.json()["error"]), (400, &json!("invalid_client")), "{path}");
        }
    }
    for confidential in ["client_credentials", "password", "urn:ietf:params:oauth:grant-type:jwt-bearer"] {
        let form = [("grant_type", confidential), ("client_id", CLIENT_ID)];
        let answer = world.browser().post("/oauth/token", &form).await;
        assert_eq!((answer.status, &answer.json()["error"]), (400, &json!("unsupported_grant_type")));
        let headers = [("authorization", &*servers)];
        let answer = world.browser().post_form_with("/oauth/token", &headers, &form).await;
        assert_eq!((answer.status, &answer.json()["error"]), (400, &json!("unsupported_grant_type")));
    }

    assert_eq!(world.refresh(&tokens.refresh).await.status, 200);
    assert_eq!(world.browser().post("/oauth/token", &exchange(&code)).await.status, 200);
}

#[tokio::test]
async fn i_22_the_secret_of_a_resource_server_rests_as_a_digest() {
    let world = World::start().await;
    let secret =
        resource_server::add(world.data.path(), "gateway", None, &*world.clock, &TestEntropy).await.unwrap();

    let file = std::fs::read(world.data.path().join("issuer.db")).unwrap();

    assert!(!crate::rest::contains(&file, secret.expose()));
}

#[tokio::test]
async fn i_22_a_wrong_secret_takes_as_long_as_an_unknown_server() {
    const TRIES: usize = 200;
    let world = World::start().await;
    Server::add(&world, "gateway", None).await;
    let claims = [basic("gateway", "kfs_wrong"), basic("nobody", "kfs_wrong"), basic("gateway", "")];
    let mut times = vec![Vec::with_capacity(TRIES); claims.len()];
    let mut browser = world.browser();
    // By turns, so that whatever else the machine does slows all of them down.
    for _ in 0..TRIES {
        for (claim, times) in claims.iter().zip(&mut times) {
            let headers = [("authorization", &**claim)];
            let began = Instant::now();
            let answer = browser.post_form_with("/oauth/introspect", &headers, &[("token", "x")]).await;
            times.push(began.elapsed());
            assert_eq!((answer.status, &answer.json()["error"]), (401, &Value::from("invalid_client")));
        }
    }

    let medians: Vec<Duration> = times.into_iter().map(median).collect();

    let (fastest, slowest) = (medians.iter().min().unwrap(), medians.iter().max().unwrap());
    assert!(*slowest < *fastest * 2, "{medians:?}");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
