//! Storms: 64 processes find an expired access token at the same moment.

use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::chance::Chance;
use keyfob_e2e::gate::{Gate, WAITING};
use keyfob_e2e::leak::Stream;
use keyfob_e2e::process::{Finished, LIMIT, Running};
use keyfob_e2e::rounds::{report, rounds};
use keyfob_e2e::wire::{Cut, Tally};
use keyfob_e2e::{Home, Store, World};
use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::timeout;

const PROCESSES: usize = 64;
/// So many of them are killed in a round, more or less.
const KILLS: usize = PROCESSES * 3 / 10;
const USUAL_ROUNDS: u32 = 20;
const SIGKILL: i32 = 9;

#[tokio::test]
async fn r_06_file_64_processes_with_an_expired_token_refresh_once_and_all_get_the_new_one() -> Result<()> {
    storm(Store::File, Fault::Nothing).await
}

#[tokio::test]
async fn r_07_file_processes_killed_in_a_storm_cost_the_others_nothing() -> Result<()> {
    storm(Store::File, Fault::Kills).await
}

#[tokio::test]
async fn r_03_file_answers_lost_in_a_storm_are_had_again_and_leave_one_live_token() -> Result<()> {
    storm(Store::File, Fault::LostAnswers).await
}

#[tokio::test]
async fn r_06_keyring_64_processes_with_an_expired_token_refresh_once_and_all_get_the_new_one() -> Result<()>
{
    storm(Store::Keyring, Fault::Nothing).await
}

#[tokio::test]
async fn r_07_keyring_processes_killed_in_a_storm_cost_the_others_nothing() -> Result<()> {
    storm(Store::Keyring, Fault::Kills).await
}

#[tokio::test]
async fn r_03_keyring_answers_lost_in_a_storm_are_had_again_and_leave_one_live_token() -> Result<()> {
    storm(Store::Keyring, Fault::LostAnswers).await
}

#[tokio::test]
async fn r_06_auto_64_processes_with_an_expired_token_refresh_once_and_all_get_the_new_one() -> Result<()> {
    storm(Store::Auto, Fault::Nothing).await
}

#[tokio::test]
async fn r_07_auto_processes_killed_in_a_storm_cost_the_others_nothing() -> Result<()> {
    storm(Store::Auto, Fault::Kills).await
}

#[tokio::test]
async fn r_03_auto_answers_lost_in_a_storm_are_had_again_and_leave_one_live_token() -> Result<()> {
    storm(Store::Auto, Fault::LostAnswers).await
}

/// What goes wrong while they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Nothing,
    /// About three in ten are killed, each at a moment of its own.
    Kills,
    /// The issuer's answers break off, up to three in a row.
    LostAnswers,
}

async fn storm(store: Store, fault: Fault) -> Result<()> {
    let world = World::start().await?;
    let home = world.home_with("storm", store).await?;
    home.sign_in(&mut world.form_client()?).await?;
    let gate = world.gate()?;
    let chance = Chance::new()?;
    let mut span = Duration::from_millis(500);
    let mut kills = Vec::new();

    for round in rounds(USUAL_ROUNDS)? {
        let mut chance = chance.of_round(round);
        let describe = || format!("KEYFOB_TEST_SEED={}, round {round}", chance.seed());
        let name = describe();
        let before = world.wire().tally();
        let outcome = Round { world: &world, home: &home, gate: &gate, fault, span }
            .run(&mut chance)
            .await
            .with_context(|| name.clone())?;
        let sum = world.wire().tally().since(before);
        outcome.check(fault, sum).with_context(|| name.clone())?;
        ensure!(home.is_cache_in_step()?, "the Codex CLI would find what is no longer stored: {name}");
        let stored = home.tokens()?.access_token;
        ensure!(home.token().await.context(name)? == stored.expose(), "not what is stored");
        // However fast the machine is: moments later when too many were killed, earlier when too few.
        span = if outcome.kills > KILLS { span * 9 / 8 } else { span * 7 / 8 };
        kills.push(outcome.kills);
        report(&format!(
            "{fault:?} {} round {round}: {PROCESSES} processes, {} killed, {} refreshed, {} ms",
            store.name(),
            outcome.kills,
            sum.refreshes,
            outcome.took.as_millis()
        ));
    }
    let enough = kills.iter().sum::<usize>() >= kills.len() * KILLS / 2;
    ensure!(fault != Fault::Kills || enough, "too few were killed: {kills:?}");
    world.finish().await
}

struct Round<'a> {
    world: &'a World,
    home: &'a Home,
    gate: &'a Gate,
    fault: Fault,
    /// Kills are at moments before this.
    span: Duration,
}

/// How a round ended.
struct Outcome {
    kills: usize,
    /// What each of the others printed.
    tokens: Vec<String>,
    took: Duration,
}

impl Round<'_> {
    async fn run(&self, chance: &mut Chance) -> Result<Outcome> {
        self.home.expire_access_token(self.world.signing_key())?;
        self.home.cache_as_codex()?;
        let mut waiting = Vec::new();
        for _ in 0..PROCESSES {
            let program = self.home.keyfob_before(self.gate, &["token"])?;
            waiting.push(program.start(self.world.evidence()).await?);
        }
        for process in &waiting {
            process.line(Stream::Stderr, |line| line == WAITING).await?;
        }
        if self.fault == Fault::LostAnswers {
            self.world.wire().lose(cuts(chance));
        }
        let started = Instant::now();
        let open = self.gate.open()?;
        let mut running = JoinSet::new();
        for process in waiting {
            let is_victim = self.fault == Fault::Kills && chance.below(2) == 0;
            let end = is_victim.then(|| chance.moment(self.span));
            running.spawn(live(process, end));
        }
        let mut outcome = Outcome { kills: 0, tokens: Vec::new(), took: Duration::ZERO };
        while let Some(finished) = running.join_next().await {
            let finished = finished??;
            if finished.status.signal() == Some(SIGKILL) {
                outcome.kills += 1;
            } else {
                outcome.tokens.push(finished.expect_code(0)?.stdout);
            }
        }
        drop(open);
        outcome.took = started.elapsed();
        Ok(outcome)
    }
}

impl Outcome {
    fn check(&self, fault: Fault, sum: Tally) -> Result<()> {
        let Tally { refreshes, successors } = sum;
        ensure!(successors == 1, "{successors} refresh tokens for one that was spent");
        let expected = match fault {
            Fault::Nothing => 1..=1,
            Fault::Kills => 1..=1 + self.kills,
            Fault::LostAnswers => 2..=4,
        };
        ensure!(expected.contains(&refreshes), "{refreshes} refreshes, {} kills", self.kills);
        ensure!(
            self.tokens.iter().all(|token| Some(token) == self.tokens.first()),
            "not all got the same token"
        );
        Ok(())
    }
}

/// Runs to its end, or is killed at `end`.
async fn live(mut process: Running, end: Option<Duration>) -> Result<Finished> {
    if let Some(end) = end {
        // Whether it ends before its moment is seen by its status.
        let _ended = timeout(end, process.finished(LIMIT)).await;
        process.kill();
    }
    process.finished(LIMIT).await
}

fn cuts(chance: &mut Chance) -> Vec<Cut> {
    let count = 1 + chance.below(3);
    let mut cut = || match chance.below(3) {
        0 => Cut::BeforeHead,
        1 => Cut::AfterHead,
        _ => Cut::InBody,
    };
    (0..count).map(|_| cut()).collect()
}
