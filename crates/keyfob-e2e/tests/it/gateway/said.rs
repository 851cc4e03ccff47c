//! What a person reads in the real Codex CLI when the gateway refuses: its words alone say whose fault it is and what helps.

use super::DEMO;
use super::at_home::{Local, at_the_desk, key, of_a_tool};
use crate::codex_gateway::{assert_answer, configuration, exec};
use crate::codex_native::{native, sign_in_with_device};
use anyhow::{Context as _, Result};
use keyfob_e2e::process::{Finished, LIMIT};
use keyfob_e2e::{Home, World, codex, files};
use serde_json::Value;
use std::path::Path;

/// Returns the errors that the Codex CLI prints for a person, each once, without the address and the request's name after them.
pub(super) fn errors(finished: &Finished) -> Vec<&str> {
    let lines = finished.stderr.lines().filter_map(|line| line.strip_prefix("ERROR: "));
    let mut lines: Vec<&str> =
        lines.map(|line| line.split_once(", url: ").map_or(line, |(words, _)| words)).collect();
    lines.dedup();
    lines
}

async fn refused(world: &World, home: &Home, codex: &Path) -> Result<Finished> {
    let arguments = ["exec", "--skip-git-repo-check", "hi"];
    home.codex(codex, &arguments)?.run(world.evidence()).await?.expect_code(1)
}

/// The Codex CLI asks once, so that the test need not wait for it to try again.
fn once(world: &World, credential: &str) -> String {
    configuration(world, &format!("{ONCE}{credential}"))
}

const ONCE: &str = "request_max_retries = 0\nstream_max_retries = 0\n";
const SHARED: &str = "requires_openai_auth = true";
const EXPORTED: &str = r#"gateway_oauth = { credential_export = { command = "keyfob", args = ["token"] } }"#;
/// Codex asks the issuer by itself for a new token, and says this of its own.
const OF_CODEX: &str = "Your access token could not be refreshed because your refresh token was revoked. Please log out and sign in again.";

#[tokio::test]
async fn s_23_r_32_codex_says_that_its_session_was_ended_from_elsewhere_and_what_helps() -> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let mut world = World::start().await?;
    world.configure_gateway(DEMO).await?;
    let desk = at_the_desk(&world).await?;
    let elsewhere = world.home("elsewhere")?;
    elsewhere.sign_in(&mut world.form_client()?).await?;
    let local = Local::on_loopback(&world, &desk).await?;
    let made = key(&world, &desk, "editor").await?;
    let (by_login, by_command) = (world.home("login")?, world.home("command")?);
    for (home, credential) in [(&by_login, SHARED), (&by_command, EXPORTED)] {
        home.sign_in(&mut world.form_client()?).await?;
        home.configure_codex(&once(&world, credential))?;
    }
    let by_itself = world.home("itself")?;
    let table = format!("{ONCE}[model_providers.ours.gateway_oauth]");
    by_itself.configure_codex(&native(&world).replace("[model_providers.ours.gateway_oauth]", &table))?;
    sign_in_with_device(&world, &by_itself, &codex).await?;
    let by_tool = world.home("tool")?.with_variable("P_KEY", &made);
    by_tool.configure_codex(&of_a_tool(&local, "env_key = \"P_KEY\""))?;
    let homes = [&by_login, &by_command, &by_itself, &by_tool];
    for home in homes {
        assert_answer(&exec(&world, home, &codex).await?);
    }
    let token = desk.token().await?;

    elsewhere.expect(0, &["logout", "--all"]).await?;
    super::until(&world, &token, 401, LIMIT).await?;

    let mut said = Vec::new();
    for home in homes {
        said.push(errors(&refused(&world, home, &codex).await?).join("; "));
    }
    let of_the_gateway = "unexpected status 401 Unauthorized: The access token is not valid here. Run `keyfob login` to sign in \
                          again (`keyfob status` shows the present sign-in). If Codex signed in to this gateway by itself, \
                          remove `$CODEX_HOME/secrets/gateway_oauth.json` and sign in again";
    let of_the_local_one = format!(
        "unexpected status 403 Forbidden: The gateway has no credential for its provider: the session at {} has ended; run \
         `keyfob login` to sign in again",
        world.issuer()
    );
    assert_eq!(said, [OF_CODEX, OF_CODEX, of_the_gateway, &of_the_local_one]);
    drop(local);
    world.finish().await
}

#[tokio::test]
async fn s_23_codex_says_the_message_of_the_policy_that_refuses() -> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let mut world = World::start().await?;
    let home = world.home("mia")?;
    home.sign_in(&mut world.form_client()?).await?;
    let policy = home.folder().join("policy.toml");
    files::replace(
        &policy,
        b"default = \"allow\"\n[[rule]]\nname = \"not this one\"\nwhen = { models = [\"demo\"] }\noutcome = \"deny\"\n\
          message = \"The model demo is for Fridays. Use keyfob-demo, or ask platform@example.org\"\n",
    )?;
    world.configure_gateway(&format!("policy = \"{}\"\n{DEMO}", policy.display())).await?;

    for credential in [SHARED, EXPORTED] {
        home.configure_codex(&once(&world, credential))?;
        let refused = refused(&world, &home, &codex).await?;
        let words = "unexpected status 403 Forbidden: The model demo is for Fridays. Use keyfob-demo, or ask platform@example.org";
        assert_eq!(errors(&refused), [words], "{credential}");
    }
    world.finish().await
}

#[tokio::test]
async fn s_23_codex_says_which_promise_no_upstream_gives() -> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let mut world = World::start().await?;
    let listed = world.on_host(&["workspace", "list", "--output", "json"]).await?;
    let listed: Value = serde_json::from_str(&listed)?;
    let workspace = listed["workspaces"][0]["id"].as_str().context("no workspace")?;
    world.on_host(&["workspace", "policy", workspace, "retention=zero", "residency=eu"]).await?;
    world.configure_gateway(&format!("{DEMO}retention = [\"30d\"]\nresidency = [\"eu\"]\n")).await?;
    let home = world.home("mia")?;
    home.sign_in(&mut world.form_client()?).await?;

    for credential in [SHARED, EXPORTED] {
        home.configure_codex(&once(&world, credential))?;
        let refused = refused(&world, &home, &codex).await?;
        let words = "unexpected status 403 Forbidden: No upstream of this gateway promises what your workspace demands of your \
                     data: retention `zero`. Nothing was sent. The gateway's administrator can add one that does";
        assert_eq!(errors(&refused), [words], "{credential}");
    }
    world.finish().await
}

#[tokio::test]
async fn s_23_g_40_codex_says_which_limit_is_reached_and_when_it_renews() -> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let mut world = World::start().await?;
    let home = world.home("mia")?;
    home.sign_in(&mut world.form_client()?).await?;
    let folder = home.folder().join("gateway");
    files::make_folder(&folder)?;
    let prices = folder.join("prices.toml");
    files::replace(&prices, b"currency = 'USD'\n[[model]]\nname = '*'\ninput = 0\noutput = '1000'\n")?;
    // A question that does not say how long its answer may be could cost 16.384.
    let limits = "[limits]\nbudget = '16.40/month'\n";
    let data = format!("data = \"{}\"\nprices = \"{}\"\n", folder.display(), prices.display());
    world.configure_gateway(&format!("{data}{limits}{DEMO}")).await?;

    home.configure_codex(&configuration(&world, SHARED))?;
    assert_answer(&exec(&world, &home, &codex).await?);

    for credential in [SHARED, EXPORTED] {
        home.configure_codex(&configuration(&world, credential))?;
        let refused = refused(&world, &home, &codex).await?;
        let words = errors(&refused).join("; ");
        let (before, when) = words.rsplit_once(", or try again at ").context(words.clone())?;
        assert_eq!(
            before,
            "You’ve hit your usage limit. The budget of 16.40 USD per month for each person is used up: this request could \
             cost 16.384 USD, and 16.36 USD is left",
            "{credential}"
        );
        assert!(when.ends_with(" 12:00 AM."), "{when}");
    }
    world.finish().await
}
