//! Times storms: 64 processes with a fresh access token, and 64 with an expired one, at a real issuer.
//!
//! `keyfob-storm ROUNDS` prints a line of JSON a round, in milliseconds; `scripts/bench` reads it.

use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::gate::{Gate, WAITING};
use keyfob_e2e::leak::Stream;
use keyfob_e2e::process::LIMIT;
use keyfob_e2e::{Home, World};
use serde_json::json;
use std::io::Write as _;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const PROCESSES: usize = 64;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let rounds: u32 =
        std::env::args().nth(1).and_then(|text| text.parse().ok()).context("usage: keyfob-storm ROUNDS")?;
    let world = World::start().await?;
    let home = world.home("storm")?;
    home.sign_in(&mut world.form_client()?).await?;
    let gate = world.gate()?;
    let storm = Storm { world: &world, home: &home, gate: &gate };

    for _ in 0..rounds {
        let fresh = storm.of(PROCESSES).await?;
        home.expire_access_token(world.signing_key())?;
        let refresh = storm.of(1).await?;
        home.expire_access_token(world.signing_key())?;
        let before = world.wire().tally();
        let expired = storm.of(PROCESSES).await?;
        let refreshes = world.wire().tally().since(before).refreshes;
        let [fresh, refresh, expired] = [fresh, refresh, expired].map(|took| took.as_secs_f64() * 1000.0);
        let line = json!({ "fresh": fresh, "refresh": refresh, "expired": expired, "refreshes": refreshes });
        writeln!(std::io::stdout().lock(), "{line}")?;
    }
    world.finish().await
}

struct Storm<'a> {
    world: &'a World,
    home: &'a Home,
    gate: &'a Gate,
}

impl Storm<'_> {
    /// Lets `count` processes go at one moment; returns when the last has its token.
    async fn of(&self, count: usize) -> Result<Duration> {
        let mut waiting = Vec::new();
        for _ in 0..count {
            let program = self.home.keyfob_before(self.gate, &["token"])?;
            waiting.push(program.start(self.world.evidence()).await?);
        }
        for process in &waiting {
            process.line(Stream::Stderr, |line| line == WAITING).await?;
        }
        let started = Instant::now();
        let open = self.gate.open()?;
        let mut running = JoinSet::new();
        for mut process in waiting {
            running.spawn(async move { process.finished(LIMIT).await });
        }
        let mut tokens = Vec::new();
        while let Some(finished) = running.join_next().await {
            tokens.push(finished??.expect_code(0)?.stdout);
        }
        let took = started.elapsed();
        drop(open);
        ensure!(tokens.iter().all(|token| Some(token) == tokens.first()), "not all got the same token");
        Ok(took)
    }
}
