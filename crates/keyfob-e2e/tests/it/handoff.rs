//! A login is handed over to another machine, which `ssh`, a container engine or a text leads to.

use anyhow::{Context as _, Result, ensure};
use keyfob_codex::auth_file::{AuthFile, Login};
use keyfob_e2e::machine::{Has, Machine};
use keyfob_e2e::process::Finished;
use keyfob_e2e::{Home, World, files};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// A hundred refreshes, on a machine with other things to do.
const FOR_ALL: Duration = Duration::from_mins(15);

/// A home that is signed in, and the world around it.
async fn desk(world: &World) -> Result<Home> {
    let desk = world.home("desk")?;
    desk.sign_in(&mut world.form_client()?).await?;
    Ok(desk)
}

async fn sessions(home: &Home) -> Result<Vec<Value>> {
    let listed = home.expect(0, &["session", "list", "--json"]).await?.stdout;
    let document: Value = serde_json::from_str(&listed)?;
    Ok(document.get("sessions").and_then(Value::as_array).context("no list")?.clone())
}

/// Runs `keyfob` at the desk, where `machine` can be reached.
async fn at_desk(
    world: &World,
    desk: &Home,
    machine: &Machine,
    code: i32,
    arguments: &[&str],
) -> Result<Finished> {
    let program = desk.keyfob(arguments)?.env("PATH", machine.search_path()?);
    program.run(world.evidence()).await?.expect_code(code)
}

async fn over_there(world: &World, machine: &Machine, name: &str, command: &str) -> Result<Finished> {
    machine.ssh(name, command).run(world.evidence()).await
}

fn mode(path: &Path) -> Result<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o7777)
}

#[tokio::test]
async fn c_65_a_machine_that_ssh_reaches_gets_a_session_of_its_own_that_ends_alone() -> Result<()> {
    let world = World::start().await?;
    let (desk, machine) = (desk(&world).await?, world.machine(Has::Keyfob).await?);
    let before = desk.auth_text()?;

    let told = at_desk(&world, &desk, &machine, 0, &["handoff", "user@remote"]).await?;

    ensure!(desk.auth_text()? == before, "the login here has changed");
    ensure!(told.stderr.contains("Signed in as mia@example.org"), "{}", told.stderr);
    ensure!(told.stderr.contains("Handed over to user@remote"), "{}", told.stderr);
    let login = machine.home().join(".codex/auth.json");
    ensure!(mode(&login)? == 0o600, "others can read it");
    let remote = over_there(&world, &machine, "keyfob token", "keyfob token").await?.expect_code(0)?;
    ensure!(remote.stdout.starts_with("eyJ"), "no token");
    let listed = sessions(&desk).await?;
    let new = listed.iter().find(|session| session["name"] == "user@remote").context("not listed")?;
    ensure!(listed.len() == 2 && new["current"] == false, "{listed:?}");
    let id = new["id"].as_str().context("no id")?;
    desk.expect(0, &["session", "revoke", id]).await?;
    over_there(&world, &machine, "keyfob status", "keyfob status --check").await?.expect_code(5)?;
    desk.expect(0, &["status", "--check"]).await?;
    world.finish().await
}

#[tokio::test]
async fn c_65_both_machines_refresh_a_hundred_times_and_neither_ends_the_other() -> Result<()> {
    let world = World::start().await?;
    let (desk, machine) = (desk(&world).await?, world.machine(Has::Keyfob).await?);
    at_desk(&world, &desk, &machine, 0, &["handoff", "user@remote"]).await?;

    let remote = async {
        let all = "for i in $(seq 100); do keyfob status --check >/dev/null || exit 9; done";
        let mut running = machine.ssh("keyfob status", all).start(world.evidence()).await?;
        running.finished(FOR_ALL).await
    };
    let here = async {
        for _ in 0..100 {
            desk.expect(0, &["status", "--check"]).await?;
        }
        Ok::<_, anyhow::Error>(())
    };
    let (remote, here) = tokio::join!(remote, here);

    remote?.expect_code(0)?;
    here?;
    let trail = world.on_host(&["audit", "list", "--output", "json"]).await?;
    ensure!(trail.contains("session.hand_over") && !trail.contains("session.token_reuse"), "{trail}");
    ensure!(sessions(&desk).await?.len() == 2);
    world.finish().await
}

#[tokio::test]
async fn c_66_what_is_there_already_stays_unless_that_is_said() -> Result<()> {
    let world = World::start().await?;
    let zoe = world.add_person("zoe@example.org").await?;
    let (desk, machine) = (desk(&world).await?, world.container(Has::Keyfob).await?);
    let there = world.home("there")?;
    let (mut running, address) = there.start_sign_in().await?;
    let mut client = world.form_client()?;
    let callback = client.approve(&address, &zoe).await?;
    client.deliver(&callback).await?;
    running.finished(keyfob_e2e::process::LIMIT).await?.expect_code(0)?;
    there.tokens()?;
    let login = machine.home().join(".codex/auth.json");
    files::make_folder(&machine.home().join(".codex"))?;
    files::replace(&login, there.auth_text()?.as_bytes())?;
    let before = std::fs::read_to_string(&login)?;

    let refused = at_desk(&world, &desk, &machine, 1, &["handoff", "--docker", "web"]).await?;
    ensure!(std::fs::read_to_string(&login)? == before, "it was overwritten");
    ensure!(refused.stderr.contains("the login of zoe@example.org is stored"), "{}", refused.stderr);
    ensure!(sessions(&desk).await?.len() == 1, "a session without a place goes on");
    at_desk(&world, &desk, &machine, 0, &["handoff", "--docker", "web", "--as", "mia"]).await?;
    ensure!(std::fs::read_to_string(&login)? == before, "it was overwritten");
    ensure!(machine.home().join(".codex/keyfob/logins/mia/auth.json").is_file());
    at_desk(&world, &desk, &machine, 0, &["handoff", "--docker", "web", "--replace"]).await?;
    ensure!(std::fs::read_to_string(&login)? != before, "it was not replaced");
    ensure!(
        machine.calls()?
            == [
                "exec -i web keyfob handoff receive",
                "exec -i web keyfob handoff receive --as mia",
                "exec -i web keyfob handoff receive --replace",
            ]
    );
    world.finish().await
}

#[tokio::test]
async fn c_65_a_pod_gets_a_session_of_its_own() -> Result<()> {
    let world = World::start().await?;
    let (desk, machine) = (desk(&world).await?, world.container(Has::Keyfob).await?);

    at_desk(&world, &desk, &machine, 0, &["handoff", "--kube", "web"]).await?;
    let more = ["handoff", "--kube", "web", "--namespace", "dev", "--container", "main"];
    at_desk(&world, &desk, &machine, 0, &more).await?;

    ensure!(
        machine.calls()?
            == [
                "exec -i web -- keyfob handoff receive",
                "exec -i web --namespace dev --container main -- keyfob handoff receive",
            ]
    );
    let listed = sessions(&desk).await?;
    let is_new = |session: &Value| session["name"] == "kube:dev/web";
    ensure!(listed.len() == 2 && listed.iter().any(is_new), "the first goes on: {listed:?}");
    world.finish().await
}

#[tokio::test]
async fn c_65_a_text_works_once_with_its_passphrase() -> Result<()> {
    let world = World::start().await?;
    let desk = desk(&world).await?;
    let made = desk.expect(0, &["handoff", "--text"]).await?;
    let passphrase =
        made.stderr.lines().find_map(|line| line.strip_prefix("   ")).context("no passphrase")?;
    let receive = async |name: &str, input: String, code: i32| {
        let home = world.home(name)?;
        let program = home.keyfob(&["handoff", "receive"])?.stdin(input);
        let finished = program.run(world.evidence()).await?.expect_code(code)?;
        let _noted = home.tokens();
        Ok::<_, anyhow::Error>((home, finished.stderr))
    };
    ensure!(!made.stdout.contains(passphrase), "both go the same way");

    let (_, without) = receive("box", made.stdout.clone(), 1).await?;
    let (_, wrong) = receive("box", format!("{}0000-0000-0000-0000-0000\n", made.stdout), 1).await?;
    let whole = format!("{}{passphrase}\n", made.stdout);
    let (taken, _) = receive("box", whole.clone(), 0).await?;
    let (late, again) = receive("late", whole, 1).await?;

    ensure!(without.contains("there is no passphrase"), "{without}");
    ensure!(wrong.contains("the passphrase does not open the text"), "{wrong}");
    ensure!(again.contains("works once"), "{again}");
    ensure!(!late.is_signed_in()?);
    // Of two who had it, one is a thief, and nobody knows which.
    taken.expect(5, &["status", "--check"]).await?;
    desk.expect(0, &["status", "--check"]).await?;
    world.finish().await
}

#[tokio::test]
async fn c_66_nothing_but_what_was_handed_over_is_taken_and_from_standard_input_alone() -> Result<()> {
    let world = World::start().await?;
    let (desk, there) = (desk(&world).await?, world.home("there")?);
    let receive = async |input: String| {
        let program = there.keyfob(&["handoff", "receive"])?.stdin(input);
        Ok::<_, anyhow::Error>(program.run(world.evidence()).await?.expect_code(1)?.stderr)
    };

    let huge = receive("x".repeat(2 << 20)).await;
    for input in ["", "\n", "{}", "hello", "{\"keyfob_handoff\":1}", "{\"OPENAI_API_KEY\":\"sk-x\"}"] {
        let told = receive(format!("{input}\n")).await?;
        ensure!(told.contains("it is not what `keyfob handoff` sends"), "{input}: {told}");
    }
    let named = there.keyfob(&["handoff", "receive", "/etc/passwd"])?.run(world.evidence()).await?;
    let elsewhere = desk.expect(0, &["handoff", "--text"]).await?;
    let passphrase =
        elsewhere.stderr.lines().find_map(|line| line.strip_prefix("   ")).context("no passphrase")?;
    let input = format!("{}{passphrase}\n", elsewhere.stdout);
    let pinned = there.keyfob(&["handoff", "receive", "--issuer", "https://id.other"])?.stdin(input);
    let pinned = pinned.run(world.evidence()).await?.expect_code(1)?.stderr;

    // It may end before all of it was sent.
    ensure!(huge.is_err() || huge?.contains("it is not what"), "it was read");
    named.expect_code(2)?;
    ensure!(pinned.contains("only one of https://id.other is taken"), "{pinned}");
    ensure!(!there.is_signed_in()?);
    world.finish().await
}

#[tokio::test]
async fn c_65_what_does_not_arrive_says_why_and_changes_nothing() -> Result<()> {
    let world = World::start().await?;
    let (desk, bare) = (desk(&world).await?, world.machine(Has::Nothing).await?);
    let before = desk.auth_text()?;

    let without = at_desk(&world, &desk, &bare, 1, &["handoff", "user@remote"]).await?.stderr;
    let nowhere = at_desk(&world, &desk, &bare, 1, &["handoff", "user@nowhere.invalid"]).await?.stderr;
    let option = at_desk(&world, &desk, &bare, 2, &["handoff", "--", "-oProxyCommand=sh"]).await?.stderr;
    let nothing = desk.expect(2, &["handoff"]).await?.stderr;
    let nobody = world.home("nobody")?.expect(4, &["handoff", "user@remote"]).await?.stderr;

    ensure!(without.contains("has no program `keyfob`") && without.contains("--copy"), "{without}");
    ensure!(nowhere.contains("user@nowhere.invalid was not reached"), "{nowhere}");
    ensure!(option.contains("names no machine"), "{option}");
    ensure!(nothing.contains("nobody said to which machine"), "{nothing}");
    ensure!(nobody.contains("not signed in"), "{nobody}");
    ensure!(desk.auth_text()? == before && sessions(&desk).await?.len() == 1);
    world.finish().await
}

/// Returns the tokens that a machine has stored.
pub(crate) fn stored(machine: &Machine) -> Result<keyfob_codex::auth_file::AccountTokens> {
    let text = std::fs::read(machine.home().join(".codex/auth.json"))?;
    match AuthFile::parse(&text)?.login() {
        Login::Account(tokens) => Ok(*tokens),
        Login::ApiKey | Login::AccessToken(_) | Login::Foreign(_) => anyhow::bail!("no account"),
    }
}
