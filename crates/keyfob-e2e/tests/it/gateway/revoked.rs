//! A sign-in that ends while its requests run.

use super::endless::{Followers, Upstream};
use super::{DEMO, until};
use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::World;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The next request is refused by then, and every stream is over (design §3.7).
const REFUSED: Duration = Duration::from_secs(5);
const CUT: Duration = Duration::from_mins(1);
/// How many streams run.
const STREAMS: usize = 40;
/// How many of somebody else do.
const OTHERS: usize = 10;

/// How the gateway hears of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hears {
    /// The issuer answers a question that waits.
    ByPush,
    /// Those answers are swallowed, and the gateway asks every few seconds.
    ByPoll,
}

#[tokio::test]
async fn r_32_under_load_a_session_that_ended_is_refused_in_5_seconds_and_whoever_streams_with_it_next()
-> Result<()> {
    let mut world = World::start().await?;
    world.configure_gateway(DEMO).await?;
    let (home, other) = (world.home("mia")?, world.home("desk")?);
    home.sign_in(&mut world.form_client()?).await?;
    other.sign_in(&mut world.form_client()?).await?;
    let (token, others) = (home.token().await?, other.token().await?);
    until(&world, &token, 200, REFUSED).await?;
    let mut load = JoinSet::new();
    for _ in 0..STREAMS {
        load.spawn(stream_for_ever(world.gateway().to_owned(), token.clone()));
    }

    home.expect(0, &["logout"]).await?;
    let ended = Instant::now();

    let (took, text) = until(&world, &token, 401, REFUSED).await?;
    ensure!(text.contains("invalid_token"), "{text}");
    while let Some(last) = load.join_next().await {
        let last = last??;
        ensure!(ended.elapsed() < CUT, "a stream runs for {:?}", ended.elapsed());
        ensure!(last == 401, "the next request of a stream's caller is answered with {last}");
    }
    ensure!(super::models(&world, &others).await?.0 == 200, "refused after {took:?}, and others too");
    world.finish().await
}

#[tokio::test]
async fn r_32_g_38_answers_that_run_end_within_a_minute_of_their_session_and_no_other_does() -> Result<()> {
    println!("{}", answers_end_with_their_session(Hears::ByPush).await?);
    Ok(())
}

#[tokio::test]
async fn r_32_g_38_answers_that_run_end_within_a_minute_of_their_session_while_nothing_is_pushed()
-> Result<()> {
    println!("{}", answers_end_with_their_session(Hears::ByPoll).await?);
    Ok(())
}

/// Returns how long everything took.
async fn answers_end_with_their_session(hears: Hears) -> Result<String> {
    let upstream = Upstream::start().await?;
    let mut world = World::start().await?;
    world.configure_gateway(&upstream.section()).await?;
    let (home, other) = (world.home("mia")?, world.home("desk")?);
    home.sign_in(&mut world.form_client()?).await?;
    other.sign_in(&mut world.form_client()?).await?;
    let (token, others) = (home.token().await?, other.token().await?);
    until(&world, &token, 200, REFUSED).await?;
    let ending = Followers::begin(&world, &token, STREAMS).await?;
    let staying = Followers::begin(&world, &others, OTHERS).await?;
    if hears == Hears::ByPoll {
        world.wire().swallow_pushes();
    }

    let began = Instant::now();
    home.expect(0, &["logout"]).await?;
    let signed_out = began.elapsed();

    let (ended, (refused, _)) = tokio::try_join!(ending.cut_off(), until(&world, &token, 401, REFUSED))?;
    let ended = ended.duration_since(began);
    ensure!(ended < CUT, "an answer went on for {ended:?}");
    staying.go_on().await?;
    upstream.runs(OTHERS).await?;
    let swallowed = world.wire().swallowed_pushes();
    ensure!((swallowed > 0) == (hears == Hears::ByPoll), "{swallowed} pushes were swallowed");
    drop(staying);
    world.finish().await?;
    Ok(format!(
        "{hears:?}: `logout` took {signed_out:?}; refused {refused:?} after it; the last of {STREAMS} answers was over {ended:?} \
         after its start; {OTHERS} others went on"
    ))
}

/// Asks for one streamed answer after the other; returns the status that ended it.
async fn stream_for_ever(gateway: String, token: String) -> Result<u16> {
    let http = reqwest::Client::builder().no_proxy().timeout(CUT).build()?;
    loop {
        let request =
            http.post(format!("{gateway}/v1/responses")).bearer_auth(&token).body(r#"{"stream":true}"#);
        let answer = request.send().await.context("the gateway does not answer")?;
        if !answer.status().is_success() {
            return Ok(answer.status().as_u16());
        }
        // Cut off in the middle, or whole: the next request tells.
        answer.bytes().await.ok();
    }
}
