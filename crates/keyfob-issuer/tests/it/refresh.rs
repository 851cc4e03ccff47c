//! Refresh tokens: rotation, lost answers, reuse, revocation.

use crate::world::{Kept, Tokens, World, codex_request, exchange, on_both, refresh};
use futures_util::future::join_all;
use keyfob_codex::client::{CLIENT_ID, GATEWAY_CLIENT_ID};
use keyfob_jose::read_unverified;
use serde_json::json;

const DAY: i64 = 24 * 3600;

async fn next(world: &World, refresh_token: &str) -> String {
    let answer = world.refresh(refresh_token).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    Tokens::read(&answer).refresh
}

async fn refused_as(world: &World, refresh_token: &str) -> String {
    let answer = world.refresh(refresh_token).await;
    assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_grant")));
    answer.json()["code"].as_str().unwrap().to_owned()
}

on_both!(s_12_a_refresh_gives_new_tokens_of_the_same_login_without_the_nonce);
async fn s_12_a_refresh_gives_new_tokens_of_the_same_login_without_the_nonce(kept: Kept) {
    let world = World::keeping(kept).await;
    let first = world.tokens().await;
    world.clock.advance(1800);

    let second = Tokens::read(&world.refresh(&first.refresh).await);

    let claims = |token: &str| read_unverified(token).unwrap();
    assert_ne!(second.refresh, first.refresh);
    assert_eq!(claims(&second.access).text("sid"), claims(&first.access).text("sid"));
    assert_eq!(claims(&second.id).get("auth_time"), claims(&first.id).get("auth_time"));
    assert_eq!(claims(&second.id).get("nonce"), None);
    assert_ne!(claims(&second.access).text("jti"), claims(&first.access).text("jti"));
}

on_both!(i_24_parallel_presentations_of_one_token_make_one_leaf);
async fn i_24_parallel_presentations_of_one_token_make_one_leaf(kept: Kept) {
    let world = World::keeping(kept).await;
    let first = world.tokens().await.refresh;

    let answers = join_all((0..32).map(|_| world.refresh(&first))).await;

    let leaves: Vec<String> = answers.iter().map(|answer| Tokens::read(answer).refresh).collect();
    assert!(leaves.iter().all(|leaf| *leaf == leaves[0]));
    next(&world, &leaves[0]).await;
}

on_both!(i_25_of_tokens_made_in_one_second_and_across_a_restart_the_older_are_known);
async fn i_25_of_tokens_made_in_one_second_and_across_a_restart_the_older_are_known(kept: Kept) {
    let mut world = World::keeping(kept).await;
    let first = world.tokens().await.refresh;
    let second = next(&world, &first).await;
    world.restart_with("").await;
    let third = next(&world, &second).await;

    assert_eq!(refused_as(&world, &first).await, "refresh_token_reused");
    assert_eq!(refused_as(&world, &third).await, "refresh_token_reused");
}

on_both!(i_26_an_old_generation_ends_the_family);
async fn i_26_an_old_generation_ends_the_family(kept: Kept) {
    let world = World::keeping(kept).await;
    let first = world.tokens().await.refresh;
    let second = next(&world, &first).await;
    let third = next(&world, &second).await;

    assert_eq!(refused_as(&world, &first).await, "refresh_token_reused");
    assert_eq!(refused_as(&world, &third).await, "refresh_token_reused");
}

on_both!(i_28_another_client_gets_nothing_and_the_family_lives_on);
async fn i_28_another_client_gets_nothing_and_the_family_lives_on(kept: Kept) {
    let world = World::keeping(kept).await;
    let first = world.tokens().await.refresh;

    let stolen = world.browser().post("/oauth/token", &refresh(GATEWAY_CLIENT_ID, &first)).await;

    assert_eq!((stolen.status, stolen.json()["error"].as_str()), (400, Some("invalid_grant")));
    next(&world, &first).await;
}

on_both!(i_30_the_same_refusal_is_a_400_for_a_form_and_a_401_for_json);
async fn i_30_the_same_refusal_is_a_400_for_a_form_and_a_401_for_json(kept: Kept) {
    let world = World::keeping(kept).await;
    let body = json!({ "grant_type": "refresh_token", "client_id": CLIENT_ID, "refresh_token": "kfr_x",
        "refresh_reason": "proactive_expiry" });

    let by_json = world.browser().post_json("/oauth/token", &body).await;
    let by_form = world.refresh("kfr_x").await;

    let message = "The refresh token is not valid. Sign in again.";
    let code = "refresh_token_invalidated";
    assert_eq!(
        (by_json.status, by_json.json()),
        (401, json!({ "error": { "code": code, "message": message } }))
    );
    assert_eq!(
        (by_form.status, by_form.json()),
        (400, json!({ "error": "invalid_grant", "error_description": message, "code": code }))
    );
}

on_both!(i_30_a_token_ends_after_thirty_idle_days_and_a_login_after_a_hundred_and_eighty);
async fn i_30_a_token_ends_after_thirty_idle_days_and_a_login_after_a_hundred_and_eighty(kept: Kept) {
    let world = World::keeping(kept).await;
    let idle = world.tokens().await.refresh;
    let mut used = world.tokens().await.refresh;

    for _ in 0..6 {
        world.clock.advance(30 * DAY - 1);
        used = next(&world, &used).await;
    }
    world.clock.advance(6);

    assert_eq!(refused_as(&world, &used).await, "refresh_token_expired");
    assert_eq!(refused_as(&world, &idle).await, "refresh_token_expired");
}

on_both!(i_31_after_a_revocation_no_token_of_the_family_works);
async fn i_31_after_a_revocation_no_token_of_the_family_works(kept: Kept) {
    let world = World::keeping(kept).await;
    let first = world.tokens().await.refresh;
    let second = next(&world, &first).await;
    let body = json!({ "token": first, "token_type_hint": "refresh_token", "client_id": CLIENT_ID });

    let revoked = world.browser().post_json("/oauth/revoke", &body).await;

    assert_eq!((revoked.status, revoked.body.as_str()), (200, ""));
    for token in [&first, &second] {
        assert_eq!(refused_as(&world, token).await, "refresh_token_invalidated");
    }
}

on_both!(i_34_only_an_own_token_is_revoked_whatever_the_hint_and_everything_else_is_a_200);
async fn i_34_only_an_own_token_is_revoked_whatever_the_hint_and_everything_else_is_a_200(kept: Kept) {
    let world = World::keeping(kept).await;
    let tokens = world.tokens().await;
    let revoke = async |client: &str, token: &str, hint: &str| {
        let form = [("client_id", client), ("token", token), ("token_type_hint", hint)];
        world.browser().post("/oauth/revoke", &form).await.essence().0
    };

    assert_eq!(revoke(CLIENT_ID, "kfr_unknown", "refresh_token").await, 200);
    assert_eq!(revoke(CLIENT_ID, &tokens.id, "refresh_token").await, 200);
    assert_eq!(revoke(GATEWAY_CLIENT_ID, &tokens.access, "access_token").await, 200);
    assert_eq!(revoke(GATEWAY_CLIENT_ID, &tokens.refresh, "refresh_token").await, 200);
    assert_eq!(revoke("nobody", &tokens.refresh, "refresh_token").await, 400);
    let second = next(&world, &tokens.refresh).await;
    assert_eq!(revoke(CLIENT_ID, &second, "access_token").await, 200);
    assert_eq!(refused_as(&world, &second).await, "refresh_token_invalidated");
    let others = world.tokens().await;
    assert_eq!(revoke(CLIENT_ID, &others.access, "refresh_token").await, 200);
    assert_eq!(refused_as(&world, &others.refresh).await, "refresh_token_invalidated");
}

on_both!(i_06_one_kind_of_secret_is_worth_nothing_as_another);
async fn i_06_one_kind_of_secret_is_worth_nothing_as_another(kept: Kept) {
    let world = World::keeping(kept).await;
    let code = world.code(&codex_request()).await;
    let tokens = world.tokens().await;

    for foreign in [&code, &tokens.access, &tokens.id] {
        assert_eq!(refused_as(&world, foreign).await, "refresh_token_invalidated");
    }
    for foreign in [&tokens.refresh, &tokens.access, &tokens.id] {
        assert_eq!(world.browser().post("/oauth/token", &exchange(foreign)).await.status, 400);
    }
    assert_eq!(world.browser().post("/oauth/token", &exchange(&code)).await.status, 200);
}

on_both!(i_87_sweeping_at_any_time_forgets_no_token_that_counts_and_no_reuse);
async fn i_87_sweeping_at_any_time_forgets_no_token_that_counts_and_no_reuse(kept: Kept) {
    let world = World::keeping(kept).await;
    let first = world.tokens().await.refresh;
    let mut leaf = next(&world, &first).await;
    for _ in 0..6 {
        world.clock.advance(29 * DAY);
        world.sweep().await;
        leaf = next(&world, &leaf).await;
    }

    // 174 days later, the first token is still known to be spent.
    assert_eq!(refused_as(&world, &first).await, "refresh_token_reused");
    world.clock.advance(5 * DAY);
    world.sweep().await;
    assert_eq!(refused_as(&world, &leaf).await, "refresh_token_reused");
    world.clock.advance(2 * DAY);
    world.sweep().await;
    assert_eq!(refused_as(&world, &leaf).await, "refresh_token_invalidated", "nothing is left of the family");
}
