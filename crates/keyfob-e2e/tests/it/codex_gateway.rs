//! The real Codex CLI, with answers through the gateway.

use anyhow::Result;
use keyfob_e2e::codex;
use keyfob_e2e::process::Finished;
use keyfob_e2e::{Home, World};
use std::path::Path;

#[tokio::test]
async fn s_22_codex_exec_refreshes_an_expired_login_at_our_issuer_and_prints_the_answer() -> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let world = World::start().await?;
    let home = world.home("mia")?;
    home.sign_in(&mut world.form_client()?).await?;
    home.configure_codex(&configuration(&world, "requires_openai_auth = true"))?;
    let expired = home.expire_access_token(world.signing_key())?;
    let before = home.tokens()?;

    let finished = exec(&world, &home, &codex).await?;

    assert_answer(&finished);
    let after = home.tokens()?;
    assert_ne!(after.access_token, expired);
    assert_ne!(after.refresh_token, before.refresh_token);
    assert_eq!(home.token().await?, after.access_token.expose());
    world.finish().await
}

#[tokio::test]
async fn s_23_codex_exec_takes_the_token_of_keyfob_for_our_gateway() -> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let world = World::start().await?;
    let home = world.home("mia")?;
    home.sign_in(&mut world.form_client()?).await?;
    let exported = r#"gateway_oauth = { credential_export = { command = "keyfob", args = ["token"] } }"#;
    home.configure_codex(&configuration(&world, exported))?;
    home.expire_access_token(world.signing_key())?;

    let finished = exec(&world, &home, &codex).await?;

    assert_answer(&finished);
    world.finish().await
}

pub(crate) async fn exec(world: &World, home: &Home, codex: &Path) -> Result<Finished> {
    let arguments = ["exec", "--skip-git-repo-check", "hi"];
    home.codex(codex, &arguments)?.run(world.evidence()).await?.expect_code(0)
}

/// The demo says that it is the demo.
pub(crate) fn assert_answer(finished: &Finished) {
    assert!(finished.stdout.to_lowercase().contains("demo"), "{finished:?}");
}

/// A provider at our gateway that signs in as `credential` says.
pub(crate) fn configuration(world: &World, credential: &str) -> String {
    format!(
        r#"
        model = "demo"
        model_provider = "ours"
        chatgpt_base_url = "{issuer}"

        [model_providers.ours]
        name = "Our gateway"
        base_url = "{gateway}/v1"
        wire_api = "responses"
        supports_websockets = false
        {credential}
        "#,
        issuer = world.issuer(),
        gateway = world.gateway(),
    )
}
