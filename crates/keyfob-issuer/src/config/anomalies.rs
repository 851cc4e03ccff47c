//! The table `[anomalies]`: where is told of what a person hardly does, and what is usual (I-88).

use crate::config::{ConfigError, Place, is_destination};
use keyfob_issuer_core::anomaly::AnomalyLimits;
use std::path::PathBuf;
use url::Url;

/// Who is told of anomalies, and of which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnomalySettings {
    /// Where a notice is sent.
    pub webhook: Url,
    /// The file with the secret that notices are signed with, relative to the issuer's directory.
    pub secret_file: PathBuf,
    /// Which addresses the webhook may be at.
    pub place: Place,
    /// What is usual.
    pub limits: AnomalyLimits,
}

/// The table as it is written.
#[derive(serde::Deserialize)]
pub(super) struct Wire {
    webhook: String,
    secret_file: PathBuf,
    #[serde(default)]
    allow_private_addresses: bool,
    refresh_replays: Option<u32>,
    logins_per_hour: Option<u32>,
    networks_per_hour: Option<u32>,
    devices_per_hour: Option<u32>,
}

impl TryFrom<Wire> for AnomalySettings {
    type Error = ConfigError;

    fn try_from(wire: Wire) -> Result<Self, ConfigError> {
        let place = Place::of(wire.allow_private_addresses);
        let webhook = Url::parse(&wire.webhook).ok().filter(|url| is_destination(url, place));
        let usual = AnomalyLimits::USUAL;
        Ok(Self {
            webhook: webhook.ok_or(ConfigError::Webhook(wire.webhook))?,
            secret_file: wire.secret_file,
            place,
            limits: AnomalyLimits {
                replays: wire.refresh_replays.unwrap_or(usual.replays),
                logins: wire.logins_per_hour.unwrap_or(usual.logins),
                networks: wire.networks_per_hour.unwrap_or(usual.networks),
                devices: wire.devices_per_hour.unwrap_or(usual.devices),
            },
        })
    }
}

impl AnomalySettings {
    /// Returns the table.
    pub(super) fn table(&self) -> toml::Table {
        let limits = [
            ("refresh_replays", self.limits.replays),
            ("logins_per_hour", self.limits.logins),
            ("networks_per_hour", self.limits.networks),
            ("devices_per_hour", self.limits.devices),
        ];
        let limits = limits.map(|(key, limit)| (key.to_owned(), i64::from(limit).into()));
        let mut table: toml::Table = limits.into_iter().collect();
        table.insert("webhook".to_owned(), self.webhook.as_str().into());
        table.insert("secret_file".to_owned(), self.secret_file.to_string_lossy().into_owned().into());
        table.insert("allow_private_addresses".to_owned(), (self.place == Place::Anywhere).into());
        table
    }
}
