//! The issuer's signing keys take turns while a gateway and the real Codex CLI go on.

use crate::codex_gateway::{assert_answer, configuration, exec};
use anyhow::{Context as _, Result};
use keyfob_e2e::{World, codex};
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long a gateway takes a token of a key that was dropped, at most.
const LONGEST: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Returns the identifiers of the keys that the issuer publishes.
async fn published(world: &World, http: &reqwest::Client) -> Result<Vec<String>> {
    let document: Value = http.get(format!("{}/oauth/jwks", world.issuer())).send().await?.json().await?;
    let keys = document.get("keys").and_then(Value::as_array).context("a key set")?;
    Ok(keys.iter().filter_map(|key| key.get("kid").and_then(Value::as_str)).map(str::to_owned).collect())
}

/// Asks the gateway for its models; returns the state of the answer.
async fn models(world: &World, http: &reqwest::Client, token: &str) -> Result<u16> {
    let request = http.get(format!("{}/v1/models", world.gateway())).bearer_auth(token);
    Ok(request.send().await?.status().as_u16())
}

async fn signing(world: &World) -> Result<String> {
    let told: Value =
        serde_json::from_str(&world.on_host(&["signing-key", "list", "--output", "json"]).await?)?;
    let keys = told.get("signing_keys").and_then(Value::as_array).context("a list of keys")?;
    let signing = keys
        .iter()
        .find(|key| key.get("state").is_some_and(|state| state == "signing"))
        .context("a key that signs")?;
    Ok(signing.get("id").and_then(Value::as_str).context("its identifier")?.to_owned())
}

#[tokio::test]
async fn r_31_i_40_the_gateway_and_the_codex_cli_notice_nothing_of_a_new_signing_key() -> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let http = reqwest::Client::builder().no_proxy().build()?;
    let world = World::start().await?;
    let home = world.home("mia")?;
    home.sign_in(&mut world.form_client()?).await?;
    home.configure_codex(&configuration(&world, "requires_openai_auth = true"))?;
    let old = home.token().await?;
    assert_eq!(models(&world, &http, &old).await?, 200);

    // The harder case: no time for anybody to learn of it.
    world.on_host(&["signing-key", "rotate", "--now"]).await?;
    let (new, rotated) = (signing(&world).await?, Instant::now());
    while !published(&world, &http).await?.contains(&new) {
        assert!(rotated.elapsed() < LONGEST, "the issuer does not publish its new key");
        tokio::time::sleep(LOOK_EVERY).await;
    }

    assert_eq!(models(&world, &http, &old).await?, 200, "what the old key signed counts on");
    home.expire_access_token(world.signing_key())?;
    assert_answer(&exec(&world, &home, &codex).await?);
    let next = home.token().await?;
    assert_ne!(next, old);
    assert_eq!(models(&world, &http, &next).await?, 200);
    world.finish().await
}

#[tokio::test]
async fn r_31_what_a_dropped_key_signed_is_refused_within_a_minute_and_the_login_goes_on() -> Result<()> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let world = World::start().await?;
    let home = world.home("mia")?;
    home.sign_in(&mut world.form_client()?).await?;
    let old = home.token().await?;
    assert_eq!(models(&world, &http, &old).await?, 200);

    let stolen = signing(&world).await?;
    world.on_host(&["signing-key", "retire", &stolen]).await?;
    let dropped = Instant::now();
    while models(&world, &http, &old).await? == 200 {
        assert!(dropped.elapsed() < LONGEST, "the gateway still takes it");
        tokio::time::sleep(LOOK_EVERY).await;
    }

    assert!(!published(&world, &http).await?.contains(&stolen));
    home.expire_access_token(world.signing_key())?;
    let next = home.token().await?;
    assert_eq!(models(&world, &http, &next).await?, 200);
    world.finish().await
}
