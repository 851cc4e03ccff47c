//! What a login does that a person hardly would (security I-88): counted where it happens anyway, and told by a notice.
//!
//! Nothing is refused because of it: what a limit of the issuer's refuses, it refuses by itself. A [`Notice`] is written in
//! the transaction of what it tells, at most one for a pattern, whom it is about, and an hour; it names people and logins
//! by their identifiers alone.

use crate::{FamilyId, NoticeId};
use keyfob_oauth::{Subject, Timestamp};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// The time in which things are counted.
pub const WINDOW: Duration = Duration::from_hours(1);
/// Whether anything is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Watch {
    /// Nothing: nobody would be told.
    #[default]
    Off,
    /// What goes beyond these.
    On(AnomalyLimits),
}

/// How much of each is usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnomalyLimits {
    /// How often the successor of one refresh token is handed out again.
    pub replays: u32,
    /// How many logins somebody begins within an hour.
    pub logins: u32,
    /// From how many networks somebody begins logins within an hour.
    pub networks: u32,
    /// How many devices somebody lets in within an hour.
    pub devices: u32,
}

impl AnomalyLimits {
    /// What holds where the settings name nothing else.
    pub const USUAL: Self = Self { replays: 16, logins: 10, networks: 3, devices: 5 };
}

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// The answer to one refresh was asked for again and again: two hold the token, or a client cannot store what it gets.
    Replays,
    /// Somebody began many logins.
    Logins,
    /// Somebody began logins from many networks, which is what can be told of travel without knowing where networks are.
    Networks,
    /// Somebody let many devices in.
    Devices,
}

impl Pattern {
    /// Every pattern there is.
    pub const ALL: [Self; 4] = [Self::Replays, Self::Logins, Self::Networks, Self::Devices];

    /// Returns the word by which it is stored and told; one that was released never changes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Replays => "refresh_replays",
            Self::Logins => "many_logins",
            Self::Networks => "many_networks",
            Self::Devices => "many_devices",
        }
    }

    /// Returns the pattern that `word` names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pattern| pattern.as_str() == word)
    }
}

/// Something that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its name, by which whoever gets it twice knows it.
    pub id: NoticeId,
    /// What.
    pub pattern: Pattern,
    /// Of whom.
    pub subject: Subject,
    /// Of which login, where it is about one.
    pub session: Option<FamilyId>,
    /// How many were counted when the limit was passed.
    pub count: u32,
    /// When that was.
    pub at: Timestamp,
    /// How often it was tried to deliver it, this time included.
    pub tries: u32,
}

impl Notice {
    /// Returns in which hour it was: what happens in the same one is not told again.
    pub fn period(&self) -> i64 {
        self.at.as_unix().div_euclid(i64::try_from(WINDOW.as_secs()).unwrap_or(i64::MAX))
    }
}

/// Returns from how many networks these addresses are: this machine is none, and where it is not known says nothing.
///
/// A network is what one customer has at least: an IPv4 address, or 64 bits of IPv6.
pub fn networks(places: &[Option<IpAddr>]) -> usize {
    let places = places.iter().flatten().map(IpAddr::to_canonical).filter(|place| !place.is_loopback());
    let network = |place: IpAddr| match place {
        IpAddr::V4(_) => place,
        IpAddr::V6(place) => {
            let [a, b, c, d, ..] = place.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    };
    places.map(network).collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i_88_networks_are_counted_as_customers_have_them() {
        let places = |texts: &[&str]| texts.iter().map(|text| text.parse().ok()).collect::<Vec<_>>();

        assert_eq!(networks(&places(&["192.0.2.1", "192.0.2.1", "192.0.2.2"])), 2);
        assert_eq!(networks(&places(&["2001:db8:1:2::1", "2001:db8:1:2::9", "2001:db8:1:3::1"])), 2);
        assert_eq!(networks(&places(&["::ffff:192.0.2.1", "192.0.2.1", "127.0.0.1", "::1", "unknown"])), 1);
    }
}
