//! The login itself goes to another machine, by the lines that the documentation of the Codex CLI has, or by ours.

use crate::handoff::stored;
use anyhow::{Result, ensure};
use keyfob_e2e::machine::{Has, Machine};
use keyfob_e2e::process::Program;
use keyfob_e2e::{Home, World};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// The lines of the documentation.
const SCP: &str =
    "ssh user@remote 'mkdir -p ~/.codex'\nscp ~/.codex/auth.json user@remote:~/.codex/auth.json";
const SSH: &str = "ssh user@remote 'mkdir -p ~/.codex && cat > ~/.codex/auth.json' < ~/.codex/auth.json";
const DOCKER: &str = "CONTAINER_HOME=$(docker exec web printenv HOME)
docker exec web mkdir -p \"$CONTAINER_HOME/.codex\"
docker cp auth.json web:\"$CONTAINER_HOME/.codex/auth.json\"";

async fn desk(world: &World) -> Result<Home> {
    let desk = world.home("desk")?;
    desk.sign_in(&mut world.form_client()?).await?;
    Ok(desk)
}

/// Runs lines in a shell whose home holds the login of `desk` at its usual place.
async fn by_hand(world: &World, desk: &Home, machine: &Machine, lines: &str) -> Result<()> {
    let home = desk.codex_home();
    let folder = home.parent().unwrap_or(&home);
    if !folder.join(".codex").exists() {
        std::os::unix::fs::symlink(&home, folder.join(".codex"))?;
    }
    let script = format!("set -e; cd ~/.codex\n{lines}");
    Program::new("sh", Path::new("/bin/sh"), folder)
        .args(["-c", &script])
        .env("PATH", machine.search_path()?)
        .run(world.evidence())
        .await?
        .expect_code(0)?;
    Ok(())
}

#[tokio::test]
async fn s_20_the_documented_lines_for_ssh_and_scp_leave_a_login_that_works() -> Result<()> {
    let world = World::start().await?;
    let (desk, machine) = (desk(&world).await?, world.machine(Has::Keyfob).await?);
    for lines in [SCP, SSH] {
        by_hand(&world, &desk, &machine, lines).await?;

        ensure!(stored(&machine)? == desk.tokens()?, "{lines}");
        let token =
            machine.ssh("keyfob token", "keyfob token").run(world.evidence()).await?.expect_code(0)?;
        ensure!(token.stdout.trim() == desk.token().await?, "{lines}");
        std::fs::remove_file(machine.home().join(".codex/auth.json"))?;
    }
    world.finish().await
}

#[tokio::test]
async fn s_20_the_documented_lines_for_a_container_leave_a_login_that_works() -> Result<()> {
    let world = World::start().await?;
    let (desk, machine) = (desk(&world).await?, world.container(Has::Keyfob).await?);

    by_hand(&world, &desk, &machine, DOCKER).await?;

    ensure!(stored(&machine)? == desk.tokens()?);
    world.finish().await
}

#[tokio::test]
async fn s_20_a_copy_needs_no_keyfob_over_there_is_private_and_overwrites_nothing_unasked() -> Result<()> {
    let world = World::start().await?;
    let desk = desk(&world).await?;
    let ssh = world.machine(Has::Nothing).await?;
    let engine = world.container(Has::Nothing).await?;
    let copy = async |machine: &Machine, code: i32, arguments: &[&str]| {
        let all = [&["handoff", "--copy"], arguments].concat();
        let program = desk.keyfob(&all)?.env("PATH", machine.search_path()?);
        Ok::<_, anyhow::Error>(program.run(world.evidence()).await?.expect_code(code)?.stderr)
    };

    for (machine, target) in
        [(&ssh, &["user@remote"][..]), (&engine, &["--docker", "web"]), (&engine, &["--kube", "web"])]
    {
        let login = machine.home().join(".codex/auth.json");
        let told = copy(machine, 0, target).await?;
        ensure!(told.contains("WARNING: both machines have one login now"), "{told}");
        ensure!(std::fs::read_to_string(&login)? == desk.auth_text()?, "{target:?}");
        ensure!(std::fs::metadata(&login)?.permissions().mode() & 0o7777 == 0o600, "{target:?}");
        let folder = machine.home().join(".codex");
        ensure!(std::fs::metadata(&folder)?.permissions().mode() & 0o7777 == 0o700, "{target:?}");
        let again = copy(machine, 1, target).await?;
        ensure!(again.contains("a login is there already; add --replace"), "{again}");
        copy(machine, 0, &[target, &["--replace"]].concat()).await?;
        ensure!(std::fs::read_dir(&folder)?.count() == 1, "something was left behind");
        std::fs::remove_file(&login)?;
    }
    world.finish().await
}

#[tokio::test]
async fn s_20_a_login_that_a_keyring_keeps_is_copied_as_the_file_that_it_would_be() -> Result<()> {
    let world = World::start().await?;
    let desk = world.home_with("desk", keyfob_e2e::Store::Keyring).await?;
    desk.sign_in(&mut world.form_client()?).await?;
    let machine = world.container(Has::Nothing).await?;

    let program = desk.keyfob(&["handoff", "--copy", "--docker", "web"])?.env("PATH", machine.search_path()?);
    program.run(world.evidence()).await?.expect_code(0)?;

    ensure!(stored(&machine)? == desk.tokens()?);
    world.finish().await
}

#[tokio::test]
async fn c_66_a_copied_file_is_taken_from_standard_input_marked_as_shared_and_warned_of() -> Result<()> {
    let world = World::start().await?;
    let (desk, there) = (desk(&world).await?, world.home("there")?);
    let receive = there.keyfob(&["handoff", "receive"])?.stdin(desk.auth_text()?);

    let told = receive.run(world.evidence()).await?.expect_code(0)?.stderr;

    ensure!(told.contains("Kept the login of mia@example.org"), "{told}");
    ensure!(told.contains("WARNING: this is a copy"), "{told}");
    ensure!(there.auth_text()? == desk.auth_text()?, "it was changed");
    let state = std::fs::read_to_string(there.codex_home().join("keyfob/state.json"))?;
    ensure!(state.contains("\"shared_family\": true"), "{state}");
    desk.expect(0, &["status", "--check"]).await?;
    desk.expect(0, &["status", "--check"]).await?;
    there.expire_access_token(world.signing_key())?;
    let ended = there.expect(5, &["token"]).await?.stderr;
    ensure!(ended.contains("the login here is a copy"), "{ended}");
    there.sign_in(&mut world.form_client()?).await?;
    let state = std::fs::read_to_string(there.codex_home().join("keyfob/state.json"))?;
    ensure!(!state.contains("shared_family"), "{state}");
    world.finish().await
}
