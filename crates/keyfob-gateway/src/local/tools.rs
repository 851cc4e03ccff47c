//! The tools that are known while the gateway runs: their quotas, and the end of what a revoked key had begun.

use super::quota::Quota;
use keyfob_client::tool_keys::{KeyDigest, ToolKeys, ToolKeysError, ToolName, ToolRecord};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinError;

/// The keys in their folder, and what runs under them.
#[derive(Debug)]
pub(super) struct Tools {
    keys: ToolKeys,
    running: Mutex<HashMap<KeyDigest, Running>>,
}

#[derive(Debug)]
struct Running {
    quota: Option<Quota>,
    /// Turns true when the key is revoked.
    revoked: watch::Sender<bool>,
}

/// A tool whose key was found.
#[derive(Clone, Debug)]
pub(super) struct Tool {
    pub(super) name: ToolName,
    /// Turns true when the key is revoked.
    pub(super) revoked: watch::Receiver<bool>,
}

/// A tool is not let through.
#[derive(Debug)]
pub(super) enum Stopped {
    /// The key is not known.
    Unknown,
    /// The key opens no more requests for so long.
    OverQuota(ToolName, Duration),
    /// The keys cannot be read.
    Unreadable(ToolKeysError),
    /// The reader went away.
    Lost(JoinError),
}

/// How soon a running stream learns that its key was revoked; a new request learns it at once.
const LOOK_EVERY: Duration = Duration::from_millis(250);

impl Tools {
    pub(super) fn new(keys: ToolKeys) -> Self {
        Self { keys, running: Mutex::default() }
    }

    /// Returns whose key this is, as the folder says now, and counts the request.
    pub(super) async fn admit(&self, shown: &str) -> Result<Tool, Stopped> {
        let (keys, shown) = (self.keys.clone(), keyfob_oauth::Secret::new(shown.to_owned()));
        let found = tokio::task::spawn_blocking(move || keys.find(shown.expose())).await;
        let record = found.map_err(Stopped::Lost)?.map_err(Stopped::Unreadable)?.ok_or(Stopped::Unknown)?;
        let now = Instant::now();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let known = running.entry(record.digest()).or_insert_with(|| Running {
            quota: record.quota.map(|quota| Quota::new(quota, now)),
            revoked: watch::Sender::new(false),
        });
        if let Some(Err(wait)) = known.quota.as_mut().map(|quota| quota.take(now)) {
            return Err(Stopped::OverQuota(record.name, wait));
        }
        Ok(Tool { name: record.name, revoked: known.revoked.subscribe() })
    }

    /// Ends what runs under keys that were revoked, until the future is dropped.
    pub(super) async fn watch(self: Arc<Self>) -> Infallible {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if self.is_idle() {
                continue;
            }
            let keys = self.keys.clone();
            match tokio::task::spawn_blocking(move || keys.list()).await {
                Ok(Ok(records)) => {
                    let present: Vec<KeyDigest> = records.iter().map(ToolRecord::digest).collect();
                    self.keep(&present);
                }
                // A folder that cannot be read opens nothing; what runs goes on until it can be.
                Ok(Err(error)) => tracing::warn!(%error, "cannot see which keys were revoked"),
                Err(error) => tracing::warn!(%error, "cannot see which keys were revoked"),
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn keep(&self, present: &[KeyDigest]) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|digest, known| {
            let stays = present.contains(digest);
            if !stays {
                known.revoked.send_replace(true);
            }
            stays
        });
    }
}

impl Tool {
    /// Returns once the key is revoked.
    pub(super) async fn ended(mut self) {
        // The sender goes when the key does.
        drop(self.revoked.wait_for(|revoked| *revoked).await);
    }
}
