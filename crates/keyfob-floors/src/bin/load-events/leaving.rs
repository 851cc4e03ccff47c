//! Who hangs up before the end, and when: the same in every run.

use std::collections::HashMap;
use std::time::Duration;

/// How long after its request each of those stays, by number.
pub(crate) struct Leaving(HashMap<usize, Duration>);

impl Leaving {
    /// Chooses `leaving` of `count` streams, each for a moment of the second half of `length`, before its last tenth.
    pub(crate) fn choose(count: usize, leaving: usize, length: Duration) -> Self {
        let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
        let mut chosen = HashMap::new();
        while chosen.len() < leaving.min(count) {
            let number = chance.below(count);
            let part = u32::try_from(500 + chance.below(400)).unwrap_or_default();
            chosen.entry(number).or_insert(length * part / 1_000);
        }
        Self(chosen)
    }

    pub(crate) fn of(&self, number: usize) -> Option<Duration> {
        self.0.get(&number).copied()
    }
}

/// Marsaglia's xorshift: what it says is no secret.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % most.max(1)
    }
}
