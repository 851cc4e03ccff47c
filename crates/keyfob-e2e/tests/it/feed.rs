//! A gateway that follows what has ended at its issuer, both as programs of their own.

use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::World;
use std::time::{Duration, Instant};

/// What has ended is refused at the gateway by then (security I-72).
const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn i_72_g_38_a_session_that_ended_is_refused_at_the_gateway_while_its_token_has_not() -> Result<()> {
    let mut world = World::start().await?;
    world.follow_revocations().await?;
    let (home, other) = (world.home("mia")?, world.home("desk")?);
    home.sign_in(&mut world.form_client()?).await?;
    other.sign_in(&mut world.form_client()?).await?;
    let (token, others) = (home.token().await?, other.token().await?);
    until(&world, &token, 200).await?;
    ensure!(models(&world, &others).await? == 200);

    home.expect(0, &["logout"]).await?;

    until(&world, &token, 401).await?;
    ensure!(models(&world, &others).await? == 200, "the other session goes on");
    other.expect(0, &["logout", "--all"]).await?;
    until(&world, &others, 401).await?;
    world.finish().await
}

#[tokio::test]
async fn g_38_what_has_ended_stays_so_while_the_issuer_is_away_and_other_sessions_go_on() -> Result<()> {
    let mut world = World::start().await?;
    world.follow_revocations().await?;
    let (home, other) = (world.home("mia")?, world.home("desk")?);
    home.sign_in(&mut world.form_client()?).await?;
    other.sign_in(&mut world.form_client()?).await?;
    let (token, others) = (home.token().await?, other.token().await?);
    home.expect(0, &["logout"]).await?;
    until(&world, &token, 401).await?;

    world.stop_issuer().await?;

    ensure!(models(&world, &token).await? == 401);
    ensure!(models(&world, &others).await? == 200, "the grace");
    world.finish().await
}

async fn until(world: &World, token: &str, status: u16) -> Result<()> {
    let started = Instant::now();
    loop {
        let found = models(world, token).await?;
        if found == status {
            return Ok(());
        }
        ensure!(started.elapsed() < SOON, "{found} and not {status}");
        tokio::task::yield_now().await;
    }
}

async fn models(world: &World, token: &str) -> Result<u16> {
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build()?;
    let answer = http.get(format!("{}/v1/models", world.gateway())).bearer_auth(token).send().await;
    Ok(answer.context("the gateway does not answer")?.status().as_u16())
}
