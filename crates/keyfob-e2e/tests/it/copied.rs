//! One login in two places: each learns what became of it, and in words that say so.

use anyhow::{Result, ensure};
use keyfob_e2e::{Home, World, files};
use serde_json::Value;

#[tokio::test]
async fn r_47_of_two_machines_on_one_login_the_second_is_told_that_it_has_a_copy() -> Result<()> {
    let world = World::start().await?;
    let first = signed_in(&world, "first").await?;
    let second = world.home("second")?;
    files::replace(&second.codex_home().join("auth.json"), first.auth_text()?.as_bytes())?;
    second.expire_access_token(world.signing_key())?;
    refresh(&world, &first, 2).await?;
    let copy = second.auth_text()?;

    let refused = second.expect(5, &["token"]).await?;
    let (code, document) = check(&world, &second).await?;

    let sentence =
        format!("error: the login here is a copy, and the session at {} went on without it", world.issuer());
    ensure!(refused.stderr.starts_with(&sentence), "{}", refused.stderr);
    ensure!(refused.stderr.contains("copied from another machine"), "{}", refused.stderr);
    ensure!(
        (code, &document["state"], &document["reason"])
            == (Some(5), &"session_ended".into(), &"copied".into())
    );
    ensure!(second.auth_text()? == copy, "the copy was changed");
    second.sign_in(&mut world.form_client()?).await?;
    second.token().await?;
    world.finish().await
}

#[tokio::test]
async fn r_47_the_machine_whose_login_was_copied_is_told_that_a_copy_was_used() -> Result<()> {
    let world = World::start().await?;
    let first = signed_in(&world, "first").await?;
    let copy = world.home("copy")?;
    files::replace(&copy.codex_home().join("auth.json"), first.auth_text()?.as_bytes())?;
    refresh(&world, &copy, 2).await?;

    let (code, document) = check(&world, &first).await?;
    let refused = first.keyfob(&["status", "--check"])?.run(world.evidence()).await?;

    ensure!((code, &document["reason"]) == (Some(5), &"reused".into()), "{document}");
    ensure!(refused.stderr.contains("somebody used a copy of this login"), "{}", refused.stderr);
    world.finish().await
}

#[tokio::test]
async fn r_47_a_login_that_is_restored_from_a_backup_is_told_apart_and_ends_nothing() -> Result<()> {
    let world = World::start().await?;
    let home = signed_in(&world, "home").await?;
    home.expire_access_token(world.signing_key())?;
    let backup = home.auth_text()?;
    refresh(&world, &home, 2).await?;
    let current = home.auth_text()?;

    home.write_auth_text(&backup)?;
    let (code, document) = check(&world, &home).await?;
    ensure!((code, &document["reason"]) == (Some(5), &"copied".into()), "{document}");
    ensure!(home.expect(5, &["token"]).await?.stderr.contains("restored from a backup"));

    home.write_auth_text(&current)?;
    refresh(&world, &home, 1).await?;
    world.finish().await
}

async fn signed_in(world: &World, name: &str) -> Result<Home> {
    let home = world.home(name)?;
    home.sign_in(&mut world.form_client()?).await?;
    Ok(home)
}

async fn refresh(world: &World, home: &Home, times: usize) -> Result<()> {
    for _ in 0..times {
        home.expire_access_token(world.signing_key())?;
        home.token().await?;
    }
    Ok(())
}

/// Asks whether the session is alive.
async fn check(world: &World, home: &Home) -> Result<(Option<i32>, Value)> {
    let finished = home.keyfob(&["status", "--check", "--json"])?.run(world.evidence()).await?;
    Ok((finished.status.code(), serde_json::from_str(&finished.stdout)?))
}
