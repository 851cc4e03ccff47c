//! The table `[post_logout_redirect_uris]`: where a browser may be led that was signed out, for each program.

use crate::config::ConfigError;
use keyfob_codex::client::{CLIENT_ID, GATEWAY_CLIENT_ID};
use keyfob_oauth::ClientId;
use std::collections::BTreeMap;
use url::{Host, Url};

/// The programs that there are.
pub(super) const CLIENTS: [&str; 2] = [CLIENT_ID, GATEWAY_CLIENT_ID];

/// Addresses to which a browser may be led that was signed out, for each program (RP-Initiated Logout 1.0 §3.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogoutTargets(BTreeMap<ClientId, Vec<String>>);

impl LogoutTargets {
    /// Whether `uri` is registered for `client`; compared as text, whatever a URL parser would make of it (I-01).
    pub fn hold(&self, client: &ClientId, uri: &str) -> bool {
        self.0.get(client).is_some_and(|targets| targets.iter().any(|target| target == uri))
    }

    pub(super) fn read(wire: BTreeMap<String, Vec<String>>) -> Result<Self, ConfigError> {
        let mut targets = BTreeMap::new();
        for (client, uris) in wire {
            if !CLIENTS.contains(&client.as_str()) {
                return Err(ConfigError::UnknownClient {
                    key: "post_logout_redirect_uris",
                    client,
                    known: CLIENTS,
                });
            }
            if let Some(wrong) = uris.iter().find(|uri| !is_target(uri)) {
                return Err(ConfigError::LogoutTarget(wrong.clone()));
            }
            targets.insert(ClientId::new(client), uris);
        }
        Ok(Self(targets))
    }

    pub(super) fn table(&self) -> toml::Table {
        let line =
            |(client, uris): (&ClientId, &Vec<String>)| (client.as_str().to_owned(), uris.clone().into());
        self.0.iter().map(line).collect()
    }
}

/// Whether `uri` is https, or http on this machine, and can be answered with a parameter added.
fn is_target(uri: &str) -> bool {
    let Ok(url) = Url::parse(uri) else { return false };
    let is_loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => return false,
    };
    let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    is_plain && (url.scheme() == "https" || url.scheme() == "http" && is_loopback)
}
