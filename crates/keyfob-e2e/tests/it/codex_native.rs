//! The sign-in to our gateway that the real Codex CLI does by itself (`gateway_oauth`), without `keyfob`.

use crate::codex_gateway::{assert_answer, configuration, exec};
use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::leak::Stream;
use keyfob_e2e::process::{LIMIT, Running};
use keyfob_e2e::{Home, World, codex, files};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use url::Url;

#[tokio::test]
async fn s_23_codex_exec_signs_in_to_our_gateway_by_itself_and_refreshes() -> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let world = World::start().await?;
    let home = world.home("mia")?;
    home.configure_codex(&native(&world))?;

    let first = exec(&world, &home, &codex).await?;
    let signed_in = access_token(&home)?;
    expire(&home)?;
    let second = exec(&world, &home, &codex).await?;

    assert_answer(&first);
    assert_answer(&second);
    assert_eq!((world.wire().tally().refreshes, world.wire().tally().successors), (1, 1));
    assert_ne!(access_token(&home)?, signed_in);
    home.expect(4, &["token"]).await?;
    world.finish().await
}

#[tokio::test]
async fn s_23_s_19_the_gateway_sign_in_of_the_codex_cli_by_a_device_code() -> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let world = World::start().await?;
    let home = world.home("mia")?;
    home.configure_codex(&native(&world))?;

    sign_in_with_device(&world, &home, &codex).await?;
    let first = exec(&world, &home, &codex).await?;
    expire(&home)?;
    let second = exec(&world, &home, &codex).await?;

    assert_answer(&first);
    assert_answer(&second);
    assert_eq!(world.wire().tally().refreshes, 1, "with the resource that the start did not name");
    world.finish().await
}

#[tokio::test]
async fn r_06_four_codex_cli_at_the_expiry_of_their_gateway_sign_in_refresh_once() -> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let world = World::start().await?;
    let home = world.home("mia")?;
    home.configure_codex(&native(&world))?;
    sign_in_with_device(&world, &home, &codex).await?;
    expire(&home)?;

    let mut running = Vec::new();
    for _ in 0..4 {
        running.push(start_exec(&world, &home, &codex).await?);
    }
    for mut each in running {
        assert_answer(&each.finished(LIMIT).await?.expect_code(0)?);
    }

    assert_eq!(world.wire().tally().refreshes, 1);
    world.finish().await
}

#[tokio::test]
async fn r_02_a_gateway_sign_in_of_the_codex_cli_survives_five_kills_of_five_during_its_refresh() -> Result<()>
{
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let world = World::start().await?;
    let home = world.home("mia")?;
    home.configure_codex(&native(&world))?;
    sign_in_with_device(&world, &home, &codex).await?;

    for round in 0..5 {
        expire(&home)?;
        let before = access_token(&home)?;
        let mut held = world.wire().hold();
        let mut killed = start_exec(&world, &home, &codex).await?;
        // The issuer has rotated; nothing is stored yet.
        held.has_come().await?;
        killed.kill();
        killed.finished(LIMIT).await?;
        drop(held);
        ensure!(access_token(&home)? == before, "round {round}: it stored what it did not get");

        let next = exec(&world, &home, &codex).await.with_context(|| format!("round {round}"))?;

        assert_answer(&next);
        assert_ne!(access_token(&home)?, before);
    }
    world.finish().await
}

/// The configuration that `docs/devices.md` shows.
pub(crate) fn native(world: &World) -> String {
    let issuer = world.issuer();
    let table = format!(
        r#"
        [model_providers.ours.gateway_oauth]
        authorization_url = "{issuer}/oauth/authorize"
        device_authorization_url = "{issuer}/oauth/device_authorization"
        token_url = "{issuer}/oauth/token"
        client_id = "codex-gateway"
        scopes = ["openid", "offline_access"]
        resource = "{issuer}"
        credentials_store = "file"
        "#
    );
    configuration(world, &table)
}

/// Signs in as an IDE does: through the app-server, with a code that its person types elsewhere.
pub(crate) async fn sign_in_with_device(world: &World, home: &Home, codex: &Path) -> Result<()> {
    let messages = [
        json!({ "id": 1, "method": "initialize", "params": {
            "clientInfo": { "name": "test", "title": "test", "version": "1" },
            "capabilities": { "explicitGatewayOauth": true },
        } }),
        json!({ "method": "initialized" }),
        json!({ "id": 2, "method": "account/gatewayOAuth/login", "params": { "deviceAuth": true } }),
    ];
    let input = messages.map(|message| message.to_string() + "\n").concat();
    let running = home.codex(codex, &["app-server"])?.stdin_open(input).start(world.evidence()).await?;
    let answer = running.line(Stream::Stdout, |line| says(line, "/id", &json!(2))).await?;
    let result: Value = serde_json::from_str(&answer)?;
    let text = |member: &str| {
        let found = result.pointer("/result/prompt").and_then(|prompt| prompt.get(member)?.as_str());
        found.with_context(|| format!("no {member} in {answer}"))
    };
    let (address, code) = (Url::parse(text("verificationUrl")?)?, text("userCode")?);
    world.form_client()?.approve_device(&address, code, world.owner()).await?;
    let is_done = |line: &str| {
        says(line, "/method", &json!("account/gatewayOAuth/changed"))
            && says(line, "/params/status", &json!("succeeded"))
    };
    running.line(Stream::Stdout, is_done).await?;
    ensure!(store(home).is_file(), "nothing was stored");
    Ok(())
}

/// Whether the message in `line` has this value at `pointer` (RFC 6901).
fn says(line: &str, pointer: &str, value: &Value) -> bool {
    serde_json::from_str(line).is_ok_and(|message: Value| message.pointer(pointer) == Some(value))
}

async fn start_exec(world: &World, home: &Home, codex: &Path) -> Result<Running> {
    home.codex(codex, &["exec", "--skip-git-repo-check", "hi"])?.start(world.evidence()).await
}

fn store(home: &Home) -> PathBuf {
    home.codex_home().join("secrets/gateway_oauth.json")
}

/// Returns what the store holds of the one sign-in, and the name that it has there.
fn entry(home: &Home) -> Result<(String, Value)> {
    let all: serde_json::Map<String, Value> = serde_json::from_slice(&std::fs::read(store(home))?)?;
    ensure!(all.len() == 1, "{} sign-ins", all.len());
    all.into_iter().next().context("no sign-in")
}

fn access_token(home: &Home) -> Result<String> {
    let (_, entry) = entry(home)?;
    Ok(entry.get("access_token").and_then(Value::as_str).context("no access token")?.to_owned())
}

/// Lets the stored access token have ended a minute ago, as far as the client knows.
fn expire(home: &Home) -> Result<()> {
    let (name, mut entry) = entry(home)?;
    let end = entry.get_mut("expires_at").filter(|end| end.is_number()).context("no number of seconds")?;
    #[expect(clippy::disallowed_methods, reason = "a test's own clock")]
    let past = SystemTime::now().duration_since(UNIX_EPOCH)?.saturating_sub(Duration::from_mins(1)).as_secs();
    *end = past.into();
    files::replace(&store(home), json!({ name: entry }).to_string().as_bytes())
}
