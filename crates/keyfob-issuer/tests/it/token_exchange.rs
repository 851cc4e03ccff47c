//! Tokens become other tokens that may do less (RFC 8693).

use crate::browser::Answer;
use crate::introspect::Server;
use crate::people::make_key;
use crate::trail::entries;
use crate::world::{Kept, OWNER, START, Tokens, World, changed, codex_request, exchange, on_both};
use keyfob_codex::client::{CLIENT_ID, GATEWAY_CLIENT_ID};
use keyfob_issuer::command::user;
use keyfob_issuer_core::user::{Email, UserStatus};
use keyfob_jose::read_unverified;
use reqwest::Method;
use serde_json::{Value, json};

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const KEYS_ALLOWED: &str = "\napi_key_exchange = true\n";

fn request<'a>(subject: &'a str, kind: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("client_id", CLIENT_ID),
        ("subject_token", subject),
        ("subject_token_type", kind),
    ]
}

async fn child(world: &World, subject: &str, changes: &[(&str, &str)]) -> Answer {
    world.browser().post("/oauth/token", &changed(&request(subject, ACCESS_TOKEN), changes)).await
}

async fn api_key(world: &World, subject: &str, changes: &[(&str, &str)]) -> Answer {
    let asked = changed(&request(subject, ID_TOKEN), &[("requested_token", "openai-api-key")]);
    world.browser().post("/oauth/token", &changed(&asked, changes)).await
}

fn error(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["error"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_child_gets_less_for_a_shorter_time_and_its_token_says_for_whom_it_acts() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    let parent = read_unverified(&tokens.access).unwrap();

    let answer = child(&world, &tokens.access, &[("scope", "api.connectors.read")]).await;

    let mut expected = json!({
        "issued_token_type": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 600,
        "scope": "api.connectors.read",
    });
    expected["access_token"] = answer.json()["access_token"].clone();
    assert_eq!((answer.status, answer.json()), (200, expected));
    let claims = read_unverified(answer.json()["access_token"].as_str().unwrap()).unwrap();
    for same in ["iss", "sub", "aud", "client_id", "sid", "workspace_id"] {
        assert_eq!(claims.get(same), parent.get(same), "{same}");
    }
    assert_eq!(claims.get("act"), Some(&json!({ "sub": CLIENT_ID })));
    assert_eq!(
        (claims.text("scope"), claims.get("exp")),
        (Some("api.connectors.read"), Some(&json!(START + 600)))
    );
    assert_ne!(claims.get("jti"), parent.get("jti"));
    let all = child(&world, &tokens.access, &[]).await.json();
    assert_eq!(all["scope"], "profile email api.connectors.read api.connectors.invoke");
    world.clock.advance(3590);
    assert_eq!(child(&world, &tokens.access, &[]).await.json()["expires_in"], 10);
}

#[tokio::test]
async fn a_child_lives_for_as_long_as_is_asked_and_no_longer_than_the_token_it_came_from() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    let life = async |asked: &str| {
        let answer = child(&world, &tokens.access, &[("requested_expires_in", asked)]).await;
        (answer.status, answer.json()["expires_in"].clone())
    };

    assert_eq!(life("60").await, (200, json!(60)));
    assert_eq!(life("3600").await, (200, json!(3600)));
    assert_eq!(life("86400").await, (200, json!(3600)));
    world.clock.advance(1800);
    assert_eq!(life("3600").await, (200, json!(1800)));
    for wrong in ["0", "-1", "1h"] {
        assert_eq!(life(wrong).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_child_is_for_one_server_opens_nothing_of_its_person_and_ends_with_the_session() {
    let world = World::start_for("https://gateway.example").await;
    let gateway = Server::add(&world, "gateway", None).await;
    let other = Server::add(&world, "other", Some("https://other.example")).await;
    let tokens = world.tokens().await;

    let answer = child(&world, &tokens.access, &[("resource", "https://other.example")]).await.json();
    let token = answer["access_token"].as_str().unwrap();

    let told = other.ask(&world, token).await.json();
    assert_eq!((&told["active"], &told["act"]), (&json!(true), &json!({ "sub": CLIENT_ID })));
    assert_eq!(gateway.ask(&world, token).await.json(), json!({ "active": false }));
    let of_gateway = child(&world, &tokens.access, &[]).await.json();
    let of_gateway = of_gateway["access_token"].as_str().unwrap();
    for path in ["/api/sessions", "/api/keys", "/oauth/userinfo"] {
        for child in [token, of_gateway] {
            assert_eq!(world.browser().call(Method::GET, path, child, None).await.status, 401, "{path}");
        }
    }
    assert_eq!(gateway.ask(&world, of_gateway).await.json()["active"], true);
    let revoked = [("client_id", CLIENT_ID), ("token", of_gateway)];
    assert_eq!(
        error(&world.browser().post("/oauth/revoke", &revoked).await),
        (400, "unsupported_token_type".into())
    );
    let logout = [("client_id", CLIENT_ID), ("token", &*tokens.refresh)];
    assert_eq!(world.browser().post("/oauth/revoke", &logout).await.status, 200);
    assert_eq!(gateway.ask(&world, of_gateway).await.json(), json!({ "active": false }));
    assert_eq!(other.ask(&world, token).await.json(), json!({ "active": false }));
}

#[tokio::test]
async fn nothing_is_exchanged_for_more_or_by_whoever_else_holds_a_token() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    let key = make_key(&world, &tokens, &json!({ "kind": "personal_access_token", "label": "a" })).await;
    let handed_on =
        child(&world, &tokens.access, &[]).await.json()["access_token"].as_str().unwrap().to_owned();
    let client = [("client_id", GATEWAY_CLIENT_ID), ("redirect_uri", "http://127.0.0.1:1/callback")];
    let code = world.code(&changed(&codex_request(), &client)).await;
    let gateways = world.browser().post("/oauth/token", &changed(&exchange(&code), &client)).await;
    let gateways = Tokens::read(&gateways);

    let invalid = (400, "invalid_request".to_owned());
    for subject in [&key.secret, &handed_on, &tokens.id, &tokens.refresh, "x", &gateways.access] {
        assert_eq!(error(&child(&world, subject, &[]).await), invalid, "{subject}");
    }
    let own = [("client_id", GATEWAY_CLIENT_ID)];
    assert_eq!(error(&child(&world, &gateways.access, &own).await), invalid);
    assert_eq!(error(&child(&world, &tokens.access, &own).await), invalid);
    for (change, code) in [
        (("scope", "cloud"), "invalid_scope"),
        (("scope", "offline_access"), "invalid_scope"),
        (("resource", "https://elsewhere.example"), "invalid_target"),
        (("audience", "https://elsewhere.example"), "invalid_target"),
        (("actor_token", "x"), "invalid_request"),
        (("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"), "invalid_request"),
        (("subject_token_type", "urn:ietf:params:oauth:token-type:saml2"), "invalid_request"),
        (("client_id", "nobody"), "invalid_client"),
    ] {
        assert_eq!(error(&child(&world, &tokens.access, &[change]).await), (400, code.into()), "{change:?}");
    }
    world.clock.advance(3600);
    assert_eq!(error(&child(&world, &tokens.access, &[]).await), invalid);
}

#[tokio::test]
async fn i_36_no_id_token_becomes_an_api_key_unless_the_settings_allow_it() {
    let world = World::start().await;
    let tokens = world.tokens().await;

    assert_eq!(error(&api_key(&world, &tokens.id, &[]).await), (400, "unauthorized_client".into()));
}

#[tokio::test]
async fn i_36_a_fresh_id_token_becomes_one_api_key_that_its_person_sees_and_ends() {
    let world = World::start_with(KEYS_ALLOWED).await;
    let gateway = Server::add(&world, "gateway", None).await;
    let tokens = world.tokens().await;

    let answer = api_key(&world, &tokens.id, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let secret = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(error(&api_key(&world, &tokens.id, &[]).await), (400, "invalid_request".into()));

    let told = gateway.ask(&world, &secret).await.json();
    let expected = (json!("api_key"), json!("api.connectors.read api.connectors.invoke"));
    assert_eq!((told["kind"].clone(), told["scope"].clone()), expected);
    let listed = world.browser().call(Method::GET, "/api/keys", &tokens.access, None).await.json();
    let listed: Vec<Value> = listed["keys"].as_array().unwrap().clone();
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0]["label"], &listed[0]["id"]), (&json!("made by a sign-in"), &told["jti"]));
    let path = format!("/api/keys/{}", listed[0]["id"].as_str().unwrap());
    assert_eq!(world.browser().call(Method::DELETE, &path, &tokens.access, None).await.status, 204);
    assert_eq!(gateway.ask(&world, &secret).await.json(), json!({ "active": false }));
}

on_both!(i_36_an_exchange_is_told_with_its_key_and_so_is_one_that_is_tried_twice);
async fn i_36_an_exchange_is_told_with_its_key_and_so_is_one_that_is_tried_twice(kept: Kept) {
    let mut world = World::keeping(kept).await;
    world.restart_with(KEYS_ALLOWED).await;
    let tokens = world.tokens().await;
    let claims = read_unverified(&tokens.id).unwrap();
    let before = entries(&world).await.len();

    assert_eq!(api_key(&world, &tokens.id, &[]).await.status, 200);
    assert_eq!(api_key(&world, &tokens.id, &[]).await.status, 400);

    let key = world.query("SELECT id FROM access_keys").await.remove(0);
    let (owner, session) = (claims.text("sub"), claims.text("sid"));
    let members = ["action", "outcome", "subject", "client", "about", "detail"];
    let told = |entry: &Value| json!(members.map(|member| entry[member].clone()));
    assert_eq!(
        entries(&world).await[before..].iter().map(told).collect::<Vec<_>>(),
        [
            json!(["key.exchange", "done", owner, CLIENT_ID, key, null]),
            json!(["key.exchange", "refused", owner, CLIENT_ID, session, "ID token used before"]),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn i_36_a_key_that_was_exchanged_ends_with_its_person() {
    let world = World::start_with(KEYS_ALLOWED).await;
    let gateway = Server::add(&world, "gateway", None).await;
    let tokens = world.tokens().await;
    let secret = api_key(&world, &tokens.id, &[]).await.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(gateway.ask(&world, &secret).await.json()["active"], true);

    let owner = Email::parse(OWNER).unwrap();
    user::set_status(world.data.path(), &owner, UserStatus::Disabled, &*world.clock).await.unwrap();

    assert_eq!(gateway.ask(&world, &secret).await.json(), json!({ "active": false }));
}

#[tokio::test]
async fn i_77_a_token_that_is_handed_on_is_told_with_its_session_and_for_whom() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    let claims = read_unverified(&tokens.access).unwrap();
    let before = entries(&world).await.len();

    assert_eq!(child(&world, &tokens.access, &[]).await.status, 200);
    assert_eq!(child(&world, &tokens.access, &[("scope", "cloud")]).await.status, 400);

    let entries = entries(&world).await;
    assert_eq!(entries.len(), before + 1, "a refused one is not");
    let entry = &entries[before];
    let told =
        ["action", "outcome", "subject", "client", "about", "detail"].map(|member| entry[member].clone());
    let expected = [
        "session.hand_on",
        "done",
        claims.text("sub").unwrap(),
        CLIENT_ID,
        claims.text("sid").unwrap(),
        &format!("for {}", world.base),
    ];
    assert_eq!(told, expected.map(Value::from));
}

#[tokio::test]
async fn i_36_an_old_foreign_or_ended_id_token_becomes_nothing() {
    let world = World::start_with(KEYS_ALLOWED).await;
    let (tokens, others) = (world.tokens().await, world.tokens().await);
    let invalid = (400, "invalid_request".to_owned());

    let foreign = [("client_id", GATEWAY_CLIENT_ID)];
    assert_eq!(error(&api_key(&world, &tokens.id, &foreign).await), invalid);
    assert_eq!(error(&api_key(&world, &tokens.access, &[]).await), invalid);
    let logout = [("client_id", CLIENT_ID), ("token", &*others.refresh)];
    assert_eq!(world.browser().post("/oauth/revoke", &logout).await.status, 200);
    assert_eq!(error(&api_key(&world, &others.id, &[]).await), invalid);
    world.clock.advance(300);
    assert_eq!(error(&api_key(&world, &tokens.id, &[]).await), invalid);
    let fresh = Tokens::read(&world.refresh(&tokens.refresh).await);
    assert_eq!(api_key(&world, &fresh.id, &[]).await.status, 200);
}
