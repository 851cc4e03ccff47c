//! `keyfob setup codex` with the real gateway, the real issuer and the real Codex CLI.

use crate::codex_gateway::assert_answer;
use crate::codex_native::sign_in_with_device;
use anyhow::{Context as _, Result};
use keyfob_e2e::process::Finished;
use keyfob_e2e::terminal::{Size, Terminal};
use keyfob_e2e::{Home, World, codex, environment};
use serde_json::{Value, json};
use std::path::Path;

/// What somebody had before; nothing in it is ours.
const BEFORE: &str =
    "# mine\nmodel = 'theirs' # for work\n\n[features]   # odd\nweb_search_request=false\n# the end";

#[tokio::test]
async fn s_23_after_setup_codex_exec_takes_the_token_of_keyfob_and_undo_returns_the_file() -> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let world = World::start().await?;
    let home = world.home("mia")?;
    home.sign_in(&mut world.form_client()?).await?;
    home.configure_codex(BEFORE)?;

    let wrote = setup(&world, &home, &codex, 0, &["--default", "--model", "demo"]).await?;
    let (written, answer) = (text(&home)?, exec(&world, &home, &codex, &[]).await?);
    let again = setup(&world, &home, &codex, 0, &["--default", "--model", "demo"]).await?;
    let written_again = text(&home)?;
    home.expire_access_token(world.signing_key())?;
    let refreshed = exec(&world, &home, &codex, &[]).await?;
    let undone = home.expect(0, &["setup", "codex", "--undo"]).await?;

    let checked = "\nThe gateway takes your token\nCodex 0.169 takes it; ";
    assert!(wrote.stderr.contains(checked), "{wrote:?}");
    let comments = "# mine\nmodel = \"demo\" # for work\n";
    assert!(written.starts_with(comments) && written.contains("\n[features]   # odd\n"), "{written}");
    assert_answer(&answer);
    assert!(again.stderr.contains("already had the provider `keyfob`"), "{again:?}");
    assert_eq!(written_again, written);
    assert_answer(&refreshed);
    assert!(undone.stderr.ends_with("which is as it was before\n"), "{undone:?}");
    assert_eq!(text(&home)?, BEFORE);
    world.finish().await
}

#[tokio::test]
async fn s_23_after_setup_native_codex_signs_in_to_the_gateway_with_a_browser() -> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let world = World::start().await?;
    let home = world.home("mia")?;
    home.configure_codex(BEFORE)?;

    let wrote = setup(&world, &home, &codex, 0, &["--native", "--name", "acme"]).await?;
    let answer = exec(&world, &home, &codex, &["-c", "model_provider=acme", "-c", "model=demo"]).await?;
    let undone = home.expect(0, &["setup", "codex", "--undo", "--name", "acme"]).await?;

    assert!(wrote.stderr.contains("\nTo use it: codex -c model_provider=acme -c model=MODEL\n"), "{wrote:?}");
    assert_answer(&answer);
    assert!(home.codex_home().join("secrets/gateway_oauth.json").is_file());
    assert!(undone.stderr.contains("note: a sign-in of the Codex CLI's own is still in"), "{undone:?}");
    assert_eq!(text(&home)?, BEFORE);
    home.expect(4, &["token"]).await?;
    world.finish().await
}

#[tokio::test]
async fn s_23_s_19_the_lines_of_a_dry_run_are_all_that_a_machine_without_keyfob_needs() -> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let world = World::start().await?;
    let (desk, server) = (world.home("desk")?, world.home("server")?);

    let lines =
        setup(&world, &desk, &codex, 0, &["--native", "--default", "--model", "demo", "--dry-run"]).await?;
    server.configure_codex(&lines.stdout)?;
    sign_in_with_device(&world, &server, &codex).await?;
    let answer = exec(&world, &server, &codex, &[]).await?;

    assert_answer(&answer);
    assert_eq!(std::fs::read_dir(desk.codex_home())?.count(), 0, "a dry run makes nothing");
    world.finish().await
}

#[tokio::test]
async fn s_23_what_the_codex_cli_does_not_take_is_put_back() -> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let world = World::start().await?;
    let home = world.home("mia")?;
    // An entry that is the Codex CLI's to check, and for it an error.
    let bad = "[model_providers.amazon-bedrock]\nname = \"x\"\n";
    home.configure_codex(bad)?;

    let refused = setup(&world, &home, &codex, 1, &[]).await?;

    assert!(refused.stderr.starts_with("error: the Codex CLI does not take it: "), "{refused:?}");
    assert!(refused.stderr.contains("amazon-bedrock only supports"), "its own words: {refused:?}");
    assert_eq!(text(&home)?, bad);
    let undone = home.expect(0, &["setup", "codex", "--undo"]).await?;
    assert!(undone.stderr.starts_with("There is nothing of `keyfob setup codex` in "), "{undone:?}");
    world.finish().await
}

#[tokio::test]
async fn s_23_programs_are_told_what_was_set_up() -> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let world = World::start().await?;
    let home = world.home("mia")?;
    home.sign_in(&mut world.form_client()?).await?;

    let told = setup(&world, &home, &codex, 0, &["--json"]).await?;

    let document: Value = serde_json::from_str(&told.stdout)?;
    let expected = json!({
        "schema": 1,
        "state": "active",
        "changed": true,
        "file": home.codex_home().join("config.toml"),
        "provider": "keyfob",
        "base_url": format!("{}/v1", world.gateway()),
        "issuer": world.issuer(),
        "resource": world.issuer(),
        "signs_in": "keyfob",
        "login": { "name": "shared", "chosen_by": "nobody", "rule": null },
        "signed_in": true,
        "settings": { "chatgpt_base_url": world.issuer() },
        "codex": { "state": "accepted", "version": "0.169", "why": null },
        "gateway": { "state": "accepted", "why": null },
    });
    assert_eq!((document, &*told.stderr), (expected, ""));
    world.finish().await
}

/// Runs `keyfob setup codex` for the gateway of this world, with the Codex CLI in `PATH`.
async fn setup(world: &World, home: &Home, codex: &Path, code: i32, more: &[&str]) -> Result<Finished> {
    let folder = codex.parent().context("a program without a folder")?.to_owned();
    let search = std::env::join_paths(
        std::iter::once(folder).chain(std::env::split_paths(&environment::search_path())),
    )?;
    home.keyfob(&["setup", "codex", "--gateway", world.gateway()])?
        .args(more)
        .env("PATH", search)
        .env("HTTPS_PROXY", "http://127.0.0.1:9")
        .run(world.evidence())
        .await?
        .expect_code(code)
}

async fn exec(world: &World, home: &Home, codex: &Path, more: &[&str]) -> Result<Finished> {
    let program = home.codex(codex, &["exec", "--skip-git-repo-check"])?.args(more).args(["hi"]);
    program.run(world.evidence()).await?.expect_code(0)
}

fn text(home: &Home) -> Result<String> {
    Ok(std::fs::read_to_string(home.codex_home().join("config.toml"))?)
}

#[tokio::test]
async fn s_23_at_a_terminal_it_is_asked_whether_it_is_to_be_the_usual_provider() -> Result<()> {
    let world = World::start().await?;
    let arguments = format!("setup codex --gateway {}", world.gateway());
    for (answer, is_default) in [("yes", true), ("", false)] {
        let home = world.home(if is_default { "yes" } else { "no" })?;
        let size = Size { columns: 80, rows: 24 };
        let nothing = [("PATH", "/usr/bin:/bin")];
        let mut terminal = Terminal::start(&home, size, &nothing, &arguments, world.evidence()).await?;

        terminal.shows_word("Let Codex use `keyfob` where nothing else is named?").await?;
        terminal.press(&format!("{answer}\r")).await?;
        terminal.finished(0).await?;

        assert_eq!(text(&home)?.starts_with("model_provider = \"keyfob\"\n"), is_default);
    }
    world.finish().await
}
