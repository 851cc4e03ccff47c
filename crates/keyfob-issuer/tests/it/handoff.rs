//! A session hands over to another machine, which gets a session of its own (RFC 8693).

use crate::browser::Answer;
use crate::trail::entries;
use crate::world::{Kept, Tokens, World, changed, codex_request, exchange, on_both};
use futures_util::future::join_all;
use keyfob_codex::client::{CLIENT_ID, GATEWAY_CLIENT_ID};
use keyfob_jose::read_unverified;
use reqwest::Method;
use serde_json::{Value, json};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const REFRESH_TOKEN: &str = "urn:ietf:params:oauth:token-type:refresh_token";
const HANDOFF: &str = "urn:keyfob:token-type:handoff";
const DAY: i64 = 24 * 3600;

/// Asks for a code with a session's refresh token.
pub(crate) async fn hand_over(world: &World, refresh_token: &str, changes: &[(&str, &str)]) -> Answer {
    let form = [
        ("grant_type", EXCHANGE),
        ("client_id", CLIENT_ID),
        ("subject_token", refresh_token),
        ("subject_token_type", REFRESH_TOKEN),
        ("requested_token_type", HANDOFF),
        ("session_name", "mia@box"),
    ];
    world.browser().post("/oauth/token", &changed(&form, changes)).await
}

/// Begins the session that a code stands for, as the program on a machine called `box` does.
pub(crate) async fn take_over(world: &World, code: &str, changes: &[(&str, &str)]) -> Answer {
    let form = [
        ("grant_type", EXCHANGE),
        ("client_id", CLIENT_ID),
        ("subject_token", code),
        ("subject_token_type", HANDOFF),
    ];
    let headers = [("user-agent", "keyfob/1.2"), ("x-session-machine", "box")];
    world.browser().post_form_with("/oauth/token", &headers, &changed(&form, changes)).await
}

pub(crate) async fn handoff_code(world: &World, refresh_token: &str) -> String {
    let answer = hand_over(world, refresh_token, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

async fn handed_over(world: &World, refresh_token: &str) -> Tokens {
    let answer = take_over(world, &handoff_code(world, refresh_token).await, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    Tokens::read(&answer)
}

async fn list(world: &World, token: &str) -> Vec<Value> {
    let answer = world.browser().call(Method::GET, "/api/sessions", token, None).await;
    answer.json()["sessions"].as_array().unwrap().clone()
}

fn session_of(tokens: &Tokens) -> String {
    read_unverified(&tokens.access).unwrap().text("sid").unwrap().to_owned()
}

fn refused(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["error_description"].as_str().unwrap_or_default().to_owned())
}

fn invalid() -> (u16, String) {
    (400, "the subject token is not valid".to_owned())
}

on_both!(c_65_a_session_that_is_handed_over_is_another_one_under_its_own_name_and_ends_alone);
async fn c_65_a_session_that_is_handed_over_is_another_one_under_its_own_name_and_ends_alone(kept: Kept) {
    let world = World::keeping(kept).await;
    let tokens = world.tokens().await;
    world.clock.advance(60);

    let answer = hand_over(&world, &tokens.refresh, &[]).await;
    let code = answer.json()["access_token"].as_str().unwrap().to_owned();
    let expected = json!({
        "access_token": code, "issued_token_type": HANDOFF, "token_type": "N_A", "expires_in": 600,
        "scope": keyfob_codex::authorize::SCOPE,
    });
    assert_eq!((answer.status, answer.json()), (200, expected));
    let taken = take_over(&world, &code, &[]).await;
    let new = Tokens::read(&taken);
    let expected = json!({
        "access_token": new.access, "refresh_token": new.refresh, "id_token": new.id, "expires_in": 3600,
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token", "token_type": "Bearer",
        "scope": keyfob_codex::authorize::SCOPE,
    });
    assert_eq!(taken.json(), expected);

    let listed = list(&world, &tokens.access).await;
    let shown =
        |session: &Value| ["id", "name", "tool", "machine", "current"].map(|member| session[member].clone());
    assert_eq!(
        listed.iter().map(shown).collect::<Vec<_>>(),
        [
            [json!(session_of(&new)), json!("mia@box"), json!("keyfob/1.2"), json!("box"), json!(false)],
            [json!(session_of(&tokens)), Value::Null, Value::Null, Value::Null, json!(true)],
        ]
    );
    let path = format!("/api/sessions/{}", session_of(&new));
    assert_eq!(world.browser().call(Method::DELETE, &path, &tokens.access, None).await.status, 204);
    assert_eq!(world.refresh(&new.refresh).await.json()["code"], "refresh_token_invalidated");
    assert_eq!(world.refresh(&tokens.refresh).await.status, 200);
}

#[tokio::test]
async fn c_65_a_session_goes_on_when_the_one_that_it_was_handed_over_by_ends() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    let new = handed_over(&world, &tokens.refresh).await;
    let logout = [("client_id", CLIENT_ID), ("token", &*tokens.refresh)];

    assert_eq!(world.browser().post("/oauth/revoke", &logout).await.status, 200);

    assert_eq!(world.refresh(&tokens.refresh).await.status, 400);
    assert_eq!(world.refresh(&new.refresh).await.status, 200);
}

on_both!(i_26_a_session_that_was_stolen_takes_with_it_what_its_thief_had_handed_over);
async fn i_26_a_session_that_was_stolen_takes_with_it_what_its_thief_had_handed_over(kept: Kept) {
    let world = World::keeping(kept).await;
    let (tokens, bystander) = (world.tokens().await, world.tokens().await);
    let first = handed_over(&world, &tokens.refresh).await;
    let second = handed_over(&world, &first.refresh).await;
    let next = Tokens::read(&world.refresh(&tokens.refresh).await);
    assert_eq!(world.refresh(&next.refresh).await.status, 200);
    world.clock.advance(3600);

    assert_eq!(world.refresh(&tokens.refresh).await.json()["code"], "refresh_token_reused");

    for ended in [&first, &second] {
        assert_eq!(world.refresh(&ended.refresh).await.json()["code"], "refresh_token_reused");
    }
    assert_eq!(world.refresh(&bystander.refresh).await.status, 200);
}

on_both!(c_65_both_refresh_a_thousand_times_and_neither_ends_the_other);
async fn c_65_both_refresh_a_thousand_times_and_neither_ends_the_other(kept: Kept) {
    let world = World::keeping(kept).await;
    let mut source = world.tokens().await;
    let mut target = handed_over(&world, &source.refresh).await;

    for _ in 0..1_000 {
        let (one, other) = tokio::join!(world.refresh(&source.refresh), world.refresh(&target.refresh));
        (source, target) = (Tokens::read(&one), Tokens::read(&other));
    }

    let reuses = entries(&world).await.into_iter().filter(|entry| entry["action"] == "session.token_reuse");
    assert_eq!(reuses.collect::<Vec<_>>(), Vec::<Value>::new());
    assert_eq!(list(&world, &source.access).await.len(), 2);
}

on_both!(c_65_a_code_works_once_and_a_second_use_ends_what_the_first_began_however_late);
async fn c_65_a_code_works_once_and_a_second_use_ends_what_the_first_began_however_late(kept: Kept) {
    let world = World::keeping(kept).await;
    let tokens = world.tokens().await;
    for later in [0, DAY] {
        let code = handoff_code(&world, &tokens.refresh).await;
        let first = Tokens::read(&take_over(&world, &code, &[]).await);
        world.clock.advance(later);

        assert_eq!(refused(&take_over(&world, &code, &[]).await), invalid());

        assert_eq!(world.refresh(&first.refresh).await.json()["code"], "refresh_token_reused");
    }
    assert_eq!(world.refresh(&tokens.refresh).await.status, 200);
}

on_both!(c_65_of_many_who_bring_one_code_at_once_at_most_one_gets_a_session_which_then_ends);
async fn c_65_of_many_who_bring_one_code_at_once_at_most_one_gets_a_session_which_then_ends(kept: Kept) {
    let world = World::keeping(kept).await;
    let tokens = world.tokens().await;
    let code = handoff_code(&world, &tokens.refresh).await;

    let answers = join_all((0..8).map(|_| take_over(&world, &code, &[]))).await;

    let (given, others): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(given.len(), 1);
    assert!(others.iter().all(|answer| refused(answer) == invalid()));
    assert_eq!(world.refresh(&Tokens::read(given[0]).refresh).await.status, 400);
}

#[tokio::test]
async fn c_65_a_code_ends_after_ten_minutes_and_with_the_session_that_made_it() {
    let world = World::start().await;
    let (tokens, other) = (world.tokens().await, world.tokens().await);
    let late = handoff_code(&world, &tokens.refresh).await;
    let in_time = handoff_code(&world, &tokens.refresh).await;
    world.clock.advance(599);
    assert_eq!(take_over(&world, &in_time, &[]).await.status, 200);
    let orphaned = handoff_code(&world, &other.refresh).await;
    let logout = [("client_id", CLIENT_ID), ("token", &*other.refresh)];
    world.browser().post("/oauth/revoke", &logout).await;
    world.clock.advance(1);

    assert_eq!(refused(&take_over(&world, &late, &[]).await), invalid());
    assert_eq!(refused(&take_over(&world, &orphaned, &[]).await), invalid());
}

on_both!(c_65_handing_over_while_all_sessions_end_leaves_none_that_works);
async fn c_65_handing_over_while_all_sessions_end_leaves_none_that_works(kept: Kept) {
    let world = World::keeping(kept).await;
    for _ in 0..10 {
        let (caller, source) = (world.tokens().await, world.tokens().await);
        let mut codes = Vec::new();
        for _ in 0..3 {
            codes.push(handoff_code(&world, &source.refresh).await);
        }

        let taken = join_all(codes.iter().map(|code| take_over(&world, code, &[])));
        let mut all = world.browser();
        let (answers, ended) =
            tokio::join!(taken, all.call(Method::DELETE, "/api/sessions", &caller.access, None));

        assert_eq!(ended.status, 200);
        for answer in answers.iter().filter(|answer| answer.status == 200) {
            assert_eq!(world.refresh(&Tokens::read(answer).refresh).await.status, 400);
        }
    }
}

#[tokio::test]
async fn c_65_a_session_that_is_handed_over_ends_when_the_one_before_it_would() {
    let world = World::start().await;
    let mut tokens = world.tokens().await;
    for _ in 0..7 {
        world.clock.advance(25 * DAY);
        tokens = Tokens::read(&world.refresh(&tokens.refresh).await);
    }
    let mut new = handed_over(&world, &tokens.refresh).await;
    world.clock.advance(4 * DAY);
    new = Tokens::read(&world.refresh(&new.refresh).await);
    let newer = handed_over(&world, &new.refresh).await;
    world.clock.advance(DAY);

    for refresh_token in [&tokens.refresh, &new.refresh, &newer.refresh] {
        assert_eq!(world.refresh(refresh_token).await.json()["code"], "refresh_token_expired");
    }
}

#[tokio::test]
async fn c_65_only_the_current_refresh_token_of_the_cli_hands_over_and_it_stays_current() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    let client = [("client_id", GATEWAY_CLIENT_ID), ("redirect_uri", "http://127.0.0.1:1/callback")];
    let code = world.code(&changed(&codex_request(), &client)).await;
    let gateways =
        Tokens::read(&world.browser().post("/oauth/token", &changed(&exchange(&code), &client)).await);
    handoff_code(&world, &tokens.refresh).await;
    let next = Tokens::read(&world.refresh(&tokens.refresh).await);

    let gateway = [("client_id", GATEWAY_CLIENT_ID)];
    for (subject, changes) in [
        (&*tokens.refresh, &[][..]),
        (&next.access, &[]),
        (&next.id, &[]),
        ("x", &[]),
        (&gateways.refresh, &[]),
        (&gateways.refresh, &gateway),
        (&next.refresh, &gateway),
    ] {
        assert_eq!(refused(&hand_over(&world, subject, changes).await), invalid(), "{subject}");
    }
    for change in
        [("requested_token_type", ""), ("requested_token_type", REFRESH_TOKEN), ("actor_token", "x")]
    {
        assert_eq!(hand_over(&world, &next.refresh, &[change]).await.status, 400, "{change:?}");
    }
    let code = handoff_code(&world, &next.refresh).await;
    for change in [gateway[0], ("requested_token_type", HANDOFF), ("client_id", "nobody")] {
        assert_eq!(take_over(&world, &code, &[change]).await.status, 400, "{change:?}");
    }
    assert_eq!(take_over(&world, &code, &[]).await.status, 200);
}

#[tokio::test]
async fn c_65_a_spent_token_that_hands_over_ends_its_session_as_one_that_is_redeemed() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    let next = Tokens::read(&world.refresh(&tokens.refresh).await);
    let last = Tokens::read(&world.refresh(&next.refresh).await);
    world.clock.advance(3600);

    assert_eq!(refused(&hand_over(&world, &tokens.refresh, &[]).await), invalid());

    assert_eq!(world.refresh(&last.refresh).await.json()["code"], "refresh_token_reused");
}

#[tokio::test]
async fn i_77_a_handing_over_is_told_by_both_of_its_sessions() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    let before = entries(&world).await.len();

    let code = handoff_code(&world, &tokens.refresh).await;
    let new = Tokens::read(&take_over(&world, &code, &[]).await);
    take_over(&world, &code, &[]).await;

    let (source, target) = (session_of(&tokens), session_of(&new));
    let owner = read_unverified(&tokens.access).unwrap().text("sub").unwrap().to_owned();
    let told = |entry: &Value| {
        json!(
            ["action", "outcome", "subject", "client", "about", "detail"].map(|member| entry[member].clone())
        )
    };
    assert_eq!(
        entries(&world).await[before..].iter().map(told).collect::<Vec<_>>(),
        [
            json!(["session.hand_over", "done", owner, CLIENT_ID, source, format!("to {target}")]),
            json!(["session.begin", "done", owner, CLIENT_ID, target, format!("handed over by {source}")]),
            json!(["session.begin", "refused", owner, CLIENT_ID, target, "handoff code used before"]),
        ]
    );
}
