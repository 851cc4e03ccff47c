//! One login for `keyfob` and the real Codex CLI.

use anyhow::{Context as _, Result};
use keyfob_e2e::codex;
use keyfob_e2e::leak::Stream;
use keyfob_e2e::process::{LIMIT, Program, Running};
use keyfob_e2e::{Browser, Home, World};
use std::path::Path;
use url::Url;

#[tokio::test]
async fn s_06_the_real_codex_cli_accepts_the_login_that_keyfob_wrote() -> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let world = World::start().await?;
    let home = world.home("mia")?;
    home.sign_in(&mut world.form_client()?).await?;

    let status = home.codex(&codex, &["login", "status"])?.run(world.evidence()).await?.expect_code(0)?;

    assert!(status.stderr.ends_with("Logged in using ChatGPT\n"), "{}", status.stderr);
    world.finish().await
}

#[tokio::test]
async fn s_19_a_device_sign_in_of_the_real_codex_cli_is_approved_in_a_browser_and_accepted_by_keyfob()
-> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let world = World::start().await?;
    let home = world.home("mia")?;
    let mut login = device_sign_in(&world, &home, &codex)?.start(world.evidence()).await?;
    let (address, code) = printed_code(&login).await?;

    let browser = Browser::start(&home.browser_profile()).await?;
    browser.approve_device(&address, &code, world.owner()).await?;
    browser.close().await?;
    login.finished(LIMIT).await?.expect_code(0)?;

    home.tokens()?;
    assert_eq!(home.expect(0, &["login", "status"]).await?.stderr, "Logged in using ChatGPT\n");
    home.token().await?;
    world.finish().await
}

/// Returns a device sign-in of the real Codex CLI at our issuer.
pub(crate) fn device_sign_in(world: &World, home: &Home, codex: &Path) -> Result<Program> {
    home.codex(codex, &["login", "--device-auth", "--experimental_issuer", world.issuer()])
}

/// Waits for the address and the code that a device sign-in prints.
pub(crate) async fn printed_code(login: &Running) -> Result<(Url, String)> {
    let address = login.line(Stream::Stdout, |line| line.contains("/codex/device")).await?;
    let code = login.line(Stream::Stdout, |line| user_code(line).is_some()).await?;
    let address = Url::parse(&address_in(&address).context("no address")?)?;
    Ok((address, user_code(&code).context("no code")?))
}

/// Returns a line's words without the colours that the Codex CLI prints even into a pipe.
fn words(line: &str) -> Vec<String> {
    let plain: String = line
        .split('\u{1b}')
        .enumerate()
        .map(
            |(index, part)| if index == 0 { part } else { part.split_once('m').map_or("", |(_, rest)| rest) },
        )
        .collect();
    plain.split_whitespace().map(str::to_owned).collect()
}

fn address_in(line: &str) -> Option<String> {
    words(line).into_iter().find(|word| word.starts_with("http"))
}

/// The code stands alone on its line, in capitals with a hyphen.
fn user_code(line: &str) -> Option<String> {
    let is_code = |word: &String| {
        word.contains('-')
            && word.len() >= 8
            && word.chars().all(|c| c == '-' || c.is_ascii_uppercase() || c.is_ascii_digit())
    };
    match words(line).as_slice() {
        [only] if is_code(only) => Some(only.clone()),
        _ => None,
    }
}
