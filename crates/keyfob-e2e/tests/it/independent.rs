//! Clients that other people wrote, unmodified, with every check on: openid-client and oauth4webapi.

#[expect(clippy::indexing_slicing, reason = "to write to a member of a JSON object makes it")]
mod expected;

use anyhow::{Context as _, Result};
use expected::{Expected, device, metadata, resource};
use keyfob_codex::client::CLIENT_ID;
use keyfob_e2e::leak::Stream;
use keyfob_e2e::process::{LIMIT, Log, Program, Running};
use keyfob_e2e::{Network, World, environment, files};
use serde_json::{Map, Value, json};
use std::path::Path;
use url::Url;

const HOST: &str = "id.keyfob.test";
const SCOPE: &str = "openid profile email offline_access";
const SCRIPTS: [(&str, &str); 3] = [
    ("peer.mjs", include_str!("../clients/peer.mjs")),
    ("openid-client.mjs", include_str!("../clients/openid-client.mjs")),
    ("oauth4webapi.mjs", include_str!("../clients/oauth4webapi.mjs")),
];

#[tokio::test]
async fn i_81_i_07_i_11_openid_client_signs_in_refreshes_asks_revokes_and_uses_a_device_code() -> Result<()> {
    let network = Network::enter()?;
    let world = World::start_behind_tls(&network, HOST, Log::Usual).await?;

    let steps = run(&world, "openid-client").await?;

    let expected = Expected::of(&steps)?;
    assert_eq!(steps.get("discovery"), Some(&metadata()));
    assert_eq!(steps.get("sign-in"), Some(&expected.tokens("sign-in")?));
    assert_eq!(steps.get("refresh"), Some(&expected.refreshed()?));
    assert_eq!(steps.get("introspection"), Some(&expected.introspected("introspection")?));
    assert_eq!(steps.get("device"), Some(&device(&steps)?));
    expected.assert_the_rest(&steps)?;
    assert_eq!(steps.len(), 12);
    world.finish().await
}

#[tokio::test]
async fn i_38_i_81_oauth4webapi_signs_in_checks_access_tokens_and_signatures_and_is_told_the_truth()
-> Result<()> {
    let network = Network::enter()?;
    let world = World::start_behind_tls(&network, HOST, Log::Usual).await?;

    let steps = run(&world, "oauth4webapi").await?;

    let expected = Expected::of(&steps)?;
    assert_eq!(steps.get("discovery"), Some(&json!([metadata(), metadata()])));
    assert_eq!(steps.get("resource"), Some(&resource()));
    assert_eq!(steps.get("sign-in"), Some(&expected.tokens("sign-in")?));
    assert_eq!(steps.get("access token"), Some(&expected.access_token("access token")?));
    assert_eq!(steps.get("refresh"), Some(&expected.refreshed()?));
    assert_eq!(steps.get("introspection"), Some(&expected.introspected("introspection")?));
    let challenges = json!([{ "scheme": "basic", "parameters": { "realm": "resource servers" } }]);
    let stranger =
        json!({ "name": "WWWAuthenticateChallengeError", "status": 401, "challenges": challenges });
    assert_eq!(steps.get("introspection by a stranger"), Some(&stranger));
    let mut waiting = device(&steps)?;
    waiting["early"] = "authorization_pending".into();
    assert_eq!(steps.get("device"), Some(&waiting));
    expected.assert_the_rest(&steps)?;
    assert_eq!(steps.len(), 15);
    world.finish().await
}

/// Runs a client, with a person who refuses first, then signs in, and lets a device in; returns what it found at each step.
async fn run(world: &World, name: &str) -> Result<Map<String, Value>> {
    let mut running = client(world, name).await?.start(world.evidence()).await?;
    let mut person = world.form_client()?;
    let refused = address(&step(&running, "to be refused").await?)?;
    let callback = person.deny(&refused, world.owner()).await?;
    person.deliver(&callback).await?;
    let approved = address(&step(&running, "to be approved").await?)?;
    let callback = person.approve(&approved, world.owner()).await?;
    person.deliver(&callback).await?;
    let device = step(&running, "device").await?;
    let page = address(device.get("verification_uri").context("no page")?)?;
    let code = device.get("user_code").and_then(Value::as_str).context("no code")?;
    person.approve_device(&page, code, world.owner()).await?;
    let finished = running.finished(LIMIT).await?.expect_code(0)?;
    let steps = finished.stdout.lines().map(|line| -> Result<(String, Value)> {
        let mut said: Value = serde_json::from_str(line)?;
        let step = said.get("step").and_then(Value::as_str).context("no step")?.to_owned();
        Ok((step, said.get_mut("value").context("no value")?.take()))
    });
    steps.collect()
}

/// Returns the client `name`, installed beside its script as its own documentation says.
async fn client(world: &World, name: &str) -> Result<Program> {
    let home = world.home("client")?;
    let folder = home.codex_home();
    for (name, script) in SCRIPTS {
        files::replace(&folder.join(name), script.as_bytes())?;
    }
    let modules = environment::tools_folder()?.join("openid-client/node_modules");
    anyhow::ensure!(
        modules.join("openid-client/package.json").is_file(),
        "{} is missing; `scripts/test --only openid-client` installs it",
        modules.display()
    );
    std::os::unix::fs::symlink(modules, folder.join("node_modules"))?;
    let secret = world.add_resource_server().await?;
    let program = Program::new("independent client", Path::new("node"), &folder)
        // Node.js 18, which Debian 12 has, keeps WebCrypto behind this flag.
        .args(["--experimental-global-webcrypto"])
        .args([format!("{name}.mjs").as_str(), world.issuer(), CLIENT_ID, SCOPE, "gateway"])
        .args([secret])
        .env("NODE_EXTRA_CA_CERTS", world.names()?.ca());
    Ok(world.names()?.tell(program))
}

/// Waits for what the client says at a step.
async fn step(running: &Running, name: &str) -> Result<Value> {
    let parsed = |line: &str| serde_json::from_str::<Value>(line).ok();
    let is_wanted = |line: &str| parsed(line).is_some_and(|said| said.get("step") == Some(&json!(name)));
    let line = running.line(Stream::Stdout, is_wanted).await?;
    parsed(&line).and_then(|mut said| Some(said.get_mut("value")?.take())).context("no value")
}

fn address(value: &Value) -> Result<Url> {
    Ok(Url::parse(value.as_str().context("no address")?)?)
}
