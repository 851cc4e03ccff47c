//! Several logins side by side: nobody gets another's token, waits for another, or is changed by another.

use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::gate::{Gate, WAITING};
use keyfob_e2e::leak::Stream;
use keyfob_e2e::process::LIMIT;
use keyfob_e2e::rounds::rounds;
use keyfob_e2e::{Home, World, files};
use keyfob_jose::read_unverified;
use std::fs::File;

const USUAL_ROUNDS: u32 = 50;
const NAMES: [&str; 3] = ["shared", "ada", "ben"];

/// A home with the owner's shared login, and logins of two others beside it.
async fn three_logins(world: &World) -> Result<[Home; 3]> {
    let home = world.home("several")?;
    home.sign_in(&mut world.form_client()?).await?;
    let mut beside = Vec::new();
    for name in ["ada", "ben"] {
        let person = world.add_person(&format!("{name}@example.org")).await?;
        let login = home.beside(name, &person);
        login.sign_in_as(name, &mut world.form_client()?).await?;
        beside.push(login);
    }
    let [ada, ben] = <[Home; 2]>::try_from(beside).ok().context("two logins")?;
    Ok([home, ada, ben])
}

fn subject(token: &str) -> Result<String> {
    let claims = read_unverified(token.trim_end()).context("no JWT")?;
    Ok(claims.text("sub").context("no subject")?.to_owned())
}

fn texts(logins: &[Home; 3]) -> Result<Vec<String>> {
    logins.iter().map(Home::auth_text).collect()
}

#[tokio::test]
async fn p_04_three_logins_at_once_get_their_own_tokens_and_never_change_each_other() -> Result<()> {
    let world = World::start().await?;
    let logins = three_logins(&world).await?;
    let gate = world.gate()?;
    let mut subjects = Vec::new();
    for login in &logins {
        subjects.push(subject(login.tokens()?.access_token.expose())?);
    }
    ensure!(subjects[0] != subjects[1] && subjects[1] != subjects[2] && subjects[0] != subjects[2]);

    for round in rounds(USUAL_ROUNDS)? {
        let refreshed = usize::try_from(round)? % logins.len();
        logins[refreshed].expire_access_token(world.signing_key())?;
        let before = texts(&logins)?;
        let tally = world.wire().tally();

        let tokens = at_once(&world, &gate, &logins[0]).await?;

        for (which, token) in tokens.iter().enumerate() {
            ensure!(
                subject(token)? == subjects[which],
                "round {round}: {} got another's token",
                NAMES[which]
            );
            let changed = logins[which].auth_text()? != before[which];
            ensure!(changed == (which == refreshed), "round {round}: {} is changed: {changed}", NAMES[which]);
            ensure!(logins[which].tokens()?.access_token.expose() == token.trim_end(), "not what is stored");
        }
        ensure!(world.wire().tally().since(tally).refreshes == 1, "round {round}");
    }
    world.finish().await
}

/// Lets a process for each login through a gate at one moment; returns what each printed.
async fn at_once(world: &World, gate: &Gate, home: &Home) -> Result<Vec<String>> {
    let mut waiting = Vec::new();
    for name in NAMES {
        let program = home.keyfob_before(gate, &["token", "--login", name])?;
        waiting.push(program.start(world.evidence()).await?);
    }
    for process in &waiting {
        process.line(Stream::Stderr, |line| line == WAITING).await?;
    }
    let _open = gate.open()?;
    let mut tokens = Vec::new();
    for mut process in waiting {
        tokens.push(process.finished(LIMIT).await?.expect_code(0)?.stdout);
    }
    Ok(tokens)
}

#[tokio::test]
async fn c_57_a_login_does_not_wait_for_the_lock_of_another() -> Result<()> {
    let world = World::start().await?;
    let [home, ada, _] = three_logins(&world).await?;
    let lock = File::open(home.codex_home().join("keyfob/refresh.lock"))?;
    lock.lock()?;
    ada.expire_access_token(world.signing_key())?;

    home.expect(0, &["token", "--login", "ada"]).await?;
    ada.tokens()?;

    drop(lock);
    world.finish().await
}

#[tokio::test]
async fn c_62_removing_a_login_ends_its_session_and_no_other() -> Result<()> {
    let world = World::start().await?;
    let logins = three_logins(&world).await?;
    let [home, ada, ben] = &logins;
    let copy = world.home("copy")?;
    files::replace(&copy.codex_home().join("auth.json"), ada.auth_text()?.as_bytes())?;
    let before = texts(&logins)?;

    let told = home.expect(0, &["logins", "remove", "ada"]).await?;

    ensure!(told.stderr.contains("the issuer ended the session"), "{}", told.stderr);
    copy.expire_access_token(world.signing_key())?;
    copy.expect(5, &["token"]).await?;
    ensure!(
        (home.auth_text()?, ben.auth_text()?) == (before[0].clone(), before[2].clone()),
        "another is changed"
    );
    home.expect(0, &["status", "--check"]).await?;
    home.expect(0, &["status", "--check", "--login", "ben"]).await?;
    ben.tokens()?;
    home.expect(4, &["token", "--login", "ada"]).await?;
    world.finish().await
}

#[tokio::test]
async fn c_17_another_account_at_the_same_issuer_needs_a_name_of_its_own() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    home.sign_in(&mut world.form_client()?).await?;
    let before = home.auth_text()?;
    let ada = world.add_person("ada@example.org").await?;
    let as_ada = home.beside("ada", &ada);

    let mut running = home.sign_in_program()?.start(world.evidence()).await?;
    let address = home.printed_address(&running).await?;
    let mut client = world.form_client()?;
    let callback = client.approve(&address, &ada).await?;
    client.deliver(&callback).await?;
    let refused = running.finished(LIMIT).await?.expect_code(1)?;
    as_ada.sign_in_as("ada", &mut client).await?;

    ensure!(refused.stderr.contains("`--as NAME`"), "{}", refused.stderr);
    ensure!(home.auth_text()? == before, "the shared login is changed");
    let stored = as_ada.auth_text()?;
    as_ada.sign_in_as("ada", &mut client).await?;
    ensure!(as_ada.auth_text()? != stored, "signing in again under the name is a new session");
    home.expect(0, &["status", "--check"]).await?;
    world.finish().await
}
