//! The session of its own that a command gets where the login's issuer has one to give.

use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::leak::Stream;
use keyfob_e2e::process::{LIMIT, Program};
use keyfob_e2e::{Home, World, environment};
use serde_json::Value;
use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

/// What has ended is refused by then.
const SOON: Duration = Duration::from_secs(30);

/// Says with which status `$1` answers the token; the token is no argument.
const STATUS: &str = r#"status() { printf 'header = "Authorization: Bearer %s"\n' "$OPENAI_API_KEY" |
curl --silent --output /dev/null --write-out '%{http_code}\n' --config - "$1"; }"#;

/// Signs in, and lets the provider `gateway` be the world's.
async fn signed_in(world: &World) -> Result<Home> {
    let home = world.home("mia")?;
    home.sign_in(&mut world.form_client()?).await?;
    home.configure_codex(&format!(
        "model_provider = \"gateway\"\n[model_providers.gateway]\nname = \"Gateway\"\nbase_url = \"{}/v1\"\n\
         requires_openai_auth = true\n",
        world.gateway()
    ))?;
    Ok(home)
}

fn exec(home: &Home, script: &str) -> Result<Program> {
    let program = home.keyfob(&["exec", "--", "sh", "-c", script])?;
    Ok(program.env("KEYFOB", environment::program("keyfob")?))
}

async fn sessions(home: &Home) -> Result<Vec<Value>> {
    let listed: Value = serde_json::from_str(&home.expect(0, &["session", "list", "--json"]).await?.stdout)?;
    Ok(listed.get("sessions").and_then(Value::as_array).context("no list")?.clone())
}

/// Waits until the session of the command is gone.
async fn ended(home: &Home) -> Result<()> {
    let started = Instant::now();
    while sessions(home).await?.len() > 1 {
        ensure!(started.elapsed() < SOON, "the session of the command goes on");
    }
    Ok(())
}

#[tokio::test]
async fn s_23_a_command_gets_a_session_of_its_own_that_may_do_less_and_ends_with_it() -> Result<()> {
    let mut world = World::start().await?;
    world.follow_revocations().await?;
    let home = signed_in(&world).await?;
    let before = home.auth_text()?;
    let script = format!(
        "{STATUS}\n\
         status \"$OPENAI_BASE_URL/models\"\nstatus {issuer}/api/sessions\nstatus {issuer}/oauth/userinfo\n\
         \"$KEYFOB\" session list --json\n\
         # What outlives the command still has the token.\n\
         {{ until [ \"$(status \"$OPENAI_BASE_URL/models\")\" = 401 ]; do :; done; : > refused; }} >/dev/null 2>&1 &\n",
        issuer = world.issuer()
    );

    let finished = exec(&home, &script)?.run(world.evidence()).await?.expect_code(0)?;

    let lines: Vec<&str> = finished.stdout.lines().collect();
    assert_eq!(lines.get(..3), Some(&["200", "403", "403"][..]), "{finished:?}");
    let listed: Value = serde_json::from_str(lines.get(3).context("no list")?)?;
    let mut names: Vec<Option<&str>> = listed["sessions"]
        .as_array()
        .context("no list")?
        .iter()
        .map(|session| session["name"].as_str())
        .collect();
    // Of two that began within one second neither is the newer one.
    names.sort_unstable();
    assert_eq!(names, [None, Some("keyfob exec sh")]);
    ensure!(finished.stderr.is_empty(), "{}", finished.stderr);
    ended(&home).await?;
    assert_eq!(home.auth_text()?, before, "the login is as it was");
    let refused = home.codex_home().parent().context("no home")?.join("refused");
    let started = Instant::now();
    while !refused.exists() {
        ensure!(started.elapsed() < SOON, "the gateway still takes the token");
        tokio::task::yield_now().await;
    }
    world.finish().await
}

#[tokio::test]
async fn s_23_a_command_that_is_killed_ends_its_session_too() -> Result<()> {
    let world = World::start().await?;
    let home = signed_in(&world).await?;

    let mut running = exec(&home, "echo runs; exec sleep 600")?.start(world.evidence()).await?;
    running.line(Stream::Stdout, |line| line == "runs").await?;
    ensure!(sessions(&home).await?.len() == 2);
    running.kill();

    assert_eq!(running.finished(LIMIT).await?.status.signal(), Some(9));
    ended(&home).await?;
    world.finish().await
}

#[tokio::test]
async fn s_23_the_command_is_the_process_so_its_end_is_its_own() -> Result<()> {
    let world = World::start().await?;
    let home = signed_in(&world).await?;
    let run =
        async |script: &str| Ok::<_, anyhow::Error>(exec(&home, script)?.run(world.evidence()).await?.status);

    assert_eq!(run("exit 7").await?.code(), Some(7));
    assert_eq!(run("kill -TERM $$").await?.signal(), Some(15));
    assert_eq!(run("kill -INT $$").await?.signal(), Some(2));
    // Nobody but the shell is its child, so that it may wait for all of them.
    assert_eq!(
        run("wait; read children </proc/$$/task/$$/children; [ -z \"$children\" ]").await?.code(),
        Some(0)
    );
    let mut interrupted =
        exec(&home, "trap 'echo caught; exit 3' INT; echo runs; while :; do sleep 0.1; done")?
            .start(world.evidence())
            .await?;
    interrupted.line(Stream::Stdout, |line| line == "runs").await?;
    interrupted.interrupt();
    let finished = interrupted.finished(LIMIT).await?.expect_code(3)?;
    assert_eq!(finished.stdout, "runs\ncaught\n");
    ended(&home).await?;
    world.finish().await
}

#[tokio::test]
async fn s_23_more_time_than_the_issuer_gives_is_said_and_an_issuer_that_is_away_runs_nothing() -> Result<()>
{
    let mut world = World::start().await?;
    let home = signed_in(&world).await?;
    let finished = home.keyfob(&["exec", "--ttl", "2h", "--", "true"])?.run(world.evidence()).await?;

    let finished = finished.expect_code(0)?;
    assert_eq!(finished.stderr, "note: the issuer gives the command a session for 60 minutes\n");
    ended(&home).await?;
    world.stop_issuer().await?;
    let away = exec(&home, "echo ran")?.run(world.evidence()).await?.expect_code(8)?;
    assert_eq!(away.stdout, "");
    world.finish().await
}
