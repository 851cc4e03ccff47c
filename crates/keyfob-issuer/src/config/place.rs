//! Where the issuer may send something by itself.

use crate::outbound::Reach;
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
    pub(super) fn of(allow_private_addresses: bool) -> Self {
        if allow_private_addresses { Self::Anywhere } else { Self::Internet }
    }

    /// Returns what may be reached.
    pub(crate) fn reach(self) -> Reach {
        match self {
            Self::Internet => Reach::Public,
            Self::Anywhere => Reach::Everything,
        }
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
