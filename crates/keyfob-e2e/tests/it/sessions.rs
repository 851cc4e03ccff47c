//! Several sessions of one person: seen from one machine, ended from another.

use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::{Home, World};
use serde_json::Value;

#[tokio::test]
async fn s_25_a_session_is_seen_and_ended_from_another_machine() -> Result<()> {
    let world = World::start().await?;
    let (desk, box_) = (signed_in(&world, "desk").await?, signed_in(&world, "box").await?);

    let listed = list(&desk).await?;
    let there = listed.iter().find(|session| session["current"] == false).context("one session alone")?;
    desk.expect(0, &["session", "revoke", there["id"].as_str().context("no id")?]).await?;

    let version = env!("CARGO_PKG_VERSION");
    for session in &listed {
        let told = [&session["tool"], &session["place"], &session["name"]];
        ensure!(told == [&Value::from(format!("keyfob/{version}")), &"127.0.0.1".into(), &Value::Null]);
        ensure!(session["machine"].as_str().is_some_and(|name| !name.is_empty()), "{session}");
    }
    ensure!(list(&desk).await?.len() == 1, "it is still listed");
    box_.expire_access_token(world.signing_key())?;
    box_.expect(5, &["token"]).await?;
    desk.expire_access_token(world.signing_key())?;
    desk.token().await?;
    let unknown = desk.expect(1, &["session", "revoke", "../../oauth/token"]).await?;
    ensure!(unknown.stderr.contains("no such session"), "{}", unknown.stderr);
    world.finish().await
}

#[tokio::test]
async fn s_25_a_session_is_given_a_name_that_the_list_shows_and_loses_it_again() -> Result<()> {
    let world = World::start().await?;
    let desk = signed_in(&world, "desk").await?;
    let id = list(&desk).await?[0]["id"].as_str().context("no id")?.to_owned();
    let names =
        async || Ok::<_, anyhow::Error>(list(&desk).await?.first().map(|session| session["name"].clone()));

    desk.expect(0, &["session", "rename", &id, "my desk"]).await?;
    ensure!(names().await? == Some(Value::from("my desk")));
    desk.expect(0, &["session", "rename", &id]).await?;
    ensure!(names().await? == Some(Value::Null));

    let unknown = desk.expect(1, &["session", "rename", "../../oauth/token", "x"]).await?;
    ensure!(unknown.stderr.contains("no such session"), "{}", unknown.stderr);
    world.finish().await
}

#[tokio::test]
async fn d_10_logout_all_ends_every_session_also_when_the_access_token_has_expired() -> Result<()> {
    let world = World::start().await?;
    let desk = signed_in(&world, "desk").await?;
    let others = [signed_in(&world, "box").await?, signed_in(&world, "tower").await?];
    desk.expire_access_token(world.signing_key())?;

    let done = desk.expect(0, &["logout", "--all"]).await?;

    ensure!(done.stderr.contains("ended 3 sessions of yours"), "{}", done.stderr);
    ensure!(!desk.has_auth_file(), "still there");
    for home in others {
        home.expire_access_token(world.signing_key())?;
        let ended = home.expect(5, &["token"]).await?;
        ensure!(ended.stderr.contains("keyfob login"), "{}", ended.stderr);
    }
    world.finish().await
}

#[tokio::test]
async fn d_10_logout_all_of_a_session_that_has_ended_signs_out_here_and_says_that_others_may_live()
-> Result<()> {
    let world = World::start().await?;
    let (desk, tower) = (signed_in(&world, "desk").await?, signed_in(&world, "tower").await?);
    let listed = list(&tower).await?;
    let there = listed.iter().find(|session| session["current"] == false).context("one session alone")?;
    tower.expect(0, &["session", "revoke", there["id"].as_str().context("no id")?]).await?;

    let done = desk.expect(0, &["logout", "--all"]).await?;

    ensure!(done.stderr.contains("warning: only this session was signed out"), "{}", done.stderr);
    ensure!(!desk.has_auth_file(), "still there");
    tower.expire_access_token(world.signing_key())?;
    tower.token().await?;
    world.finish().await
}

async fn signed_in(world: &World, name: &str) -> Result<Home> {
    let home = world.home(name)?;
    home.sign_in(&mut world.form_client()?).await?;
    Ok(home)
}

async fn list(home: &Home) -> Result<Vec<Value>> {
    let document: Value =
        serde_json::from_str(&home.expect(0, &["session", "list", "--json"]).await?.stdout)?;
    Ok(document.get("sessions").and_then(Value::as_array).context("no list")?.clone())
}
