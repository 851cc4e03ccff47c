//! A person's sessions, by the programs they signed in with.

use crate::browser::Answer;
use crate::people::other_tokens;
use crate::rounds::rounds;
use crate::world::{PASSWORD, Tokens, World, changed, codex_request, exchange};
use futures_util::future::join_all;
use keyfob_codex::client::{CLIENT_ID, GATEWAY_CLIENT_ID};
use keyfob_jose::read_unverified;
use reqwest::Method;
use serde_json::{Value, json};

const HOUR: i64 = 3600;
const GATEWAY_CALLBACK: &str = "http://127.0.0.1:43117/callback";

async fn call(world: &World, method: Method, path: &str, token: &str) -> Answer {
    world.browser().call(method, path, token, None).await
}

async fn list(world: &World, token: &str) -> Vec<Value> {
    let answer = call(world, Method::GET, "/api/sessions", token).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["sessions"].as_array().unwrap().clone()
}

fn session_of(tokens: &Tokens) -> String {
    read_unverified(&tokens.access).unwrap().text("sid").unwrap().to_owned()
}

/// Tokens of the gateway sign-in, which go to gateways that other people run.
async fn gateway_tokens(world: &World) -> Tokens {
    let client = [("client_id", GATEWAY_CLIENT_ID), ("redirect_uri", GATEWAY_CALLBACK)];
    let code = world.code(&changed(&codex_request(), &client)).await;
    Tokens::read(&world.browser().post("/oauth/token", &changed(&exchange(&code), &client)).await)
}

#[tokio::test]
async fn s_25_behind_a_trusted_proxy_the_place_is_the_one_that_it_names_and_else_what_connects() {
    for (settings, place) in [("trusted_proxies = [\"127.0.0.1\"]\n", "192.0.2.7"), ("", "127.0.0.1")] {
        let world = World::start_with(settings).await;
        let code = world.code(&codex_request()).await;
        let from = [("x-forwarded-for", "6.6.6.6, 192.0.2.7")];
        let redeemed = world.browser().post_form_with("/oauth/token", &from, &exchange(&code)).await;

        let listed = list(&world, &Tokens::read(&redeemed).access).await;

        assert_eq!(listed[0]["place"], place, "{settings}");
    }
}

#[tokio::test]
async fn s_25_a_person_sees_each_session_with_its_tool_machine_and_place() {
    let world = World::start().await;
    let first = world.tokens().await;
    world.clock.advance(60);
    let code = world.code(&codex_request()).await;
    let headers = [("user-agent", "keyfob/1.2 (x)"), ("x-session-machine", "desk")];
    let second = world.browser().post_form_with("/oauth/token", &headers, &exchange(&code)).await;
    let second = Tokens::read(&second);
    world.clock.advance(60);
    world.refresh(&first.refresh).await;

    let listed = list(&world, &second.access).await;

    let client = json!({ "client_id": CLIENT_ID, "client_name": "Codex CLI and keyfob" });
    let session = |tokens: &Tokens, rest: Value| {
        let mut session = json!({ "id": session_of(tokens), "name": null, "place": "127.0.0.1" });
        let workspace = read_unverified(&tokens.access).unwrap().text("workspace_id").unwrap().to_owned();
        for more in [client.clone(), rest, json!({ "workspace_id": workspace })] {
            session.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        }
        session
    };
    let newer = json!({ "tool": "keyfob/1.2", "machine": "desk", "current": true,
        "created_at": "2027-01-15T08:01:00Z", "last_used_at": "2027-01-15T08:01:00Z",
        "expires_at": "2027-02-14T08:01:00Z" });
    let older = json!({ "tool": null, "machine": null, "current": false,
        "created_at": "2027-01-15T08:00:00Z", "last_used_at": "2027-01-15T08:02:00Z",
        "expires_at": "2027-02-14T08:02:00Z" });
    assert_eq!(listed, [session(&second, newer), session(&first, older)]);
}

#[tokio::test]
async fn a_session_is_named_and_its_name_taken_away() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    let path = format!("/api/sessions/{}", session_of(&tokens));
    let mut names = Vec::new();

    for body in [json!({ "name": " the\u{1b} desk " }), json!({ "name": "" })] {
        let answer = world.browser().call(Method::PATCH, &path, &tokens.access, Some(&body)).await;
        assert_eq!((answer.status, &answer.json()), (200, &list(&world, &tokens.access).await[0]));
        names.push(answer.json()["name"].clone());
    }

    assert_eq!(names, [json!("the desk"), Value::Null]);
}

#[tokio::test]
async fn s_25_a_session_that_is_ended_from_another_can_do_nothing_more() {
    let world = World::start().await;
    let (kept, ended) = (world.tokens().await, world.tokens().await);
    let path = format!("/api/sessions/{}", session_of(&ended));

    let answer = call(&world, Method::DELETE, &path, &kept.access).await;
    let again = call(&world, Method::DELETE, &path, &kept.access).await;

    assert_eq!((answer.status, again.status), (204, 404));
    assert_eq!(world.refresh(&ended.refresh).await.json()["code"], "refresh_token_invalidated");
    let refused = call(&world, Method::GET, "/api/sessions", &ended.access).await;
    assert_eq!((refused.status, refused.json()), (401, json!({ "error": "invalid_token" })));
    assert_eq!(list(&world, &kept.access).await.len(), 1);
}

#[tokio::test]
async fn i_33_all_sessions_end_at_once_with_the_browsers_and_the_codes_or_all_but_the_current() {
    let world = World::start().await;
    let (current, other) = (world.tokens().await, world.tokens().await);
    let mut browser = world.browser();
    let interaction = world.begin(&mut browser, &codex_request()).await;
    world.sign_in(&mut browser, &interaction, PASSWORD).await;
    let code = world.code(&codex_request()).await;

    let others = call(&world, Method::DELETE, "/api/sessions?except=current", &current.access).await;
    assert_eq!((others.status, others.json()), (200, json!({ "ended": 1 })));
    assert_eq!(world.refresh(&other.refresh).await.status, 400);
    let current = Tokens::read(&world.refresh(&current.refresh).await);
    assert_eq!(world.browser().post("/oauth/token", &exchange(&code)).await.status, 400);
    assert!(browser.get(&interaction).await.body.contains("password"), "the browser must sign in again");

    let all = call(&world, Method::DELETE, "/api/sessions", &current.access).await;
    assert_eq!((all.status, all.json()), (200, json!({ "ended": 1 })));
    assert_eq!(world.refresh(&current.refresh).await.status, 400);
}

#[tokio::test]
async fn i_33_no_refresh_that_races_the_end_of_all_sessions_leaves_a_token_that_works() {
    let world = World::start().await;
    for _ in 0..rounds(10) {
        let caller = world.tokens().await;
        let racing = join_all((0..3).map(|_| world.tokens())).await;

        let refreshes = join_all(racing.iter().map(|tokens| world.refresh(&tokens.refresh)));
        let (answers, ended) =
            tokio::join!(refreshes, call(&world, Method::DELETE, "/api/sessions", &caller.access));

        assert_eq!(ended.status, 200);
        for answer in answers.iter().filter(|answer| answer.status == 200) {
            assert_eq!(world.refresh(&Tokens::read(answer).refresh).await.status, 400);
        }
    }
}

#[tokio::test]
async fn i_69_somebody_elses_session_is_as_unknown_as_one_that_never_was() {
    let world = World::start().await;
    let (mia, zoe) = (world.tokens().await, other_tokens(&world).await);
    let body = json!({ "name": "mine" });
    let never = "01890000-0000-7000-8000-000000000000";

    for id in [&*session_of(&mia), never, "nonsense"] {
        let path = format!("/api/sessions/{id}");
        let renamed = world.browser().call(Method::PATCH, &path, &zoe.access, Some(&body)).await;
        let ended = call(&world, Method::DELETE, &path, &zoe.access).await;
        for answer in [renamed, ended] {
            assert_eq!(answer.essence(), (404, r#"{"error":"not_found"}"#), "{id}");
        }
    }
    assert_eq!(list(&world, &zoe.access).await.len(), 1);
    assert_eq!(call(&world, Method::DELETE, "/api/sessions", &zoe.access).await.json()["ended"], 1);

    assert_eq!(list(&world, &mia.access).await[0]["name"], Value::Null);
    assert_eq!(world.refresh(&mia.refresh).await.status, 200);
}

#[tokio::test]
async fn i_39_only_a_live_access_token_of_the_cli_opens_the_sessions() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    let gateway = gateway_tokens(&world).await;
    let code = world.code(&codex_request()).await;
    let get = async |token: &str| call(&world, Method::GET, "/api/sessions", token).await;

    for foreign in [&*tokens.id, &tokens.refresh, &code, "nonsense"] {
        let answer = get(foreign).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (401, Some("invalid_token")));
        assert_eq!(answer.headers["www-authenticate"], r#"Bearer error="invalid_token""#);
    }
    let bare = world.browser().get("/api/sessions").await;
    assert_eq!((bare.status, bare.headers["www-authenticate"].as_bytes()), (401, b"Bearer".as_slice()));
    assert_eq!(get(&gateway.access).await.essence(), (403, r#"{"error":"insufficient_scope"}"#));
    assert_eq!(get(&tokens.access).await.status, 200);
    world.clock.advance(HOUR + 60);
    assert_eq!(get(&tokens.access).await.status, 401);
}

#[tokio::test]
async fn a_token_for_another_resource_server_is_for_the_issuer_too_unless_it_goes_to_gateways() {
    let world = World::start_for("https://gateway.example.org").await;
    let tokens = world.tokens().await;
    let gateway = gateway_tokens(&world).await;

    let audience = |token: &str| read_unverified(token).unwrap().get("aud").unwrap().clone();
    assert_eq!(audience(&tokens.access), json!(["https://gateway.example.org", world.base]));
    assert_eq!(audience(&gateway.access), json!("https://gateway.example.org"));
    assert_eq!(list(&world, &tokens.access).await.len(), 2);
    assert_eq!(call(&world, Method::GET, "/api/sessions", &gateway.access).await.status, 401);
}
