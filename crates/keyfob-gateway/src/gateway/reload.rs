//! Another configuration while the gateway runs (security G-43): requests that begin see it, those that run end under the
//! one before it.
//!
//! It is read and made whole before anything of it counts; one that cannot be used changes nothing. What was counted, kept
//! and verified goes on.

use super::Gateway;
use super::config::{Config, Served, trust};
use crate::config::EdgeConfig;
use crate::fault;
use crate::forward::ChangeError;
use crate::http_client::HttpClient;
use crate::revocations::FeedConfig;
use crate::tls::TlsFiles;
use keyfob_oauth::{Audience, Entropy, IssuerUrl};
use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Reads the configuration as at the start.
pub type Read = Arc<dyn Fn() -> Result<EdgeConfig, ReadError> + Send + Sync>;
/// Why it cannot be read.
pub type ReadError = Box<dyn Error + Send + Sync>;

/// Takes over what was configured anew.
pub struct Reloader {
    gateway: Arc<Gateway>,
    started: Fixed,
    read: Read,
    entropy: Arc<dyn Entropy>,
}

/// What stays as it was at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    listen: SocketAddr,
    admin: Option<SocketAddr>,
    tls: Option<TlsFiles>,
    issuer: IssuerUrl,
    audience: Audience,
    data: Option<PathBuf>,
    feed: Option<FeedConfig>,
}

/// The configuration was not taken over.
#[derive(Debug, thiserror::Error)]
enum ReloadError {
    #[error(transparent)]
    Read(ReadError),
    #[error("nobody could read it")]
    Lost(#[from] tokio::task::JoinError),
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl Reloader {
    /// Lets `gateway`, which was `started` so, have what `read` returns whenever that is asked for.
    pub fn new(gateway: Arc<Gateway>, started: Fixed, read: Read, entropy: Arc<dyn Entropy>) -> Self {
        Self { gateway, started, read, entropy }
    }

    /// Reads the configuration again; where it cannot be used, says why, and the one before it stays in force.
    pub async fn reload(&self) {
        let outcome = self.take_over().await;
        self.gateway.metrics.count_reload(outcome.is_ok());
        match outcome {
            Ok(kept) if kept.is_empty() => tracing::info!("configuration read again"),
            Ok(kept) => tracing::warn!(
                kept = kept.join(", "),
                "configuration read again; what is kept changes with a restart alone"
            ),
            Err(error) => tracing::error!(
                error = fault::in_words(&error),
                "the new configuration is not used, the one before it stays in force"
            ),
        }
    }

    /// Returns what of the new configuration is not heeded.
    async fn take_over(&self) -> Result<Vec<&'static str>, ReloadError> {
        let read = Arc::clone(&self.read);
        let config = tokio::task::spawn_blocking(move || read()).await?.map_err(ReloadError::Read)?;
        let kept = self.started.unlike(&Fixed::of(&config));
        self.gateway.change(config.gateway, &*self.entropy).await?;
        Ok(kept)
    }
}

impl fmt::Debug for Reloader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloader").field("started", &self.started).finish_non_exhaustive()
    }
}

impl Fixed {
    /// Returns what of a configuration holds until the program ends.
    pub fn of(config: &EdgeConfig) -> Self {
        Self {
            listen: config.listen,
            admin: config.admin,
            tls: config.tls.clone(),
            issuer: config.gateway.issuer.clone(),
            audience: config.gateway.audience.clone(),
            data: config.gateway.data.clone(),
            feed: config.gateway.feed.clone(),
        }
    }

    /// Returns the keys that say something else in `other`.
    fn unlike(&self, other: &Self) -> Vec<&'static str> {
        let Self { listen, admin, tls, issuer, audience, data, feed } = self;
        let all = [
            ("listen", *listen == other.listen),
            ("admin", *admin == other.admin),
            ("tls", *tls == other.tls),
            ("issuer", *issuer == other.issuer),
            ("audience", *audience == other.audience),
            ("data", *data == other.data),
            ("resource_server", *feed == other.feed),
        ];
        all.into_iter().filter(|(_, is_same)| !is_same).map(|(key, _)| key).collect()
    }
}

impl Gateway {
    /// Serves requests that begin from now on as `config` says; what is in [`Fixed`] stays.
    async fn change(&self, config: Config, entropy: &dyn Entropy) -> Result<(), ChangeError> {
        let present = self.served.load_full();
        let trust = trust(self.keys.issuer(), &config.upstreams);
        let client = if trust == present.trust { present.client.clone() } else { HttpClient::new(trust)? };
        let (rules, counted) = ((config.policy, config.upstreams), (config.prices, config.limits));
        let data = self.data.as_deref();
        let forward = present.forward.changed(rules, data, counted, client.clone(), entropy).await?;
        self.served.store(Arc::new(Served {
            delivery: config.delivery,
            streams: config.streams,
            longest_stream: config.longest_stream,
            forward,
            trust,
            client,
        }));
        Ok(())
    }
}
