//! Random moments that can be had again: a run prints its seed when it fails.

use crate::environment::{self, SystemEntropy};
use anyhow::{Context as _, Result};
use keyfob_oauth::Entropy;
use std::time::Duration;

/// A sequence of numbers decided by its seed (`SplitMix64`).
#[derive(Clone, Debug)]
pub struct Chance {
    seed: u64,
    state: u64,
}

impl Chance {
    /// Starts with the seed in `KEYFOB_TEST_SEED`, else with a new one.
    pub fn new() -> Result<Self> {
        let seed = match environment::variable("KEYFOB_TEST_SEED") {
            Some(text) => text.parse().context("KEYFOB_TEST_SEED is not a number")?,
            None => u64::from_le_bytes((&SystemEntropy as &dyn Entropy).bytes()?),
        };
        Ok(Self { seed, state: seed })
    }

    /// Returns the sequence of one round, which is the same in a run that begins with this round.
    #[must_use]
    pub fn of_round(&self, round: u32) -> Self {
        Self { seed: self.seed, state: self.seed ^ u64::from(round).wrapping_mul(0xd134_2543_de82_ef95) }
    }

    /// Returns a number below `end`, which is not 0.
    pub fn below(&mut self, end: u32) -> u32 {
        u32::try_from(self.next() % u64::from(end.max(1))).unwrap_or(0)
    }

    /// Returns a moment before `end`.
    pub fn moment(&mut self, end: Duration) -> Duration {
        let end = u64::try_from(end.as_micros()).unwrap_or(u64::MAX).max(1);
        Duration::from_micros(self.next() % end)
    }

    /// Returns what starts the same sequence again.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
