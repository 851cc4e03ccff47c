//! How long a scenario goes on: a few rounds in every run, hundreds by `scripts/storm`.

use crate::environment;
use anyhow::{Context as _, Result};
use std::ops::Range;

/// So many rounds share a world.
const PART: u32 = 250;

/// Returns the numbers of the rounds: `usual` many, unless `KEYFOB_TEST_ROUNDS` says how many and
/// `KEYFOB_TEST_FROM_ROUND` from which on.
pub fn rounds(usual: u32) -> Result<Range<u32>> {
    let from = number("KEYFOB_TEST_FROM_ROUND")?.unwrap_or(0);
    Ok(from..number("KEYFOB_TEST_ROUNDS")?.unwrap_or(usual))
}

/// Cuts a long run into parts: each is searched for leaks by itself, and what that takes grows with the secrets.
pub fn parts(rounds: Range<u32>) -> impl Iterator<Item = Range<u32>> {
    let end = rounds.end;
    let starts = (0..).map(move |part| rounds.start.saturating_add(part * PART));
    starts.take_while(move |start| *start < end).map(move |start| start..end.min(start.saturating_add(PART)))
}

fn number(name: &str) -> Result<Option<u32>> {
    let parse = |text: String| text.parse().with_context(|| format!("{name} is not a number"));
    environment::variable(name).map(parse).transpose()
}

/// Says how a round went, for whoever waits for hundreds of them.
#[expect(clippy::print_stderr, reason = "a run of hours shows that it goes on")]
pub fn report(line: &str) {
    eprintln!("{line}");
}
