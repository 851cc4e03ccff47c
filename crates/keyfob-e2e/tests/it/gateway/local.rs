//! Tools with a key of one's own gateway, which never see the login that they use.

use super::at_home::{Local, at_the_desk, audit, key, of_a_tool};
use crate::codex_gateway::assert_answer;
use anyhow::{Result, ensure};
use keyfob_e2e::process::{Finished, Program};
use keyfob_e2e::{Home, World, codex, environment};
use std::path::Path;

/// What the Codex CLI is told to ask.
const EXEC: [&str; 3] = ["exec", "--skip-git-repo-check", "hi"];
/// A tool's request as people type it.
const BODY: &str = r#"{"model":"demo","input":"hi","stream":true}"#;

async fn exec(world: &World, home: &Home, codex: &Path) -> Result<Finished> {
    home.codex(codex, &EXEC)?.run(world.evidence()).await
}

#[tokio::test]
async fn s_23_g_02_the_codex_cli_streams_with_the_key_of_a_tool_and_an_expired_login_is_refreshed_once()
-> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let world = World::start().await?;
    let desk = at_the_desk(&world).await?;
    let local = Local::on_loopback(&world, &desk).await?;
    let (first, second) = (key(&world, &desk, "variable").await?, key(&world, &desk, "file").await?);
    let by_variable = world.home("variable")?.with_variable("P_KEY", &first);
    by_variable.configure_codex(&of_a_tool(&local, "env_key = \"P_KEY\""))?;
    let by_file = world.home("file")?;
    by_file.configure_codex(&of_a_tool(&local, &format!("experimental_bearer_token = \"{second}\"")))?;
    let expired = desk.expire_access_token(world.signing_key())?;

    let asked = tokio::join!(exec(&world, &by_variable, &codex), exec(&world, &by_file, &codex));

    for (asked, tool) in [(asked.0?, "variable"), (asked.1?, "file")] {
        assert_answer(&asked.expect_code(0)?);
        let answered = audit(&desk, tool)?;
        let responses = ("/v1/responses".to_owned(), 200, "whole".to_owned());
        ensure!(answered.contains(&responses) && answered.iter().all(|line| line.1 == 200), "{answered:?}");
    }
    assert_eq!((world.wire().tally().refreshes, world.wire().tally().successors), (1, 1));
    assert_ne!(desk.tokens()?.access_token, expired);
    ensure!(!by_variable.has_auth_file() && !by_file.has_auth_file(), "the tool has a login");
    drop(local);
    world.finish().await
}

#[tokio::test]
async fn s_23_g_06_codex_says_what_helps_once_the_key_of_its_tool_is_revoked() -> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let world = World::start().await?;
    let desk = at_the_desk(&world).await?;
    let local = Local::on_loopback(&world, &desk).await?;
    let made = key(&world, &desk, "editor").await?;
    let tool = world.home("tool")?.with_variable("P_KEY", &made);
    tool.configure_codex(&of_a_tool(&local, "env_key = \"P_KEY\""))?;
    assert_answer(&exec(&world, &tool, &codex).await?.expect_code(0)?);

    desk.expect(0, &["gateway", "local", "key", "revoke", "editor"]).await?;
    let refused = exec(&world, &tool, &codex).await?.expect_code(1)?;

    let words = "unexpected status 401 Unauthorized: The key is not known to this gateway, or was revoked; \
                 `keyfob-gateway local key create NAME` makes another one";
    assert_eq!(super::said::errors(&refused), [words]);
    drop(local);
    world.finish().await
}

#[tokio::test]
async fn s_23_g_01_curl_streams_at_the_unix_socket_without_a_key() -> Result<()> {
    let world = World::start().await?;
    let desk = at_the_desk(&world).await?;
    let folder = desk.folder().join("run");
    keyfob_e2e::files::make_folder(&folder)?;
    let desk = desk.with_variable("XDG_RUNTIME_DIR", &folder);
    let local = Local::start(&world, &desk, &[]).await?;
    let socket = local.socket()?;
    assert_eq!(socket, folder.join("keyfob-gateway/local.sock"));
    let search = environment::search_path();
    let found = std::env::split_paths(&search).map(|folder| folder.join("curl")).find(|path| path.is_file());
    let curl = found.unwrap_or_else(|| "curl".into());

    let asked = Program::new("curl", &curl, desk.folder())
        .args(["--silent", "--show-error", "--fail", "--no-buffer", "--json", BODY, "--unix-socket"])
        .args([socket.as_path(), Path::new("http://localhost/v1/responses")])
        .run(world.evidence())
        .await?
        .expect_code(0)?;

    let events: Vec<&str> = asked.stdout.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    ensure!(events.first() == Some(&"response.created"), "{events:?}");
    ensure!(events.last() == Some(&"response.completed"), "{events:?}");
    let deltas = events.iter().filter(|event| **event == "response.output_text.delta").count();
    ensure!(deltas > 10, "it came in {deltas} bits");
    drop(local);
    world.finish().await
}
