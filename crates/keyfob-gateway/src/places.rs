//! How many connections, or handshakes, there may be: in all, and of one address (security G-24, G-45).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of connections; shared by all listeners.
#[derive(Debug)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
    most_of_address: usize,
}

/// The right to one connection; free again when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _of_all: OwnedSemaphorePermit,
}

/// A connection that counts for its address; no longer when dropped.
#[derive(Debug)]
pub(crate) struct Counted {
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
    address: IpAddr,
}

impl Places {
    pub(crate) fn new(most: usize, most_of_address: usize) -> Self {
        let all = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Self { all, by_address: Arc::default(), most_of_address }
    }

    /// Returns a place for one connection more, once there is one.
    pub(crate) async fn place(&self) -> Place {
        match Arc::clone(&self.all).acquire_owned().await {
            Ok(of_all) => Place { _of_all: of_all },
            // The semaphore is never closed.
            Err(_closed) => std::future::pending().await,
        }
    }

    /// Returns a place, if there is one.
    pub(crate) fn place_at_once(&self) -> Option<Place> {
        Arc::clone(&self.all).try_acquire_owned().ok().map(|of_all| Place { _of_all: of_all })
    }

    /// Counts a connection for its address, unless that has as many as it may.
    pub(crate) fn count(&self, address: IpAddr) -> Option<Counted> {
        let address = network(address);
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let number = by_address.entry(address).or_default();
        if *number >= self.most_of_address {
            return None;
        }
        *number += 1;
        Some(Counted { by_address: Arc::clone(&self.by_address), address })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = by_address.get_mut(&self.address) {
            *number = number.saturating_sub(1);
            if *number == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

/// One who has an IPv6 address has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_24_an_address_has_so_many_connections_and_no_more() {
        let places = Places::new(8, 2);
        let at = |text: &str| places.count(text.parse().unwrap());

        let (first, second) = (at("192.0.2.1").unwrap(), at("::ffff:192.0.2.1").unwrap());
        assert!(at("192.0.2.1").is_none());
        assert!(at("192.0.2.2").is_some());
        drop(first);
        assert!(at("192.0.2.1").is_some());
        drop(second);
        let _both = (at("2001:db8::1").unwrap(), at("2001:db8::2").unwrap());
        assert!(at("2001:db8::3").is_none(), "one network");
        assert!(at("2001:db8:0:1::3").is_some());
        assert_eq!(places.by_address.lock().unwrap().len(), 1, "who has left is forgotten");
    }
}
