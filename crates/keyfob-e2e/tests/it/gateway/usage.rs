//! What people used at the gateway, as `keyfob` tells them.

use super::at_home::{Local, at_the_desk, key, of_a_tool};
use super::keys::{SOON, made};
use super::{DEMO, until};
use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::{Home, World, files};
use serde_json::{Value, json};
use std::time::Duration;

const PRICES: &[u8] =
    b"currency = \"EUR\"\n[[model]]\nname = \"demo\"\ninput = \"1.00\"\noutput = \"10.00\"\n";

async fn ask(world: &World, credential: &str) -> Result<()> {
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build()?;
    let request = http.post(format!("{}/v1/responses", world.gateway())).bearer_auth(credential);
    let answer = request.body(r#"{"model":"demo","input":"hi"}"#).send().await?.error_for_status()?;
    answer.bytes().await?;
    Ok(())
}

async fn told(home: &Home, more: &[&str]) -> Result<Value> {
    let finished = home.expect(0, &[&["usage", "--json"], more].concat()).await?;
    Ok(serde_json::from_str(&finished.stdout)?)
}

/// Returns how many requests the line of this name tells.
fn requests(told: &Value, name: &str) -> Option<u64> {
    let by = told.get("by")?.as_str()?;
    let lines = told.get("usage")?.as_array()?;
    lines.iter().find(|line| line.get(by).is_some_and(|found| found == name))?.get("requests")?.as_u64()
}

#[tokio::test]
async fn s_07_a_person_sees_what_they_and_their_key_used_also_through_a_gateway_of_their_own() -> Result<()> {
    let mut world = World::start().await?;
    let data = world.home("data")?;
    let prices = data.folder().join("prices.toml");
    files::replace(&prices, PRICES)?;
    world.configure_gateway(&format!("data = {:?}\nprices = {prices:?}\n{DEMO}", data.folder())).await?;
    let desk = at_the_desk(&world).await?;
    let token = desk.token().await?;
    let (id, secret) = made(&world, "key").await?;
    until(&world, &secret, 200, SOON).await?;
    for credential in [&token, &token, &secret] {
        ask(&world, credential).await?;
    }

    let (by_model, by_caller) = (told(&desk, &[]).await?, told(&desk, &["--by", "caller"]).await?);

    let of = by_model.get("of").context("nobody's")?.clone();
    let member =
        |name: &str| of.get(name).and_then(Value::as_str).context("no such member").map(str::to_owned);
    let (subject, workspace) = (member("subject")?, member("workspace")?);
    assert_eq!(requests(&by_model, "demo"), Some(3));
    assert_eq!((by_model.get("currency"), of.get("key")), (Some(&json!("EUR")), Some(&Value::Null)));
    assert_eq!(requests(&by_caller, &format!("{subject} in {workspace}")), Some(2));
    ensure!(requests(&by_caller, &format!("{subject} in {workspace} by key {id}")) >= Some(1), "{by_caller}");

    let local = Local::on_loopback(&world, &desk).await?;
    let made = key(&world, &desk, "editor").await?;
    let tool = world.home("tool")?.with_variable("P_KEY", &made);
    tool.configure_codex(&of_a_tool(&local, "env_key = \"P_KEY\""))?;

    let through = told(&tool, &[]).await?;

    assert_eq!((through.get("of"), requests(&through, "demo")), (Some(&of), Some(3)));
    drop(local);
    world.finish().await
}
