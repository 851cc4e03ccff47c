//! The names of requests, on every answer and in the log.

use keyfob_oauth::{Entropy, EntropyError};
use std::sync::atomic::{AtomicU64, Ordering};

/// Names requests: unlike before and after a restart, in order within one run.
#[derive(Debug)]
pub(crate) struct RequestNames {
    run: String,
    next: AtomicU64,
}

impl RequestNames {
    pub(crate) fn new(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let run = format!("{:016x}", u64::from_be_bytes(entropy.bytes()?));
        Ok(Self { run, next: AtomicU64::new(1) })
    }

    pub(crate) fn next(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut name = String::with_capacity(self.run.len() + 16);
        name.push_str(&self.run);
        let digits = (u64::BITS - number.leading_zeros()).div_ceil(4).max(8);
        name.extend((0..digits).rev().map(|place| digit(number >> (place * 4))));
        name
    }
}

/// Returns the last hexadecimal digit of `number`.
fn digit(number: u64) -> char {
    u32::try_from(number & 0xf).ok().and_then(|digit| char::from_digit(digit, 16)).unwrap_or('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_and_grow_when_eight_digits_are_not_enough() {
        let names = RequestNames { run: "00000000000000ab".to_owned(), next: AtomicU64::new(0xffff_fffe) };

        let given = [names.next(), names.next(), names.next()];

        assert_eq!(
            given,
            ["00000000000000abfffffffe", "00000000000000abffffffff", "00000000000000ab100000000"]
        );
    }
}
