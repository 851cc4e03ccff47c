//! Killing `keyfob` with `kill -9` at random moments: the login is the old one or the new one, never neither.

use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::chance::Chance;
use keyfob_e2e::process::{LIMIT, Running};
use keyfob_e2e::rounds::{parts, report, rounds};
use keyfob_e2e::{FormClient, Home, Store, World, files};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::time::timeout;
use url::Url;

/// A program that had already ended is no kill; so often it may be tried for one.
const MOST_ATTEMPTS: u32 = 50;
const SIGKILL: i32 = 9;

#[tokio::test]
async fn r_01_r_02_file_a_login_survives_kills_at_random_moments() -> Result<()> {
    survives_kills(Store::File, 160).await
}

#[tokio::test]
async fn r_01_r_02_keyring_a_login_survives_kills_at_random_moments() -> Result<()> {
    survives_kills(Store::Keyring, 40).await
}

#[tokio::test]
async fn r_01_r_02_auto_a_login_survives_kills_at_random_moments() -> Result<()> {
    survives_kills(Store::Auto, 40).await
}

/// Each round is one kill.
async fn survives_kills(store: Store, usual: u32) -> Result<()> {
    let chance = Chance::new()?;
    let mut moments = [Moments::default(), Moments::default()];
    for part in parts(rounds(usual)?) {
        let world = World::start().await?;
        let home = world.home_with("killed", store).await?;
        let mut client = world.form_client()?;
        home.sign_in(&mut client).await?;

        for round in part {
            let victim = Victim::of_round(round);
            let [in_refresh, in_login] = &mut moments;
            let moments = if victim == Victim::Refresh { in_refresh } else { in_login };
            let describe = || format!("KEYFOB_TEST_SEED={}, round {round}, {victim:?}", chance.seed());
            let mut chance = chance.of_round(round);
            let started = Instant::now();
            let mut attempts = 0;
            let mut was_killed = false;
            while !was_killed {
                attempts += 1;
                ensure!(attempts <= MOST_ATTEMPTS, "it always ends before its moment: {}", describe());
                let moment = chance.moment(moments.span);
                let started = Instant::now();
                was_killed =
                    victim.killed(&world, &home, &mut client, moment).await.with_context(describe)?;
                moments.note(was_killed, started.elapsed());
                survives(&world, &home).await.with_context(describe)?;
            }
            let (name, took) = (store.name(), started.elapsed().as_millis());
            report(&format!("{name} kill {round}: a {victim:?}, {attempts} attempts, {took} ms"));
        }
        world.finish().await?;
    }
    Ok(())
}

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Refresh,
    Login,
}

impl Victim {
    /// Most of a login is waiting for a person, with nothing at stake.
    const fn of_round(round: u32) -> Self {
        if round % 4 == 3 { Self::Login } else { Self::Refresh }
    }

    /// Starts one and kills it at `moment`; whether it was still running then.
    async fn killed(
        self,
        world: &World,
        home: &Home,
        client: &mut FormClient,
        moment: Duration,
    ) -> Result<bool> {
        let mut running = match self {
            Self::Refresh => {
                home.expire_access_token(world.signing_key())?;
                let mut refresh = home.keyfob(&["token"])?.start(world.evidence()).await?;
                // Whether it ends before its moment is seen by its status.
                let _ended = timeout(moment, refresh.finished(LIMIT)).await;
                refresh
            }
            Self::Login => {
                let login = home.sign_in_program()?.start(world.evidence()).await?;
                if let Ok(driven) = timeout(moment, drive(world, home, client, &login)).await {
                    driven?;
                }
                login
            }
        };
        running.kill();
        Ok(running.finished(LIMIT).await?.status.signal() == Some(SIGKILL))
    }
}

/// Random moments within about as long as the program runs, however fast the machine is at the time.
struct Moments {
    span: Duration,
}

/// A program that is not killed before this has ended long ago, or waits for something.
const LONGEST_SPAN: Duration = Duration::from_secs(2);

impl Default for Moments {
    fn default() -> Self {
        Self { span: Duration::from_millis(300) }
    }
}

impl Moments {
    fn note(&mut self, was_killed: bool, elapsed: Duration) {
        if was_killed {
            self.span = LONGEST_SPAN.min(self.span + self.span / 16);
        } else {
            self.span = (self.span + elapsed) / 2;
        }
    }
}

/// The home is signed in, by a login that can be used and refreshed, and nothing of an interrupted save is left.
pub(crate) async fn survives(world: &World, home: &Home) -> Result<()> {
    home.tokens().context("the login is lost")?;
    let token = home.token().await.context("the login cannot be used")?;
    ensure!(home.tokens()?.access_token.expose() == token, "what is stored is not what is used");

    home.expire_access_token(world.signing_key())?;
    home.token().await.context("the login cannot be refreshed")?;
    let holders = holders(home);
    ensure!(holders == home.login_files(), "left behind: {holders:?}");
    Ok(())
}

/// Returns the files of the home in which there is a login.
pub(crate) fn holders(home: &Home) -> Vec<PathBuf> {
    let holds_login =
        |path: &PathBuf| std::fs::read_to_string(path).is_ok_and(|text| text.contains("refresh_token"));
    files::below(&home.codex_home()).into_iter().filter(holds_login).collect()
}

/// Does what the person at the browser does.
pub(crate) async fn drive(
    world: &World,
    home: &Home,
    client: &mut FormClient,
    login: &Running,
) -> Result<()> {
    let address: Url = home.printed_address(login).await?;
    let callback = client.approve(&address, world.owner()).await?;
    client.deliver(&callback).await?;
    Ok(())
}
