//! The table `[backchannel_logout]`: where programs are told of sessions that ended (I-79).

use super::logout::CLIENTS;
use crate::config::{ConfigError, Place, is_destination};
use keyfob_oauth::ClientId;
use std::collections::BTreeMap;
use url::Url;

/// Where programs are told of sessions that ended (OpenID Connect Back-Channel Logout 1.0 §2.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogoutListeners {
    /// The `backchannel_logout_uri` of each.
    pub uris: BTreeMap<ClientId, Url>,
    /// Which addresses these may be at.
    pub place: Place,
}

/// The table as it is written.
#[derive(Default, serde::Deserialize)]
pub(super) struct Wire {
    #[serde(default)]
    allow_private_addresses: bool,
    #[serde(default)]
    uris: BTreeMap<String, String>,
}

impl TryFrom<Wire> for LogoutListeners {
    type Error = ConfigError;

    fn try_from(wire: Wire) -> Result<Self, ConfigError> {
        let place = Place::of(wire.allow_private_addresses);
        let mut uris = BTreeMap::new();
        for (client, uri) in wire.uris {
            if !CLIENTS.contains(&client.as_str()) {
                let key = "backchannel_logout.uris";
                return Err(ConfigError::UnknownClient { key, client, known: CLIENTS });
            }
            let url = Url::parse(&uri).ok().filter(|url| is_destination(url, place));
            uris.insert(ClientId::new(client), url.ok_or(ConfigError::LogoutListener(uri))?);
        }
        Ok(Self { uris, place })
    }
}

impl LogoutListeners {
    /// Returns the table.
    pub(super) fn table(&self) -> toml::Table {
        let uri = |(client, uri): (&ClientId, &Url)| (client.as_str().to_owned(), uri.as_str().into());
        let uris: toml::Table = self.uris.iter().map(uri).collect();
        let anywhere = self.place == Place::Anywhere;
        let keys = [("allow_private_addresses", anywhere.into()), ("uris", uris.into())];
        keys.into_iter().map(|(key, value): (&str, toml::Value)| (key.to_owned(), value)).collect()
    }
}
