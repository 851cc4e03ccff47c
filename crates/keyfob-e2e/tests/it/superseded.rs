//! A session that a new login took the place of ends, whatever happens in between.

use crate::failpoints::killed_in_login;
use anyhow::{Context as _, Result, ensure};
use keyfob_codex::client::{CLIENT_ID, TOKEN_PATH};
use keyfob_e2e::{FormClient, Home, Store, World};
use keyfob_oauth::RefreshToken;
use std::time::Duration;

/// Where a kill finds the new login stored and the old session alive.
const BETWEEN: [&str; 4] = ["rename", "dir.fsync", "lock.release", "callback.reply"];

#[tokio::test]
async fn c_64_a_refresh_finishes_what_a_killed_login_left_to_revoke() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("refresh")?;
    let mut client = world.form_client()?;
    home.sign_in(&mut client).await?;

    for failpoint in BETWEEN {
        let old = killed_between(&world, &home, &mut client, failpoint).await?;
        refreshed(&world, &home).await.with_context(|| format!("after {failpoint}"))?;

        ensure!(!is_alive(&world, &old).await?, "killed at {failpoint}: the old session lives");
        ensure!(!is_noted(&home), "killed at {failpoint}: still noted");
        refreshed(&world, &home).await.with_context(|| format!("after {failpoint}, the new session"))?;
    }
    world.finish().await
}

#[tokio::test]
async fn c_64_another_login_or_a_logout_finishes_it_too() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("others")?;
    let mut client = world.form_client()?;
    home.sign_in(&mut client).await?;

    let first = killed_between(&world, &home, &mut client, "rename").await?;
    let second = refresh_token(&home)?;
    home.sign_in(&mut client).await?;
    ensure!(!is_noted(&home), "still noted after a login");
    let third = killed_between(&world, &home, &mut client, "rename").await?;
    let fourth = refresh_token(&home)?;
    home.expect(0, &["logout"]).await?;

    for (token, which) in [(first, "first"), (second, "second"), (third, "third"), (fourth, "fourth")] {
        ensure!(!is_alive(&world, &token).await?, "the {which} session lives");
    }
    ensure!(!is_noted(&home), "still noted after a logout");
    world.finish().await
}

#[tokio::test]
async fn c_64_a_login_killed_before_it_is_stored_leaves_the_old_session_alone() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("before")?;
    let mut client = world.form_client()?;
    home.sign_in(&mut client).await?;
    let old = refresh_token(&home)?;

    ensure!(killed_in_login(&world, &home, &mut client, "fence.check").await?, "not killed");
    ensure!(refresh_token(&home)? == old && is_noted(&home), "not between the note and the save");

    refreshed(&world, &home).await?;
    ensure!(!is_noted(&home), "still noted");
    refreshed(&world, &home).await?;
    world.finish().await
}

#[tokio::test]
async fn c_62_a_session_that_was_not_confirmed_ended_waits_in_the_keyring_and_ends_with_the_next_sign_in()
-> Result<()> {
    let world = World::start().await?;
    for (name, store) in [("waits", Store::Keyring), ("waits-auto", Store::Auto)] {
        let home = world.home_with(name, store).await?;
        let mut client = world.form_client()?;
        home.sign_in(&mut client).await?;
        let old = refresh_token(&home)?;

        // It is asked at the sign-out, and answers again later.
        world.wire().refuse_revocations(1);
        let said = home.expect(0, &["logout"]).await?.stderr;
        ensure!(said.contains("what ends the session waits in the keyring"), "{said}");
        ensure!(!home.is_signed_in()?, "{name}: still signed in");
        home.sign_in(&mut client).await?;

        ensure!(!is_alive(&world, &old).await?, "{name}: the old session lives");
        refreshed(&world, &home).await?;
        home.expect(0, &["logout"]).await?;
    }
    world.finish().await
}

#[tokio::test]
async fn c_62_what_waits_of_a_login_beside_ends_with_a_sign_in_to_another_and_one_silent_issuer_holds_up_nothing()
-> Result<()> {
    let world = World::start().await?;
    let home = world.home_with("beside", Store::Keyring).await?;
    let mut client = world.form_client()?;
    home.sign_in(&mut client).await?;
    let first = refresh_token(&home)?;
    home.sign_in_as("ada", &mut client).await?;

    world.wire().refuse_revocations(2);
    for login in [&["logout"][..], &["logout", "--login", "ada"]] {
        let said = home.expect(0, login).await?.stderr;
        ensure!(said.contains("what ends the session waits in the keyring"), "{said}");
    }
    // The first of two is refused once more, and so the second is left for later too.
    world.wire().refuse_revocations(1);
    home.sign_in(&mut client).await?;
    refreshed(&world, &home).await?;

    ensure!(!is_alive(&world, &first).await?, "the shared login's session lives");
    let sessions = home.expect(0, &["session", "list"]).await?.stdout;
    let count = sessions.lines().filter(|line| line.starts_with("Session ")).count();
    ensure!(count == 1, "more than the one session: {sessions}");
    world.finish().await
}

#[tokio::test]
async fn c_62_without_a_keyring_nothing_that_ends_a_session_outlives_the_login() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("no-keyring")?;
    let mut client = world.form_client()?;
    home.sign_in(&mut client).await?;
    let old = refresh_token(&home)?;

    world.wire().refuse_revocations(1);
    let said = home.expect(0, &["logout"]).await?.stderr;
    ensure!(said.contains("it may live on there until it expires"), "{said}");
    home.sign_in(&mut client).await?;

    ensure!(is_alive(&world, &old).await?, "somebody kept what ends the old session");
    // The leak scan looks at the home, which may not hold it.
    world.finish().await
}

/// Kills a second login; returns the refresh token of the first.
async fn killed_between(
    world: &World,
    home: &Home,
    client: &mut FormClient,
    failpoint: &str,
) -> Result<RefreshToken> {
    let old = refresh_token(home)?;
    ensure!(killed_in_login(world, home, client, failpoint).await?, "not killed at {failpoint}");
    ensure!(refresh_token(home)? != old, "killed at {failpoint} before it was stored");
    ensure!(is_noted(home), "not noted at {failpoint}");
    Ok(old)
}

async fn refreshed(world: &World, home: &Home) -> Result<()> {
    home.expire_access_token(world.signing_key())?;
    home.token().await.map(drop)
}

fn refresh_token(home: &Home) -> Result<RefreshToken> {
    home.tokens()?.refresh_token.context("no refresh token")
}

fn is_noted(home: &Home) -> bool {
    home.codex_home().join("keyfob/superseded.json").exists()
}

/// Whether the issuer still takes a refresh token; this spends it.
async fn is_alive(world: &World, token: &RefreshToken) -> Result<bool> {
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build()?;
    let form = [("grant_type", "refresh_token"), ("client_id", CLIENT_ID), ("refresh_token", token.expose())];
    let answer = http.post(format!("{}{TOKEN_PATH}", world.issuer())).form(&form).send().await?;
    Ok(answer.status().is_success())
}
