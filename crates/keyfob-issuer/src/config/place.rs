//! Where the issuer may send something by itself.

use crate::config::ConfigError;
use crate::outbound::{Reach, Way};
use url::{Host, Url};

/// Which addresses something may be sent to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// Those of the internet.
    #[default]
    Internet,
    /// All, in the administrator's own network too.
    Anywhere,
}

impl Place {
    /// Reads the key `allow_private_addresses`.
    pub(crate) fn of(allow_private_addresses: bool) -> Self {
        if allow_private_addresses { Self::Anywhere } else { Self::Internet }
    }

    /// Returns how something goes there.
    pub(crate) fn way(self, proxy: Option<&Url>) -> Way {
        let reach = match self {
            Self::Internet => Reach::Public,
            Self::Anywhere => Reach::Everything,
        };
        Way { reach, proxy: proxy.cloned() }
    }
}

/// Whether `url` is https, or http to this machine itself where that is allowed, and holds no credential.
pub(super) fn is_destination(url: &Url, place: Place) -> bool {
    let is_here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) => false,
        None => return false,
    };
    let is_safe = url.scheme() == "https" || url.scheme() == "http" && is_here && place == Place::Anywhere;
    is_safe && url.username().is_empty() && url.password().is_none() && url.fragment().is_none()
}

/// Reads the address of a proxy.
pub(super) fn proxy(text: String) -> Result<Url, ConfigError> {
    let is_proxy = |url: &Url| {
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let has_login = !url.username().is_empty() || url.password().is_some();
        ["http", "https"].contains(&url.scheme()) && url.has_host() && is_bare && !has_login
    };
    Url::parse(&text).ok().filter(is_proxy).ok_or(ConfigError::Proxy(text))
}
