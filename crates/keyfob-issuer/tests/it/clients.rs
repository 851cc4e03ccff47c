//! Who asks: programs have no secret and claim none, resource servers have one and no other way (I-22).

use crate::introspect::basic;
use crate::world::{Kept, TestEntropy, World, changed, codex_request, exchange, on_both, refresh};
use keyfob_codex::client::CLIENT_ID;
use keyfob_issuer::command::resource_server;
use serde_json::json;
use std::time::Instant;

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

/// How often each is asked: the middle of so many times says little of a machine that does much else.
const ASKED: usize = 300;

on_both!(i_22_whatever_is_wrong_with_an_authentication_its_refusal_takes_the_same_time);
#[expect(clippy::print_stdout, reason = "what was measured")]
async fn i_22_whatever_is_wrong_with_an_authentication_its_refusal_takes_the_same_time(kept: Kept) {
    let world = World::keeping(kept).await;
    let add = async |name: &str| {
        let data = world.data.path();
        resource_server::add(data, name, None, &*world.clock, &TestEntropy).await.unwrap()
    };
    let (own, other) = (add("gateway").await, add("other").await);
    let mut close = own.expose().to_owned();
    close.pop();
    close.push('!');
    let wrong = [
        ("no such server", basic("nobody", own.expose())),
        ("nothing right", basic("gateway", "x")),
        ("one letter wrong", basic("gateway", &close)),
        ("another server's", basic("gateway", other.expose())),
        ("an empty secret", basic("gateway", "")),
    ];
    let mut browser = world.browser();

    let mut times = wrong.each_ref().map(|_| Vec::new());
    for _ in 0..ASKED {
        // One after the other, so that what slows the machine slows all of them.
        for ((what, header), times) in wrong.iter().zip(&mut times) {
            let asked = Instant::now();
            let header = [("authorization", &**header)];
            let answer = browser.post_form_with("/oauth/introspect", &header, &[("token", "x")]).await;
            times.push(asked.elapsed());
            assert_eq!(answer.status, 401, "{what}");
        }
    }

    let middle = times.map(|mut times| {
        times.sort();
        times[ASKED / 2]
    });
    for ((what, _), middle) in wrong.iter().zip(&middle) {
        println!("{what}: {middle:?}");
    }
    let (least, most) = (middle.iter().min().unwrap(), middle.iter().max().unwrap());
    assert!(*most < *least * 3 / 2, "{middle:?}");
}
