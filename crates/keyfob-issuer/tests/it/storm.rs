//! Storms: one refresh token, presented by many at the same moment.

use crate::browser::Browser;
use crate::world::{Kept, Tokens, World, on_both, refresh};
use futures_util::future::join_all;
use keyfob_codex::client::CLIENT_ID;
use std::collections::BTreeSet;

const PARALLEL: usize = 256;
/// Whoever rotates, and 64 that get the same again.
const SERVED: usize = 65;
/// More of them, without HTTP, are in `keyfob-issuer-sql`.
const ROUNDS: u32 = 3;

/// Presents `token` at once on so many connections; returns the statuses and the tokens that came back.
async fn present(browser: &Browser, token: &str, attempt: Option<&str>) -> (Vec<u16>, BTreeSet<String>) {
    let headers: Vec<_> = attempt.map(|attempt| ("X-Refresh-Attempt", attempt)).into_iter().collect();
    let form = refresh(CLIENT_ID, token);
    let answers = join_all(
        (0..PARALLEL)
            .map(|_| async { browser.clone().post_form_with("/oauth/token", &headers, &form).await }),
    )
    .await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    let served = answers.iter().filter(|answer| answer.status == 200);
    (statuses, served.map(|answer| Tokens::read(answer).refresh).collect())
}

on_both!(i_24_of_256_that_present_one_token_at_once_one_rotates_64_get_the_same_and_the_rest_wait);
async fn i_24_of_256_that_present_one_token_at_once_one_rotates_64_get_the_same_and_the_rest_wait(
    kept: Kept,
) {
    let world = World::keeping(kept).await;
    let browser = world.browser();
    let mut leaf = world.tokens().await.refresh;
    let expected = [vec![200; SERVED], vec![429; PARALLEL - SERVED]].concat();

    for round in 0..ROUNDS {
        let (statuses, tokens) = present(&browser, &leaf, None).await;

        assert_eq!(statuses, expected, "round {round}");
        assert_eq!(tokens.len(), 1, "round {round}");
        leaf = tokens.into_iter().next().unwrap();
    }
}

on_both!(i_24_256_retries_of_one_attempt_at_once_all_get_the_one_leaf);
async fn i_24_256_retries_of_one_attempt_at_once_all_get_the_one_leaf(kept: Kept) {
    let world = World::keeping(kept).await;
    let browser = world.browser();
    let mut leaf = world.tokens().await.refresh;

    for round in 0..ROUNDS {
        let (statuses, tokens) = present(&browser, &leaf, Some("AAAAAAAAAAAAAAAAAAAAAA")).await;

        assert_eq!((statuses, tokens.len()), (vec![200; PARALLEL], 1), "round {round}");
        leaf = tokens.into_iter().next().unwrap();
    }
}
