//! Sign-ins at the same moment: each gets its own result.

use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::process::LIMIT;
use keyfob_e2e::{Home, World};
use serde_json::Value;

const AT_ONCE: usize = 16;
/// Has no common divisor with the number of sign-ins, so that its multiples are an order of all of them.
const STEP: usize = 7;

#[tokio::test]
async fn c_15_sixteen_sign_ins_at_once_each_get_their_own_persons_login() -> Result<()> {
    let world = World::start().await?;
    let ada = world.add_person("ada@example.org").await?;
    let mut clients = [world.form_client()?, world.form_client()?];
    let people = [world.owner().clone(), ada];
    let homes =
        (0..AT_ONCE).map(|number| world.home(&format!("home-{number}"))).collect::<Result<Vec<Home>>>()?;

    let mut waiting = Vec::new();
    for home in &homes {
        waiting.push(home.sign_in_program()?.start(world.evidence()).await?);
    }
    let mut callbacks = Vec::new();
    for (number, home) in homes.iter().enumerate() {
        let address = home.printed_address(&waiting[number]).await?;
        callbacks.push(clients[number % 2].approve(&address, &people[number % 2]).await?);
    }
    // What is meant for one is nothing to another.
    let mut astray = callbacks[0].clone();
    astray.set_port(callbacks[1].port()).ok().context("no port")?;
    let refused = clients[0].get(&astray).await?.status.as_u16();
    for number in (0..AT_ONCE).map(|turn| turn * STEP % AT_ONCE) {
        let page = clients[number % 2].deliver(&callbacks[number]).await?;
        ensure!(page.has_id("signed-in"), "{}", page.text);
        let told = waiting[number].finished(LIMIT).await?.expect_code(0)?.stderr;
        let who = format!("Signed in as {}, workspace ", people[number % 2].email);
        ensure!(told.contains(&who), "sign-in {number}: {told}");
        homes[number].tokens()?;
    }

    ensure!(refused == 400, "{refused}");
    let mut ports: Vec<_> = callbacks.iter().map(url::Url::port).collect();
    ports.sort_unstable();
    ports.dedup();
    ensure!(ports.len() == AT_ONCE, "two sign-ins at one port: {ports:?}");
    ensure!(world.wire().redeemed_codes() == AT_ONCE);
    world.finish().await
}

#[tokio::test]
async fn c_15_of_several_sign_ins_in_one_home_the_last_to_finish_is_stored_and_lives_alone() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    let mut client = world.form_client()?;
    let mut waiting = Vec::new();
    for _ in 0..4 {
        let (login, address) = home.start_sign_in().await?;
        waiting.push((login, client.approve(&address, world.owner()).await?));
    }

    let mut stored = Vec::new();
    for number in [2, 0, 3, 1] {
        let (login, callback) = &mut waiting[number];
        client.deliver(callback).await?;
        login.finished(LIMIT).await?.expect_code(0)?;
        stored.push(home.tokens()?.refresh_token.context("no refresh token")?);
    }

    let listed: Value = serde_json::from_str(&home.expect(0, &["session", "list", "--json"]).await?.stdout)?;
    let sessions = listed.get("sessions").and_then(Value::as_array).context("no sessions")?;
    ensure!(sessions.len() == 1, "{listed}");
    ensure!(home.tokens()?.refresh_token.as_ref() == stored.last());
    home.expire_access_token(world.signing_key())?;
    home.token().await?;
    world.finish().await
}
