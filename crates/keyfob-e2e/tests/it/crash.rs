//! Killing `keyfob` with `kill -9`: the login is the old one or the new one, never neither.

use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::chance::Chance;
use keyfob_e2e::process::{LIMIT, Running};
use keyfob_e2e::{FormClient, Home, World, files};
use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};
use tokio::time::timeout;
use url::Url;

const KILLS_OF_EACH: usize = 100;
/// A program that had already ended is no kill; so many may be tried.
const MOST_ATTEMPTS: usize = 4 * KILLS_OF_EACH;
const SIGKILL: i32 = 9;

#[tokio::test]
async fn r_01_r_02_a_login_survives_100_kills_of_a_refresh_at_random_moments() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("refresh")?;
    home.sign_in(&mut world.form_client()?).await?;
    let mut moments = Moments::new()?;

    for attempt in 0..MOST_ATTEMPTS {
        home.expire_access_token(world.signing_key())?;
        let started = Instant::now();
        let mut refresh = home.keyfob(&["token"])?.start(world.evidence()).await?;
        // Whether it ends before its moment is seen below.
        let _ended = timeout(moments.next(), refresh.finished(LIMIT)).await;
        moments.note(killed(&mut refresh).await?, started.elapsed());

        survives(&world, &home).await.with_context(|| moments.describe(attempt))?;
        if moments.kills == KILLS_OF_EACH {
            break;
        }
    }

    assert_eq!(moments.kills, KILLS_OF_EACH, "{}", moments.describe(MOST_ATTEMPTS));
    world.finish().await
}

#[tokio::test]
async fn r_01_r_02_a_login_survives_100_kills_of_another_login_at_random_moments() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("login")?;
    let mut client = world.form_client()?;
    home.sign_in(&mut client).await?;
    let mut moments = Moments::new()?;

    for attempt in 0..MOST_ATTEMPTS {
        let started = Instant::now();
        let mut login = home.sign_in_program()?.start(world.evidence()).await?;
        if let Ok(driven) = timeout(moments.next(), drive(&world, &home, &mut client, &login)).await {
            driven.with_context(|| moments.describe(attempt))?;
        }
        moments.note(killed(&mut login).await?, started.elapsed());

        survives(&world, &home).await.with_context(|| moments.describe(attempt))?;
        if moments.kills == KILLS_OF_EACH {
            break;
        }
    }

    assert_eq!(moments.kills, KILLS_OF_EACH, "{}", moments.describe(MOST_ATTEMPTS));
    world.finish().await
}

#[tokio::test]
async fn r_01_r_02_a_login_survives_a_kill_at_every_named_failpoint() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("failpoints")?;
    let mut client = world.form_client()?;
    home.sign_in(&mut client).await?;
    let names = home.expect(0, &["failpoints"]).await.context(
        "not built with failpoints; run `cargo build --workspace --bins --features keyfob-cli/failpoints`",
    )?;

    let mut never_reached = Vec::new();
    for name in names.stdout.lines() {
        let in_refresh = killed_in_refresh(&world, &home, name).await?;
        survives(&world, &home).await.with_context(|| format!("refresh killed at {name}"))?;
        let in_login = killed_in_login(&world, &home, &mut client, name).await?;
        survives(&world, &home).await.with_context(|| format!("login killed at {name}"))?;
        let in_logout = killed_in_logout(&world, &home, name).await?;
        // Whoever asked to be signed out may be; signing in again must work.
        home.sign_in(&mut client).await.with_context(|| format!("logout killed at {name}"))?;
        survives(&world, &home).await.with_context(|| format!("logout killed at {name}"))?;
        if !in_refresh && !in_login && !in_logout {
            never_reached.push(name);
        }
    }

    assert_eq!(never_reached, [""; 0]);
    world.finish().await
}

/// Random moments within about as long as the program runs, however fast the machine is at the time.
struct Moments {
    chance: Chance,
    span: Duration,
    kills: usize,
}

impl Moments {
    fn new() -> Result<Self> {
        Ok(Self { chance: Chance::new()?, span: Duration::from_millis(300), kills: 0 })
    }

    fn next(&mut self) -> Duration {
        self.chance.moment(self.span)
    }

    fn note(&mut self, was_killed: bool, elapsed: Duration) {
        if was_killed {
            self.kills += 1;
            self.span += self.span / 16;
        } else {
            self.span = (self.span + elapsed) / 2;
        }
    }

    fn describe(&self, attempt: usize) -> String {
        format!("KEYFOB_TEST_SEED={}, attempt {attempt}, {} kills", self.chance.seed(), self.kills)
    }
}

/// The home is signed in, by a login that can be used and refreshed, and nothing of an interrupted save is left.
async fn survives(world: &World, home: &Home) -> Result<()> {
    home.tokens().context("auth.json is lost")?;
    let token = home.token().await.context("the login is lost")?;
    ensure!(home.tokens()?.access_token.expose() == token, "what is stored is not what is used");

    home.expire_access_token(world.signing_key())?;
    home.token().await.context("the login cannot be refreshed")?;
    let is_login = |path: &std::path::PathBuf| {
        std::fs::read_to_string(path).is_ok_and(|text| text.contains("refresh_token"))
    };
    let holders: Vec<_> = files::below(&home.codex_home()).into_iter().filter(is_login).collect();
    ensure!(holders == [home.codex_home().join("auth.json")], "left behind: {holders:?}");
    Ok(())
}

/// Kills it; whether it was still running then.
async fn killed(running: &mut Running) -> Result<bool> {
    running.kill();
    Ok(running.finished(LIMIT).await?.status.signal() == Some(SIGKILL))
}

/// Does what the person at the browser does.
async fn drive(world: &World, home: &Home, client: &mut FormClient, login: &Running) -> Result<()> {
    let address: Url = home.printed_address(login).await?;
    let callback = client.approve(&address, world.owner()).await?;
    client.deliver(&callback).await?;
    Ok(())
}

async fn killed_in_refresh(world: &World, home: &Home, failpoint: &str) -> Result<bool> {
    home.expire_access_token(world.signing_key())?;
    let program = home.keyfob(&["token"])?.env("KEYFOB_KILL_AT", failpoint);
    Ok(program.run(world.evidence()).await?.status.signal() == Some(SIGKILL))
}

pub(crate) async fn killed_in_login(
    world: &World,
    home: &Home,
    client: &mut FormClient,
    failpoint: &str,
) -> Result<bool> {
    let program = home.sign_in_program()?.env("KEYFOB_KILL_AT", failpoint);
    let mut login = program.start(world.evidence()).await?;
    // It fails when the login kills itself meanwhile, which is what is wanted.
    let _driven = drive(world, home, client, &login).await;
    Ok(login.finished(LIMIT).await?.status.signal() == Some(SIGKILL))
}

async fn killed_in_logout(world: &World, home: &Home, failpoint: &str) -> Result<bool> {
    let program = home.keyfob(&["logout"])?.env("KEYFOB_KILL_AT", failpoint);
    Ok(program.run(world.evidence()).await?.status.signal() == Some(SIGKILL))
}
