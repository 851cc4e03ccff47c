//! The names of requests, on every answer and in the log.

use keyfob_oauth::{Entropy, EntropyError};
use std::sync::atomic::{AtomicU64, Ordering};

/// Names requests: unlike before and after a restart, in order within one run.
#[derive(Debug)]
pub(crate) struct RequestNames {
    run: u64,
    next: AtomicU64,
}

impl RequestNames {
    pub(crate) fn new(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        Ok(Self { run: u64::from_be_bytes(entropy.bytes()?), next: AtomicU64::new(1) })
    }

    pub(crate) fn next(&self) -> String {
        format!("{:016x}{:08x}", self.run, self.next.fetch_add(1, Ordering::Relaxed))
    }
}
