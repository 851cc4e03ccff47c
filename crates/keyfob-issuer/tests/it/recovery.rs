//! Recoverable rotation: the table of security §7.3, row by row, over HTTP.

use crate::browser::Answer;
use crate::world::{Kept, Tokens, World, on_both, refresh};
use futures_util::future::join_all;
use keyfob_codex::client::{CLIENT_ID, GATEWAY_CLIENT_ID};
use serde_json::json;

const DAY: i64 = 24 * 3600;
/// Attempt ids: of the device for the first token, of the device for the second, of somebody else.
const FIRST: Option<&str> = Some("AAAAAAAAAAAAAAAAAAAAAA");
const SECOND: Option<&str> = Some("BBBBBBBBBBBBBBBBBBBBBA");
const STRANGER: Option<&str> = Some("zzzzzzzzzzzzzzzzzzzzzg");
/// A client that sends none.
const STOCK: Option<&str> = None;

async fn present(world: &World, token: &str, attempt: Option<&str>) -> Answer {
    let headers: Vec<_> = attempt.map(|attempt| ("X-Refresh-Attempt", attempt)).into_iter().collect();
    world.browser().post_form_with("/oauth/token", &headers, &refresh(CLIENT_ID, token)).await
}

async fn next(world: &World, token: &str, attempt: Option<&str>) -> String {
    let answer = present(world, token, attempt).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    Tokens::read(&answer).refresh
}

async fn refused_as(world: &World, token: &str, attempt: Option<&str>) -> String {
    let answer = present(world, token, attempt).await;
    assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_grant")));
    answer.json()["code"].as_str().unwrap().to_owned()
}

/// Asserts that `token` ends its family, whose current token is `leaf`.
async fn ends(world: &World, token: &str, attempt: Option<&str>, leaf: &str) {
    assert_eq!(refused_as(world, token, attempt).await, "refresh_token_reused");
    assert_eq!(refused_as(world, leaf, attempt).await, "refresh_token_reused");
}

async fn acknowledge(world: &World, client: &str, token: &str) -> u16 {
    let form = [("client_id", client), ("refresh_token", token)];
    world.browser().post("/oauth/refresh/ack", &form).await.status
}

on_both!(r_02_the_same_attempt_gets_the_lost_answer_however_late_it_asks);
async fn r_02_the_same_attempt_gets_the_lost_answer_however_late_it_asks(kept: Kept) {
    for late in [0, 59, 600, 23 * 3600, 10 * DAY, 30 * DAY - 1] {
        let world = World::keeping(kept).await;
        let first = world.tokens().await.refresh;
        let lost = next(&world, &first, FIRST).await;

        world.clock.advance(late);

        assert_eq!(next(&world, &first, FIRST).await, lost, "after {late} s");
        next(&world, &lost, SECOND).await;
    }
}

on_both!(r_02_a_lost_answer_ends_with_the_idle_life_of_what_it_brought);
async fn r_02_a_lost_answer_ends_with_the_idle_life_of_what_it_brought(kept: Kept) {
    let world = World::keeping(kept).await;
    let first = world.tokens().await.refresh;
    next(&world, &first, FIRST).await;

    world.clock.advance(30 * DAY);

    assert_eq!(refused_as(&world, &first, FIRST).await, "refresh_token_expired");
}

on_both!(r_03_sixty_four_retries_at_once_get_the_one_leaf);
async fn r_03_sixty_four_retries_at_once_get_the_one_leaf(kept: Kept) {
    let world = World::keeping(kept).await;
    let first = world.tokens().await.refresh;

    let answers = join_all((0..64).map(|_| next(&world, &first, FIRST))).await;
    world.clock.advance(DAY);
    let afterwards = next(&world, &first, FIRST).await;

    assert_eq!(answers, vec![afterwards.clone(); 64]);
    next(&world, &afterwards, SECOND).await;
}

on_both!(i_27_anybody_gets_the_same_successor_for_ten_seconds);
async fn i_27_anybody_gets_the_same_successor_for_ten_seconds(kept: Kept) {
    for (spender, other) in [(FIRST, STOCK), (FIRST, STRANGER), (FIRST, Some("malformed"))] {
        let world = World::keeping(kept).await;
        let first = world.tokens().await.refresh;
        let second = next(&world, &first, spender).await;

        world.clock.advance(10);
        assert_eq!(next(&world, &first, other).await, second, "{other:?}");
        world.clock.advance(1);
        ends(&world, &first, other, &second).await;
    }
}

on_both!(i_27_where_a_stock_client_shares_the_login_it_is_sixty_seconds);
async fn i_27_where_a_stock_client_shares_the_login_it_is_sixty_seconds(kept: Kept) {
    for (spender, other) in [(STOCK, STOCK), (STOCK, FIRST), (Some("malformed"), STRANGER)] {
        let world = World::keeping(kept).await;
        let first = world.tokens().await.refresh;
        let second = next(&world, &first, spender).await;

        world.clock.advance(60);
        assert_eq!(next(&world, &first, other).await, second, "{other:?}");
        world.clock.advance(1);
        ends(&world, &first, other, &second).await;
    }
}

on_both!(i_27_a_stock_client_is_remembered_for_eight_generations);
async fn i_27_a_stock_client_is_remembered_for_eight_generations(kept: Kept) {
    for (ours, after_eleven_seconds) in [(7, 200), (8, 400)] {
        let world = World::keeping(kept).await;
        let first = world.tokens().await.refresh;
        let mut spent = first.clone();
        let mut leaf = next(&world, &first, STOCK).await;
        for _ in 0..ours {
            spent = leaf;
            leaf = next(&world, &spent, FIRST).await;
        }

        world.clock.advance(11);

        assert_eq!(present(&world, &spent, STOCK).await.status, after_eleven_seconds, "{ours}");
    }
}

on_both!(i_27_an_acknowledged_answer_is_not_repeated_to_a_stranger_after_the_window);
async fn i_27_an_acknowledged_answer_is_not_repeated_to_a_stranger_after_the_window(kept: Kept) {
    let world = World::keeping(kept).await;
    let first = world.tokens().await.refresh;
    let second = next(&world, &first, FIRST).await;
    assert_eq!(acknowledge(&world, CLIENT_ID, &second).await, 200);

    world.clock.advance(11);

    ends(&world, &first, STOCK, &second).await;
}

on_both!(i_27_an_acknowledgement_ends_no_race_of_a_stock_client);
async fn i_27_an_acknowledgement_ends_no_race_of_a_stock_client(kept: Kept) {
    let world = World::keeping(kept).await;
    let first = world.tokens().await.refresh;
    let second = next(&world, &first, FIRST).await;
    acknowledge(&world, CLIENT_ID, &second).await;

    world.clock.advance(10);

    assert_eq!(next(&world, &first, STOCK).await, second);
}

on_both!(i_27_the_same_attempt_after_its_acknowledgement_is_refused_softly_for_a_minute);
async fn i_27_the_same_attempt_after_its_acknowledgement_is_refused_softly_for_a_minute(kept: Kept) {
    let world = World::keeping(kept).await;
    let first = world.tokens().await.refresh;
    next(&world, &first, FIRST).await;
    world.clock.advance(3 * DAY);
    let second = next(&world, &first, FIRST).await;
    acknowledge(&world, CLIENT_ID, &second).await;

    // A twin of the retry that arrives late: the token was superseded days ago, and confirmed a moment ago.
    world.clock.advance(60);
    assert_eq!(refused_as(&world, &first, FIRST).await, "refresh_token_superseded");
    let third = next(&world, &second, SECOND).await;
    world.clock.advance(60);
    assert_eq!(refused_as(&world, &first, FIRST).await, "refresh_token_superseded");
    world.clock.advance(1);
    ends(&world, &first, FIRST, &third).await;
}

on_both!(i_27_a_soft_refusal_has_the_shape_of_the_hard_ones);
async fn i_27_a_soft_refusal_has_the_shape_of_the_hard_ones(kept: Kept) {
    let world = World::keeping(kept).await;
    let first = world.tokens().await.refresh;
    let second = next(&world, &first, FIRST).await;
    acknowledge(&world, CLIENT_ID, &second).await;

    let by_form = present(&world, &first, FIRST).await;

    assert_eq!(
        (by_form.status, by_form.json()),
        (
            400,
            json!({
                "error": "invalid_grant", "code": "refresh_token_superseded",
                "error_description": "The refresh token has been replaced. Use the one that is stored.",
            })
        )
    );
}

on_both!(i_27_an_older_generation_ends_the_family_in_every_window);
async fn i_27_an_older_generation_ends_the_family_in_every_window(kept: Kept) {
    for (attempt, generations) in [(STOCK, 2), (STRANGER, 2), (STRANGER, 12)] {
        let world = World::keeping(kept).await;
        let first = world.tokens().await.refresh;
        let mut leaf = first.clone();
        for _ in 0..generations {
            leaf = next(&world, &leaf, FIRST).await;
        }

        ends(&world, &first, attempt, &leaf).await;
    }
}

on_both!(i_27_the_sixty_fifth_replay_is_told_to_wait_and_ends_nothing);
async fn i_27_the_sixty_fifth_replay_is_told_to_wait_and_ends_nothing(kept: Kept) {
    let world = World::keeping(kept).await;
    let first = world.tokens().await.refresh;
    let second = next(&world, &first, STOCK).await;
    for _ in 0..64 {
        assert_eq!(next(&world, &first, STOCK).await, second);
    }

    let answer = present(&world, &first, STOCK).await;

    assert_eq!((answer.status, answer.headers["retry-after"].to_str().unwrap()), (429, "5"));
    assert_eq!(answer.json()["error"], "temporarily_unavailable");
    next(&world, &second, STOCK).await;
}

#[tokio::test]
async fn i_27_a_strict_issuer_repeats_an_answer_to_the_same_attempt_alone() {
    let world = World::start_with("[refresh]\nstrict = true\n").await;
    let (first, other) = (world.tokens().await.refresh, world.tokens().await.refresh);
    let second = next(&world, &first, FIRST).await;
    let leaf = next(&world, &other, STOCK).await;

    ends(&world, &other, STOCK, &leaf).await;
    world.clock.advance(DAY);
    assert_eq!(next(&world, &first, FIRST).await, second);
}

on_both!(i_27_only_the_own_current_token_is_acknowledged_and_everything_else_is_a_200);
async fn i_27_only_the_own_current_token_is_acknowledged_and_everything_else_is_a_200(kept: Kept) {
    let world = World::keeping(kept).await;
    let first = world.tokens().await.refresh;
    let second = next(&world, &first, FIRST).await;

    for (client, token) in [(CLIENT_ID, "kfr_unknown"), (CLIENT_ID, &*first), (GATEWAY_CLIENT_ID, &*second)] {
        assert_eq!(acknowledge(&world, client, token).await, 200);
    }
    assert_eq!(acknowledge(&world, "nobody", &second).await, 400);

    assert_eq!(next(&world, &first, FIRST).await, second, "nothing was confirmed");
    let body = json!({ "client_id": CLIENT_ID, "refresh_token": second });
    let by_json = world.browser().post_json("/oauth/refresh/ack", &body).await;
    assert_eq!(by_json.essence(), (200, ""));
    assert_eq!(refused_as(&world, &first, FIRST).await, "refresh_token_superseded");
}
