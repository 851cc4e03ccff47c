//! Signing in at a terminal whose machine no browser can come back to.

use anyhow::{Context as _, Result};
use keyfob_e2e::leak::Stream;
use keyfob_e2e::process::{LIMIT, Running};
use keyfob_e2e::{Home, World};
use std::path::Path;
use url::Url;

/// Starts `keyfob login` in a pseudo-terminal that does not repeat what is typed.
async fn sign_in(world: &World, home: &Home) -> Result<Running> {
    let program = home.sign_in_at_terminal(Path::new("/usr/bin/script"))?;
    program.stdin_open("").start(world.evidence()).await
}

async fn address(running: &Running) -> Result<Url> {
    let line = running.line(Stream::Stdout, |line| line.trim_start().starts_with("http")).await?;
    Ok(Url::parse(line.trim())?)
}

#[tokio::test]
async fn s_19_the_address_at_which_a_browser_elsewhere_ends_up_can_be_pasted() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    let mut login = sign_in(&world, &home).await?;
    let address = address(&login).await?;
    world.evidence().note_address(&address);

    let callback = world.form_client()?.approve(&address, world.owner()).await?;
    login.write("http://127.0.0.1:1455/auth/callback?code=another&state=another\r").await?;
    login
        .line(Stream::Stdout, |line| line.contains("neither the address nor the code of this sign-in"))
        .await?;
    login.write(&format!("{callback}\r")).await?;
    login.finished(LIMIT).await?.expect_code(0)?;

    home.tokens()?;
    home.token().await?;
    world.finish().await
}

#[tokio::test]
async fn s_19_whoever_sees_no_way_to_a_browser_types_for_a_code_instead() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    let mut login = sign_in(&world, &home).await?;
    world.evidence().note_address(&address(&login).await?);

    login.write("d\r").await?;
    let page = login.line(Stream::Stdout, |line| line.contains("/codex/device")).await?;
    let code = login.line(Stream::Stdout, |line| user_code(line).is_some()).await?;
    let code = user_code(&code).context("no code")?;
    world.form_client()?.approve_device(&Url::parse(page.trim())?, &code, world.owner()).await?;
    login.finished(LIMIT).await?.expect_code(0)?;

    home.token().await?;
    world.finish().await
}

fn user_code(line: &str) -> Option<String> {
    let code = line.trim();
    let is_code = code.len() == 9 && code.as_bytes().get(4) == Some(&b'-');
    is_code.then(|| code.to_owned())
}
