//! Signing in on another machine: the person's browser reaches the issuer and nothing of that machine.

use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::leak::Stream;
use keyfob_e2e::process::{LIMIT, Log};
use keyfob_e2e::{ForwardProxy, Home, Neighbour, Network, World, environment};
use serde_json::Value;
use url::Url;

const HOST: &str = "id.keyfob.test";

/// A home on the machine beside, whose only way out is `proxy`; its configuration names the issuer.
fn home(world: &World, proxy: &ForwardProxy) -> Result<Home> {
    let home = world.home("far")?.with_variable("HTTPS_PROXY", proxy.address());
    let home = home.with_variable("CODEX_CA_CERTIFICATE", world.names()?.ca());
    home.configure()?;
    Ok(home)
}

#[tokio::test]
async fn s_19_without_a_way_to_the_callback_a_device_code_is_used_with_no_flags() -> Result<()> {
    let network = Network::enter()?;
    let neighbour = Neighbour::beside(&network)?;
    let world = World::start_behind_tls(&network, HOST, Log::Usual).await?;
    let proxy = world.forward_proxy_at(Neighbour::OURS).await?;
    let home = home(&world, &proxy)?;

    let mut login = home.keyfob_under(&neighbour.entering(), &["login"])?.start(world.evidence()).await?;
    let prompt: Value =
        serde_json::from_str(&login.line(Stream::Stdout, |line| line.contains("user_code")).await?)?;
    let member = |name: &str| prompt.get(name).and_then(Value::as_str).with_context(|| format!("no {name}"));
    let page = Url::parse(member("address")?)?;
    world.form_client()?.approve_device(&page, member("user_code")?, world.owner()).await?;
    login.finished(LIMIT).await?.expect_code(0)?;

    home.token().await?;
    world.finish().await
}

#[tokio::test]
async fn s_19_without_a_way_to_the_callback_its_address_is_pasted_with_no_flags() -> Result<()> {
    let network = Network::enter()?;
    let neighbour = Neighbour::beside(&network)?;
    let world = World::start_behind_tls(&network, HOST, Log::Usual).await?;
    let proxy = world.forward_proxy_at(Neighbour::OURS).await?;
    // A screen of that machine, before which nobody sits, and a browser that nobody sees.
    let home = home(&world, &proxy)?.with_variable("DISPLAY", ":0").with_variable("BROWSER", "/bin/true");

    let keyfob = environment::program("keyfob")?.display().to_string();
    let terminal = ["/usr/bin/script", "-qefc", &format!("'{keyfob}' login"), "-E", "never", "/dev/null"]
        .map(String::from);
    let program =
        home.keyfob_in_words("login", &[&neighbour.entering()[..], &terminal].concat())?.stdin_open("");
    let mut login = program.start(world.evidence()).await?;
    login.line(Stream::Stdout, |line| line.contains("Enter alone: Browser on this machine.")).await?;
    login.write("\r").await?;
    let address = login.line(Stream::Stdout, |line| line.trim_start().starts_with("https")).await?;
    let address = Url::parse(address.trim())?;
    world.evidence().note_address(&address);
    let mut person = world.form_client()?;
    let callback = person.approve(&address, world.owner()).await?;
    ensure!(person.deliver(&callback).await.is_err(), "the callback was reached");
    login.write(&format!("{callback}\r")).await?;
    login.finished(LIMIT).await?.expect_code(0)?;

    home.token().await?;
    world.finish().await
}
