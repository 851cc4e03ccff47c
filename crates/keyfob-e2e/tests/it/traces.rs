//! Whole scenarios in which our programs log all that they and their libraries can: no secret is in it.

use crate::codex_gateway::{configuration, exec};
use crate::codex_login::{device_sign_in, printed_code};
use anyhow::{Result, ensure};
use keyfob_e2e::leak::Stream;
use keyfob_e2e::process::{Finished, LIMIT};
use keyfob_e2e::{Store, World, codex};

#[tokio::test]
async fn c_46_at_trace_level_no_program_and_no_library_logs_a_secret() -> Result<()> {
    let world = World::start_at_trace_level().await?;
    let home = world.home("mia")?;

    home.sign_in_with_browser().await?;
    home.token().await?;
    home.expire_access_token(world.signing_key())?;
    let refreshed = home.expect(0, &["token"]).await?;
    home.token().await?;
    let listed = home.expect(0, &["session", "list"]).await?;
    for arguments in [["status", "--check"].as_slice(), &["why"], &["doctor"], &["login", "status"]] {
        home.keyfob(arguments)?.run(world.evidence()).await?;
    }
    let other = world.home("other")?;
    other.sign_in(&mut world.form_client()?).await?;
    other.write_auth_text(&home.auth_text()?)?;
    other.expire_access_token(world.signing_key())?;
    other.keyfob(&["token"])?.run(world.evidence()).await?;
    other.tokens()?;
    let asked = ask_the_gateway(&world, &home.token().await?).await?;
    let ended = home.expect(0, &["logout", "--all"]).await?;

    ensure!(asked == 200, "the gateway answered with {asked}");
    for (finished, targets) in [
        (
            refreshed,
            ["keyfob_client::refresh", "keyfob_client::store::lock", "hyper_util::client"].as_slice(),
        ),
        (listed, &["keyfob_client::store::shared", "keyfob_client::http"]),
        (ended, &["keyfob_client::http"]),
    ] {
        has_traces(&finished, targets)?;
    }
    world.finish().await
}

#[tokio::test]
async fn c_46_at_trace_level_no_secret_of_a_keyring_is_logged_or_said_on_its_bus_in_clear() -> Result<()> {
    let world = World::start_at_trace_level().await?;
    let home = world.home_with("mia", Store::Keyring).await?;
    let mut listening = home.listen_on_bus().await?;

    home.sign_in(&mut world.form_client()?).await?;
    home.expire_access_token(world.signing_key())?;
    let refreshed = home.expect(0, &["token"]).await?;
    home.expect(0, &["status"]).await?;
    home.tokens()?;
    home.expect(0, &["logout"]).await?;

    listening.line(Stream::Stdout, |line| line.contains("member=Delete")).await?;
    listening.kill();
    let heard = listening.finished(LIMIT).await?.stdout;
    for member in ["member=OpenSession", "member=GetSecret", "member=CreateItem"] {
        ensure!(heard.contains(member), "nothing was heard of {member}");
    }
    has_traces(&refreshed, &["zbus", "keyfob_client::store"])?;
    world.finish().await
}

#[tokio::test]
async fn c_46_at_trace_level_nothing_of_a_sign_in_and_a_turn_of_the_real_codex_cli_is_logged() -> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let world = World::start_at_trace_level().await?;
    let home = world.home("mia")?;
    home.configure_codex(&configuration(&world, "requires_openai_auth = true"))?;
    let mut login = device_sign_in(&world, &home, &codex)?.start(world.evidence()).await?;
    let (address, code) = printed_code(&login).await?;
    world.form_client()?.approve_device(&address, &code, world.owner()).await?;
    login.finished(LIMIT).await?.expect_code(0)?;
    home.expire_access_token(world.signing_key())?;

    exec(&world, &home, &codex).await?.expect_code(0)?;

    home.tokens()?;
    home.token().await?;
    world.finish().await
}

/// Whether the log is there: one that is empty holds no secret either.
pub(crate) fn has_traces(finished: &Finished, targets: &[&str]) -> Result<()> {
    for target in targets {
        let is_trace = |line: &str| line.contains("TRACE") && line.contains(target);
        ensure!(finished.stderr.lines().any(is_trace), "no trace of {target}: {}", finished.stderr);
    }
    Ok(())
}

/// Streams an answer through the gateway; returns the status.
pub(crate) async fn ask_the_gateway(world: &World, token: &str) -> Result<u16> {
    let http = reqwest::Client::builder().no_proxy().timeout(LIMIT).build()?;
    let body = serde_json::json!({ "model": "demo", "input": "hello", "stream": true });
    let request = http.post(format!("{}/v1/responses", world.gateway())).bearer_auth(token).json(&body);
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    answer.bytes().await?;
    Ok(status)
}
