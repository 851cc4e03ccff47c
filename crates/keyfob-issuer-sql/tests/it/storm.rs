//! Storms: one refresh token, presented 256 times at the same moment.

use crate::fixture::{Database, Place};
use crate::world::World;
use keyfob_codex::client::CLIENT_ID;
use keyfob_codex::errors::RefreshRejection;
use keyfob_issuer_core::attempt::RefreshAttempt;
use keyfob_issuer_core::operation::{Refresh, RefreshError};
use keyfob_issuer_core::workspace::AllowedWorkspaces;
use keyfob_oauth::{ClientId, RefreshToken};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

const PARALLEL: usize = 256;
/// Whoever rotates, and 64 that get the same again.
const SERVED: usize = 65;
const USUAL_ROUNDS: u32 = 100;
const LIVE: &str = "SELECT CAST(count(*) AS TEXT) FROM refresh_tokens WHERE superseded_at IS NULL";

#[tokio::test(flavor = "multi_thread")]
async fn i_24_of_256_at_once_one_rotates_64_get_the_same_and_the_rest_wait_on_sqlite() {
    storm(Place::file().database().await, None, SERVED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i_24_of_256_at_once_one_rotates_64_get_the_same_and_the_rest_wait_on_postgresql() {
    storm(Place::server().database().await, None, SERVED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i_24_of_256_retries_of_one_attempt_at_once_all_get_the_one_leaf_on_sqlite() {
    storm(Place::file().database().await, Some(RefreshAttempt::new("attempt")), PARALLEL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i_24_of_256_retries_of_one_attempt_at_once_all_get_the_one_leaf_on_postgresql() {
    storm(Place::server().database().await, Some(RefreshAttempt::new("attempt")), PARALLEL).await;
}

/// How many rounds: `scripts/storm` asks for more.
#[expect(clippy::disallowed_methods, reason = "the tests' adapter of the environment")]
fn rounds() -> u32 {
    std::env::var("KEYFOB_TEST_ROUNDS").map_or(USUAL_ROUNDS, |text| text.parse().unwrap())
}

async fn storm(database: Database, attempt: Option<RefreshAttempt>, served: usize) {
    let world = Arc::new(World::start(database).await);
    let mut leaf = world.issuer.exchange_code(world.code().await).await.unwrap().refresh_token;

    for round in 0..rounds() {
        let (tokens, told_to_wait) = present(&world, &leaf, attempt.as_ref()).await;

        assert_eq!((tokens.len(), told_to_wait), (served, PARALLEL - served), "round {round}");
        let distinct: BTreeSet<&str> = tokens.iter().map(RefreshToken::expose).collect();
        assert_eq!(distinct.len(), 1, "round {round}");
        assert_eq!(world.database.place.query(LIVE).await, ["1"], "round {round}");
        leaf = tokens.into_iter().next().unwrap();
    }
}

fn presenting(token: &RefreshToken, attempt: Option<&RefreshAttempt>) -> Refresh {
    Refresh {
        client_id: ClientId::new(CLIENT_ID),
        refresh_token: token.clone(),
        resource: None,
        allowed: AllowedWorkspaces::Any,
        attempt: attempt.cloned(),
    }
}

/// Presents `token` by as many tasks at once; returns what they got, and how many got nothing for now.
async fn present(
    world: &Arc<World>,
    token: &RefreshToken,
    attempt: Option<&RefreshAttempt>,
) -> (Vec<RefreshToken>, usize) {
    let mut tasks = JoinSet::new();
    for _ in 0..PARALLEL {
        let world = Arc::clone(world);
        let request = presenting(token, attempt);
        tasks.spawn(async move { world.issuer.refresh(request).await });
    }
    let (mut tokens, mut told_to_wait) = (Vec::new(), 0);
    for answer in tasks.join_all().await {
        match answer {
            Ok(issued) => tokens.push(issued.refresh_token),
            Err(RefreshError::SlowDown) => told_to_wait += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    (tokens, told_to_wait)
}

/// How old a spent token is when somebody presents it again.
const MONTH: Duration = Duration::from_hours(30 * 24);
const SWEEP_EVERY: Duration = Duration::from_millis(10);

#[tokio::test(flavor = "multi_thread")]
async fn i_87_sweeping_in_the_middle_of_a_storm_takes_nothing_that_counts_on_sqlite() {
    swept_storm(Place::file().database().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i_87_sweeping_in_the_middle_of_a_storm_takes_nothing_that_counts_on_postgresql() {
    swept_storm(Place::server().database().await).await;
}

/// Storms while everything that may be forgotten is, every ten milliseconds; then a token of a month ago comes again.
async fn swept_storm(database: Database) {
    let world = Arc::new(World::start(database).await);
    let first = world.issuer.exchange_code(world.code().await).await.unwrap().refresh_token;
    let sweeping = Arc::clone(&world);
    let sweeper = tokio::spawn(async move {
        loop {
            sweeping.issuer.sweep().await.unwrap();
            tokio::time::sleep(SWEEP_EVERY).await;
        }
    });

    let mut leaf = first.clone();
    for round in 0..rounds() / 10 {
        let (tokens, told_to_wait) = present(&world, &leaf, None).await;
        assert_eq!((tokens.len(), told_to_wait), (SERVED, PARALLEL - SERVED), "round {round}");
        assert_eq!(world.database.place.query(LIVE).await, ["1"], "round {round}");
        leaf = tokens.into_iter().next().unwrap();
    }
    for _ in 0..2 {
        world.clock.advance(MONTH / 2);
        leaf = world.issuer.refresh(presenting(&leaf, None)).await.unwrap().refresh_token;
    }

    let reused = world.issuer.refresh(presenting(&first, None)).await;
    assert!(matches!(reused, Err(RefreshError::Refused(RefreshRejection::Reused))), "{reused:?}");
    let ended = world.issuer.refresh(presenting(&leaf, None)).await;
    assert!(matches!(ended, Err(RefreshError::Refused(_))), "the whole family ended: {ended:?}");
    assert!(!sweeper.is_finished(), "it swept without a fault");
    sweeper.abort();
}
