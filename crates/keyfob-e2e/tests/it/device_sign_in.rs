//! `keyfob login --device-auth`: a code that is typed into a browser on another machine.

use anyhow::{Context as _, Result};
use keyfob_e2e::leak::Stream;
use keyfob_e2e::process::{LIMIT, Running};
use keyfob_e2e::{Browser, Home, World};
use serde_json::{Value, json};
use url::Url;

#[tokio::test]
async fn s_19_c_26_a_code_approved_in_a_browser_elsewhere_signs_this_machine_in() -> Result<()> {
    let world = World::start_at_trace_level().await?;
    let home = world.home("mia")?;
    let (mut login, prompt) = started(&world, &home, &[]).await?;

    let browser = Browser::start(&home.browser_profile()).await?;
    browser.approve_device(&address(&prompt)?, text(&prompt, "user_code")?, world.owner()).await?;
    browser.close().await?;
    let finished = login.finished(LIMIT).await?.expect_code(0)?;

    let tokens = home.tokens()?;
    let result: Value = serde_json::from_str(finished.stdout.lines().nth(1).context("no result")?)?;
    assert_eq!(
        result,
        json!({
            "schema": 1, "state": "active", "issuer": world.issuer(), "email": "mia@example.org",
            "plan": "pro", "workspace": tokens.account_id, "login": "shared",
        })
    );
    assert!(
        finished.stderr.contains("Continue only if you started this login yourself"),
        "{}",
        finished.stderr
    );
    assert_eq!(home.token().await?, tokens.access_token.expose());
    world.finish().await
}

#[tokio::test]
async fn s_19_c_26_the_dialect_of_codex_is_spoken_to_an_issuer_that_offers_no_other() -> Result<()> {
    let world = World::start_with_issuer("[device_codes]\nstandard = false\ngateway = false\n").await?;
    let home = world.home("mia")?;
    let (mut login, prompt) = started(&world, &home, &[]).await?;

    world
        .form_client()?
        .approve_device(&address(&prompt)?, text(&prompt, "user_code")?, world.owner())
        .await?;
    login.finished(LIMIT).await?.expect_code(0)?;

    home.tokens()?;
    home.token().await?;
    world.finish().await
}

#[tokio::test]
async fn s_19_where_no_browser_could_come_back_a_code_is_used_unasked_and_that_is_said() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    let program = home.keyfob(&["login", "--issuer", world.issuer()])?.env("CODESPACES", "true");
    let mut login = program.start(world.evidence()).await?;
    let line = login.line(Stream::Stdout, |line| line.contains("pending")).await?;
    let prompt: Value = serde_json::from_str(&line)?;

    world
        .form_client()?
        .approve_device(&address(&prompt)?, text(&prompt, "user_code")?, world.owner())
        .await?;
    let finished = login.finished(LIMIT).await?.expect_code(0)?;

    let note = "note: this is a Codespace, so a code is used; `--no-browser` shows an address instead\n";
    assert!(finished.stderr.contains(note), "{}", finished.stderr);
    home.token().await?;
    world.finish().await
}

#[tokio::test]
async fn c_24_a_person_who_refuses_ends_it_at_once_and_a_stored_login_stays() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    home.sign_in(&mut world.form_client()?).await?;
    let before = home.auth_text()?;
    let (mut login, prompt) = started(&world, &home, &["--json"]).await?;

    world.form_client()?.deny_device(&address(&prompt)?, text(&prompt, "user_code")?, world.owner()).await?;
    let finished = login.finished(LIMIT).await?.expect_code(1)?;

    let said = "error: the sign-in was refused on the page where the code was typed\n";
    assert!(finished.stderr.contains(said), "{}", finished.stderr);
    assert_eq!(home.auth_text()?, before);
    world.finish().await
}

#[tokio::test]
async fn c_27_where_device_codes_are_off_the_browser_follows_and_that_is_said() -> Result<()> {
    let off = "[device_codes]\ncodex = false\nstandard = false\ngateway = false\n";
    let world = World::start_with_issuer(off).await?;
    let home = world.home("mia")?;
    let program = home.keyfob(&["login", "--device-auth", "--no-browser", "--issuer", world.issuer()])?;
    let running = program.start(world.evidence()).await?;

    let finished = home.finish_sign_in(running, &mut world.form_client()?).await?;

    let said = "Device code login is not enabled; falling back to browser login.";
    assert!(finished.stderr.contains(said), "{}", finished.stderr);
    home.token().await?;
    world.finish().await
}

#[tokio::test]
async fn c_28_a_code_that_is_approved_after_ctrl_c_is_never_redeemed() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    let (mut login, prompt) = started(&world, &home, &[]).await?;

    login.interrupt();
    login.finished(LIMIT).await?.expect_code(130)?;
    world
        .form_client()?
        .approve_device(&address(&prompt)?, text(&prompt, "user_code")?, world.owner())
        .await?;

    assert!(!home.has_auth_file());
    let desk = world.home("desk")?;
    desk.sign_in(&mut world.form_client()?).await?;
    let listed: Value = serde_json::from_str(&desk.expect(0, &["session", "list", "--json"]).await?.stdout)?;
    let current: Vec<&Value> =
        listed["sessions"].as_array().context("no list")?.iter().map(|session| &session["current"]).collect();
    assert_eq!(current, [&Value::Bool(true)], "the only session is the one that looks");
    world.finish().await
}

/// Starts a sign-in by device code; returns what it says to a program.
async fn started(world: &World, home: &Home, arguments: &[&str]) -> Result<(Running, Value)> {
    let program = home.keyfob(&["login", "--device-auth", "--issuer", world.issuer()])?.args(arguments);
    let login = program.start(world.evidence()).await?;
    let line = login.line(Stream::Stdout, |line| line.contains("user_code")).await?;
    Ok((login, serde_json::from_str(&line)?))
}

fn address(prompt: &Value) -> Result<Url> {
    Ok(Url::parse(text(prompt, "address")?)?)
}

fn text<'a>(answer: &'a Value, name: &str) -> Result<&'a str> {
    answer.get(name).and_then(Value::as_str).with_context(|| format!("no {name}"))
}
