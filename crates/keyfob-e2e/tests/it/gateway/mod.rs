//! The gateway as a program, before people and programs that are real.

mod at_home;
mod deliveries;
mod endless;
mod keys;
mod litellm;
mod local;
mod revoked;
mod said;
mod sandbox;
mod usage;

use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::World;
use std::time::{Duration, Instant};

/// The demo behind it.
const DEMO: &str = "[upstream.demo]\nurl = \"demo\"\n";

/// Returns what a request for the list of models is answered with.
async fn models(world: &World, credential: &str) -> Result<(u16, String)> {
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build()?;
    let request = http.get(format!("{}/v1/models", world.gateway())).bearer_auth(credential);
    let answer = request.send().await.context("the gateway does not answer")?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

/// Asks until the answer has this status; returns how long that took, and the answer.
async fn until(world: &World, credential: &str, status: u16, limit: Duration) -> Result<(Duration, String)> {
    let started = Instant::now();
    loop {
        let (found, text) = models(world, credential).await?;
        if found == status {
            return Ok((started.elapsed(), text));
        }
        ensure!(started.elapsed() < limit, "{found} and not {status} after {limit:?}: {text}");
        tokio::task::yield_now().await;
    }
}
