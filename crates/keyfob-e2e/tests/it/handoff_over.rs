//! A sign-in on another machine with the browser here: the callback is carried by ssh.

use crate::handoff::stored;
use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::leak::Stream;
use keyfob_e2e::machine::{Has, Machine};
use keyfob_e2e::process::{LIMIT, Program};
use keyfob_e2e::{Home, Network, World};
use url::Url;

/// The sign-in of the documentation, with the command that runs in that session.
fn documented(world: &World, machine: &Machine) -> Program {
    let command = format!("keyfob login --no-browser --issuer {}", world.issuer());
    machine.ssh_with("keyfob login", &["-L", "1455:localhost:1455"], &command)
}

fn over(world: &World, desk: &Home, machine: &Machine, more: &[&str]) -> Result<Program> {
    let arguments = [&["login", "--over", "ssh:user@remote", "--issuer", world.issuer()], more].concat();
    Ok(desk.keyfob(&arguments)?.env("PATH", machine.search_path()?))
}

fn returns_to(address: &Url) -> Result<Url> {
    let (_, uri) = address.query_pairs().find(|(name, _)| name == "redirect_uri").context("no redirect")?;
    Ok(Url::parse(&uri)?)
}

#[tokio::test]
async fn s_21_the_callback_of_a_login_over_there_comes_back_through_the_documented_forward() -> Result<()> {
    let _network = Network::enter()?;
    let world = World::start().await?;
    let (desk, machine) = (world.home("desk")?, world.machine(Has::Keyfob).await?);

    let login = documented(&world, &machine).start(world.evidence()).await?;
    let address = desk.printed_address(&login).await?;
    ensure!(returns_to(&address)?.port() == Some(1455), "{address}");
    let mut client = world.form_client()?;
    let callback = client.approve(&address, world.owner()).await?;
    let page = client.deliver(&callback).await?;

    ensure!(page.has_id("signed-in"), "{}", page.text);
    let mut login = login;
    login.finished(LIMIT).await?.expect_code(0)?;
    note(&world, &machine)?;
    world.finish().await
}

#[tokio::test]
async fn c_67_who_floods_the_port_on_a_shared_host_neither_gets_in_nor_keeps_others_out() -> Result<()> {
    let _network = Network::enter()?;
    let world = World::start().await?;
    let (desk, machine) = (world.home("desk")?, world.machine(Has::Keyfob).await?);
    let mut login = documented(&world, &machine).start(world.evidence()).await?;
    let address = desk.printed_address(&login).await?;
    let flood = "i=0; while [ $i -lt 200 ]; do i=$((i+1)); \
        curl -s -o /dev/null -w '%{http_code}\\n' \"http://127.0.0.1:1455/auth/callback?code=evil&state=guess$i\" || echo none; done";

    let mut stranger = machine.as_stranger(flood).start(world.evidence()).await?;
    stranger.line(Stream::Stdout, |line| line == "400").await?;
    let mut client = world.form_client()?;
    let callback = client.approve(&address, world.owner()).await?;
    let page = client.deliver(&callback).await?;

    ensure!(page.has_id("signed-in"), "{}", page.text);
    login.finished(LIMIT).await?.expect_code(0)?;
    let told = stranger.finished(LIMIT).await?.stdout;
    ensure!(told.lines().all(|line| ["400", "000", "none"].contains(&line)), "{told}");
    note(&world, &machine)?;
    world.finish().await
}

#[tokio::test]
async fn s_21_a_login_over_ssh_opens_the_browser_here_and_is_kept_over_there() -> Result<()> {
    let _network = Network::enter()?;
    let world = World::start().await?;
    let (desk, machine) = (world.home("desk")?, world.machine(Has::Keyfob).await?);

    let program = desk.with_browser(over(&world, &desk, &machine, &["--json"])?)?;
    let done = program.run(world.evidence()).await?.expect_code(0)?;

    ensure!(!desk.is_signed_in()?, "it is kept here");
    ensure!(done.stdout.contains(r#""state":"active""#), "{}", done.stdout);
    ensure!(done.stderr.contains("Signed in as mia@example.org"), "{}", done.stderr);
    note(&world, &machine)?;
    let token = machine.ssh("keyfob token", "keyfob token").run(world.evidence()).await?.expect_code(0)?;
    ensure!(token.stdout.trim() == stored(&machine)?.access_token.expose());
    world.finish().await
}

#[tokio::test]
async fn c_67_a_login_over_ssh_has_no_port_over_there() -> Result<()> {
    let _network = Network::enter()?;
    let world = World::start().await?;
    let (desk, machine) = (world.home("desk")?, world.machine(Has::Keyfob).await?);
    let mut login = over(&world, &desk, &machine, &["--no-browser"])?.start(world.evidence()).await?;
    let address = desk.printed_address(&login).await?;

    let ports = machine.as_stranger("ss -ltnH").run(world.evidence()).await?.expect_code(0)?.stdout;
    let find = "folder=$(dirname \"$(ss -lxnH | grep -o '/tmp/keyfob-[^ ]*/callback')\"); ls \"$folder\"";
    let socket = machine.as_stranger(find).run(world.evidence()).await?;
    let mut client = world.form_client()?;
    let callback = client.approve(&address, world.owner()).await?;
    let page = client.deliver(&callback).await?;

    let issuer = Url::parse(world.issuer())?.port().context("no port")?;
    let listening: Vec<&str> = ports.lines().filter_map(|line| line.split_whitespace().nth(3)).collect();
    ensure!(listening == [format!("127.0.0.1:{issuer}")], "more than what leads to the issuer: {ports}");
    ensure!(
        socket.stderr.contains("/tmp/keyfob-") && socket.stderr.contains("Permission denied"),
        "{socket:?}"
    );
    ensure!(page.has_id("signed-in"), "{}", page.text);
    login.finished(LIMIT).await?.expect_code(0)?;
    note(&world, &machine)?;
    world.finish().await
}

#[tokio::test]
async fn s_21_ctrl_c_ends_the_sign_in_here_and_over_there() -> Result<()> {
    let _network = Network::enter()?;
    let world = World::start().await?;
    let (desk, machine) = (world.home("desk")?, world.machine(Has::Keyfob).await?);
    let mut login = over(&world, &desk, &machine, &["--no-browser"])?.start(world.evidence()).await?;
    desk.printed_address(&login).await?;

    login.interrupt();

    login.finished(LIMIT).await?.expect_code(130)?;
    let ended = "while ss -lxnH | grep -q /callback; do sleep 0.05; done";
    machine.as_stranger(ended).run(world.evidence()).await?.expect_code(0)?;
    ensure!(!machine.home().join(".codex/auth.json").exists());
    world.finish().await
}

#[tokio::test]
async fn s_21_a_machine_that_is_none_or_has_no_keyfob_is_told() -> Result<()> {
    let _network = Network::enter()?;
    let world = World::start().await?;
    let (desk, machine) = (world.home("desk")?, world.machine(Has::Nothing).await?);
    let run = async |code: i32, target: &str| {
        let program =
            desk.keyfob(&["login", "--json", "--over", target])?.env("PATH", machine.search_path()?);
        Ok::<_, anyhow::Error>(program.run(world.evidence()).await?.expect_code(code)?.stderr)
    };

    let without = run(1, "ssh:user@remote").await?;
    let other = run(2, "docker:web").await?;
    let option = run(2, "ssh:-oProxyCommand=sh").await?;

    ensure!(without.contains("has no program `keyfob`"), "{without}");
    ensure!(other.contains("names no machine") && option.contains("names no machine"), "{other}{option}");
    world.finish().await
}

/// What is stored over there is a secret of this run, as it is at home.
fn note(world: &World, machine: &Machine) -> Result<()> {
    let tokens = stored(machine)?;
    world.evidence().note(keyfob_e2e::leak::Kind::AccessToken, tokens.access_token.expose());
    Ok(())
}
