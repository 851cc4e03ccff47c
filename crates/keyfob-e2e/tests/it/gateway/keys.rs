//! Keys that a person made, at the gateway.

use super::{DEMO, models, until};
use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::World;
use keyfob_e2e::leak::Kind;
use std::time::Duration;

/// What has ended is refused by then (design §3.7).
pub(super) const SOON: Duration = Duration::from_secs(5);

/// Makes a key for the owner; returns its identifier and itself.
pub(super) async fn made(world: &World, command: &str) -> Result<(String, String)> {
    let owner = &world.owner().email;
    let printed =
        world.on_host(&[command, "create", "--email", owner, "--label", "ci", "--output", "json"]).await?;
    let made: serde_json::Value = serde_json::from_str(&printed)?;
    let member = |name: &str| {
        let found = made.get(name).and_then(serde_json::Value::as_str);
        found.map(str::to_owned).with_context(|| format!("no {name}"))
    };
    let (id, secret) = (member("id")?, member("secret")?);
    world.evidence().note(Kind::ApiKey, &secret);
    Ok((id, secret))
}

#[tokio::test]
async fn g_38_s_07_keys_open_the_gateway_until_they_are_revoked() -> Result<()> {
    let mut world = World::start().await?;
    world.configure_gateway(DEMO).await?;

    for command in ["token", "key"] {
        let (id, secret) = made(&world, command).await?;
        until(&world, &secret, 200, SOON).await?;

        world.on_host(&[command, "revoke", &id]).await?;

        let (took, text) = until(&world, &secret, 401, SOON).await?;
        ensure!(text.contains("invalid_token"), "after {took:?}: {text}");
    }
    ensure!(models(&world, "sk-kf-nobodys").await?.0 == 401);
    world.finish().await
}
