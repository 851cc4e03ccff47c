//! The ports of the callback, some of them held by others; in a network of the test's own.

use crate::callback::redirect;
use crate::tls::{BUILT_IN, behind};
use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::leak::Stream;
use keyfob_e2e::process::{LIMIT, Log, Program, Running};
use keyfob_e2e::{ForwardProxy, Home, Network, World};
use std::path::Path;
use std::process::Command;
use url::Url;

/// Listens and tells of every connection and every byte.
const SQUATTER: &str = r#"
use Socket qw(:DEFAULT inet_pton pack_sockaddr_in6); $| = 1; my ($host, $port) = @ARGV;
my ($family, $name) = $host =~ /:/ ? (AF_INET6, pack_sockaddr_in6($port, inet_pton(AF_INET6, $host)))
                                   : (AF_INET, pack_sockaddr_in($port, inet_aton($host)));
socket(S, $family, SOCK_STREAM, 0) and bind(S, $name) and listen(S, 9) or die; print "holds it\n";
while (accept(C, S)) { print "connected\n"; while (sysread(C, my $bytes, 4096)) { print "received $bytes\n" } }
"#;
const NOTHING_HEARD: &str = "holds it\n";
/// Root looks into everybody's programs; this is how others start.
const WITHOUT_LOOKING: [&str; 2] = ["setpriv", "--bounding-set=-sys_ptrace"];

#[derive(Clone, Copy)]
enum Whose {
    Ours,
    AnotherUsers,
}

async fn squat(world: &World, whose: Whose, host: &str, port: u16) -> Result<Running> {
    let user: &[&str] = match whose {
        // Whoever is looked into has no more rights than who looks.
        Whose::Ours => &["--bounding-set=-sys_ptrace"],
        Whose::AnotherUsers => &["--reuid=65534", "--regid=65534", "--clear-groups"],
    };
    let squatter = Program::new("squatter", Path::new("setpriv"), Path::new("/"))
        .args(user)
        .args(["perl", "-e", SQUATTER, host, &port.to_string()])
        .start(world.evidence())
        .await?;
    squatter.line(Stream::Stdout, |line| line == "holds it").await?;
    Ok(squatter)
}

/// Fills the forms of a sign-in that waits, and lets it end.
async fn finish(world: &World, home: &Home, mut login: Running, address: &Url) -> Result<String> {
    let mut client = world.form_client()?;
    let callback = client.approve(address, world.owner()).await?;
    let page = client.deliver(&callback).await?;
    ensure!(page.has_id("signed-in"), "{}", page.text);
    let finished = login.finished(LIMIT).await?.expect_code(0)?;
    home.tokens()?;
    Ok(finished.stderr)
}

/// Every address that somebody listens at on `port`.
fn listeners(port: u16) -> Result<Vec<String>> {
    let table =
        Command::new("ss").args(["-ltnH", &format!("sport = :{port}")]).output().context("no `ss`")?;
    let table = String::from_utf8(table.stdout)?;
    let mut all: Vec<String> =
        table.lines().filter_map(|line| line.split_whitespace().nth(3)).map(str::to_owned).collect();
    all.sort();
    Ok(all)
}

/// A world whose issuer has registered two ports alone, and a home there.
async fn with_two_ports(network: &Network) -> Result<(World, ForwardProxy, Home)> {
    let world = World::start_behind_tls(network, BUILT_IN, Log::Usual).await?;
    let proxy = world.forward_proxy().await?;
    let home = behind(&world, &proxy, "mia", "SSL_CERT_FILE")?;
    Ok((world, proxy, home))
}

#[tokio::test]
async fn c_05_the_redirect_names_a_literal_and_nothing_but_that_is_listened_at() -> Result<()> {
    let _network = Network::enter()?;
    let world = World::start().await?;
    let home = world.home("mia")?;
    let elsewhere = squat(&world, Whose::AnotherUsers, "::1", 1455).await?;

    let (login, address) = home.start_sign_in().await?;
    let open = listeners(1455)?;
    finish(&world, &home, login, &address).await?;

    ensure!(redirect(&address)?.as_str() == "http://127.0.0.1:1455/auth/callback", "{address}");
    ensure!(open == ["127.0.0.1:1455", "[::1]:1455"], "{open:?}");
    ensure!(elsewhere.printed_on(Stream::Stdout) == NOTHING_HEARD, "{elsewhere:?}");
    world.finish().await
}

#[tokio::test]
async fn c_05_where_two_ports_alone_are_registered_both_families_of_one_are_ours() -> Result<()> {
    let network = Network::enter()?;
    let (world, _proxy, home) = with_two_ports(&network).await?;

    let (login, address) = home.start_sign_in().await?;
    let open = listeners(1455)?;
    finish(&world, &home, login, &address).await?;

    ensure!(redirect(&address)?.as_str() == "http://127.0.0.1:1455/auth/callback", "{address}");
    ensure!(open == ["127.0.0.1:1455", "[::1]:1455"], "{open:?}");
    world.finish().await
}

#[tokio::test]
async fn c_05_a_port_that_somebody_holds_in_the_other_family_is_not_used() -> Result<()> {
    let network = Network::enter()?;
    let (world, _proxy, home) = with_two_ports(&network).await?;
    let elsewhere = squat(&world, Whose::AnotherUsers, "::1", 1455).await?;

    let (login, address) = home.start_sign_in().await?;
    let (first, second) = (listeners(1455)?, listeners(1457)?);
    finish(&world, &home, login, &address).await?;

    ensure!(redirect(&address)?.as_str() == "http://127.0.0.1:1457/auth/callback", "{address}");
    ensure!(first == ["[::1]:1455"], "{first:?}");
    ensure!(second == ["127.0.0.1:1457", "[::1]:1457"], "{second:?}");
    ensure!(elsewhere.printed_on(Stream::Stdout) == NOTHING_HEARD, "{elsewhere:?}");
    world.finish().await
}

#[tokio::test]
async fn c_06_squatters_on_both_ports_hear_nothing_and_another_port_serves() -> Result<()> {
    let _network = Network::enter()?;
    let world = World::start().await?;
    let squatters = [
        squat(&world, Whose::AnotherUsers, "127.0.0.1", 1455).await?,
        squat(&world, Whose::AnotherUsers, "0.0.0.0", 1457).await?,
    ];
    let here = world.home("here")?;
    let over_ssh = world.home("there")?.with_variable("SSH_CONNECTION", "192.0.2.1 40000 192.0.2.2 22");

    let (login, address) = here.start_sign_in().await?;
    let quiet = finish(&world, &here, login, &address).await?;
    let (login, address) = over_ssh.start_sign_in().await?;
    let port = redirect(&address)?.port().context("no port")?;
    let loud = finish(&world, &over_ssh, login, &address).await?;

    ensure!(![1455, 1457].contains(&port), "{address}");
    ensure!(!quiet.contains("WARNING"), "{quiet}");
    let warning = format!(
        "WARNING: the port is {port}, since 1455 is taken here. Where your browser is, forward this one: \
         `ssh -L {port}:127.0.0.1:{port} HOST`\n"
    );
    ensure!(loud.contains(&warning), "{loud}");
    for squatter in &squatters {
        ensure!(squatter.printed_on(Stream::Stdout) == NOTHING_HEARD, "{squatter:?}");
    }
    world.finish().await
}

#[tokio::test]
async fn c_06_where_both_registered_ports_are_taken_their_holders_are_named() -> Result<()> {
    let network = Network::enter()?;
    let (world, _proxy, home) = with_two_ports(&network).await?;
    let another = squat(&world, Whose::AnotherUsers, "127.0.0.1", 1455).await?;
    let own = squat(&world, Whose::Ours, "::1", 1457).await?;

    let under = WITHOUT_LOOKING.map(str::to_owned);
    let arguments = ["login", "--no-browser", "--issuer", world.issuer()];
    let told = home.keyfob_under(&under, &arguments)?.run(world.evidence()).await?.expect_code(1)?;

    let expected = format!(
        "error: the issuer sends browsers to these ports only, and all are taken: 127.0.0.1:1455 by another user's program, \
         [::1]:1457 by `perl` (process {})\nhint: end one of them, or sign in without a port of this machine: `keyfob login \
         --device-auth`\n",
        own.number()
    );
    ensure!(told.stderr == expected, "{}", told.stderr);
    for squatter in [&another, &own] {
        ensure!(squatter.printed_on(Stream::Stdout) == NOTHING_HEARD, "{squatter:?}");
    }
    world.finish().await
}

#[tokio::test]
async fn c_15_a_third_sign_in_at_two_ports_is_told_who_has_them_and_the_two_go_on() -> Result<()> {
    let network = Network::enter()?;
    let (world, proxy, home) = with_two_ports(&network).await?;
    let second_home = behind(&world, &proxy, "second", "SSL_CERT_FILE")?;
    let third_home = behind(&world, &proxy, "third", "SSL_CERT_FILE")?;

    let (first, to_first) = home.start_sign_in().await?;
    let (second, to_second) = second_home.start_sign_in().await?;
    let third = third_home.sign_in_program()?.run(world.evidence()).await?.expect_code(1)?;
    let holders = format!(
        "127.0.0.1:1455 by `keyfob` (process {}), 127.0.0.1:1457 by `keyfob` (process {})\n",
        first.number(),
        second.number()
    );
    finish(&world, &second_home, second, &to_second).await?;
    finish(&world, &home, first, &to_first).await?;

    ensure!(third.stderr.contains(&holders), "{}", third.stderr);
    ensure!(!third_home.has_auth_file());
    world.finish().await
}
