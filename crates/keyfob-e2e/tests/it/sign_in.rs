//! Signing in with a real browser, and what is left of it.

use anyhow::{Context as _, Result};
use keyfob_codex::auth_file::AccountTokens;
use keyfob_e2e::{Home, World, files};
use serde_json::Value;

#[tokio::test]
async fn s_01_a_browser_sign_in_returns_to_the_terminal_with_an_access_token() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    home.expect(1, &["login", "status"]).await?;

    let finished = home.sign_in_with_browser().await?;

    assert!(finished.stderr.contains("/oauth/authorize?"), "the address is printed: {}", finished.stderr);
    let lines: Vec<Value> = finished.stdout.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let members = |name: &str| lines.iter().map(|line| line[name].clone()).collect::<Vec<_>>();
    assert_eq!(members("state"), ["pending", "active"]);
    assert_eq!(members("method"), [Value::from("browser"), Value::Null]);
    assert_eq!(members("email"), [Value::Null, Value::from("mia@example.org")]);
    assert_eq!(home.token().await?, home.tokens()?.access_token.expose());
    assert_eq!(home.expect(0, &["login", "status"]).await?.stderr, "Logged in using ChatGPT\n");
    world.finish().await
}

#[tokio::test]
async fn s_10_the_next_start_needs_no_sign_in_and_status_names_account_and_workspace() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    home.sign_in(&mut world.form_client()?).await?;
    let workspace = home.tokens()?.account_id.context("no workspace in auth.json")?;

    let first = home.token().await?;
    let second = home.token().await?;
    let for_people = home.expect(0, &["status"]).await?;
    let for_programs: Value = serde_json::from_str(&home.expect(0, &["status", "--json"]).await?.stdout)?;

    assert_eq!(first, second);
    let shown = [for_people.stdout, for_people.stderr].concat();
    assert!(shown.contains("mia@example.org") && shown.contains(&workspace), "{shown}");
    assert_eq!(for_programs.get("state"), Some(&Value::from("active")));
    let machine_text = for_programs.to_string();
    assert!(machine_text.contains("mia@example.org") && machine_text.contains(&workspace), "{machine_text}");
    world.finish().await
}

#[tokio::test]
async fn s_12_an_expired_access_token_is_refreshed_when_it_is_asked_for() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    home.sign_in(&mut world.form_client()?).await?;
    let expired = home.expire_access_token(world.signing_key())?;
    let before = home.tokens()?;

    let token = home.token().await?;

    let after = home.tokens()?;
    assert_ne!(token, expired.expose());
    assert_eq!(token, after.access_token.expose());
    assert_ne!(after.refresh_token, before.refresh_token);
    assert_eq!(
        (after.account_id, after.provenance),
        (before.account_id, before.provenance),
        "what is no token stays"
    );
    world.finish().await
}

#[tokio::test]
async fn c_12_no_token_is_in_any_address_that_the_browser_visited() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;

    home.sign_in_with_browser().await?;
    world.quiet().await?;

    let history = std::fs::read(home.browser_profile().join("Default/History"))?;
    let history = String::from_utf8_lossy(&history);
    assert!(history.contains("/auth/callback?"), "the history shows where the browser has been");
    let AccountTokens { access_token, id_token, refresh_token, .. } = home.tokens()?;
    let refresh_token = refresh_token.context("no refresh token")?;
    for token in [access_token.expose(), id_token.expose(), refresh_token.expose()] {
        assert!(!history.contains(token));
    }
    for parameter in ["id_token=", "access_token=", "refresh_token="] {
        assert!(!history.contains(parameter), "{parameter}");
    }
    world.finish().await
}

#[tokio::test]
async fn s_06_logging_out_empties_the_shared_file_and_ends_the_session() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    home.sign_in(&mut world.form_client()?).await?;
    let copy = copied(&world, &home, "copy")?;

    home.expect(0, &["logout"]).await?;

    home.expect(4, &["token"]).await?;
    assert_eq!(home.expect(1, &["login", "status"]).await?.stderr, "Not logged in\n");
    copy.expire_access_token(world.signing_key())?;
    copy.expect(5, &["token"]).await?;
    world.finish().await
}

/// Another machine with a copy of this login.
fn copied(world: &World, home: &Home, name: &str) -> Result<Home> {
    let copy = world.home(name)?;
    files::replace(&copy.codex_home().join("auth.json"), home.auth_text()?.as_bytes())?;
    Ok(copy)
}
