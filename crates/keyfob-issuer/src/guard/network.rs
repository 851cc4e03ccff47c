//! Where a request comes from, as far as tries are counted by it (I-21, I-54).

use crate::server::Peer;
use http::{Extensions, HeaderMap};
use std::net::{IpAddr, Ipv6Addr};

/// Returns the network that a request comes from; nothing for this machine itself.
///
/// A forwarded address counts only from `proxies`, and only the last one that none of them added: everything before it
/// is what somebody claims.
pub(crate) fn of(extensions: &Extensions, headers: &HeaderMap, proxies: &[IpAddr]) -> Option<String> {
    let address = address_of(extensions, headers, proxies)?;
    (!address.is_loopback()).then(|| network(address))
}

/// Returns the address that a request comes from, as [`of`] finds it.
pub(crate) fn address_of(extensions: &Extensions, headers: &HeaderMap, proxies: &[IpAddr]) -> Option<IpAddr> {
    let Peer(peer) = extensions.get::<Peer>().copied()?;
    Some(if proxies.contains(&peer) { forwarded(headers, proxies).unwrap_or(peer) } else { peer })
}

fn forwarded(headers: &HeaderMap, proxies: &[IpAddr]) -> Option<IpAddr> {
    let lines = headers.get_all("x-forwarded-for");
    let texts: Vec<&str> = lines.iter().map(|line| line.to_str().unwrap_or_default()).collect();
    let hops = texts.iter().flat_map(|line| line.split(','));
    let last = hops.rev().map(|hop| hop.trim().parse::<IpAddr>()).find(|hop| match hop {
        Ok(address) => !proxies.contains(address),
        Err(_no_address) => true,
    });
    last?.ok()
}

/// One IPv4 address, or the 64 bits that one IPv6 customer has.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_peer(peer: &str, forwarded: &[&'static str]) -> Option<String> {
        let mut extensions = Extensions::new();
        extensions.insert(Peer(peer.parse().unwrap()));
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        of(&extensions, &headers, &["127.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()])
    }

    #[test]
    fn i_21_only_the_last_hop_that_no_proxy_of_ours_added_counts() {
        let shown = |network: &str| Some(network.to_owned());

        assert_eq!(of_peer("192.0.2.1", &["198.51.100.7"]), shown("192.0.2.1"), "no proxy of ours");
        assert_eq!(of_peer("127.0.0.1", &["198.51.100.7"]), shown("198.51.100.7"));
        assert_eq!(of_peer("127.0.0.1", &["6.6.6.6, 198.51.100.7, 10.0.0.2"]), shown("198.51.100.7"));
        assert_eq!(of_peer("127.0.0.1", &["6.6.6.6", "198.51.100.7"]), shown("198.51.100.7"));
        assert_eq!(of_peer("10.0.0.2", &["6.6.6.6, a"]), shown("10.0.0.2"), "garbage counts as the proxy");
        assert_eq!(of_peer("10.0.0.2", &[]), shown("10.0.0.2"));
        assert_eq!(of_peer("127.0.0.1", &[]), None, "this machine");
    }

    #[test]
    fn i_54_an_ipv6_customer_is_one_network() {
        assert_eq!(of_peer("2001:db8:1:2:3:4:5:6", &[]), Some("2001:db8:1:2::/64".into()));
        assert_eq!(of_peer("::ffff:192.0.2.1", &[]), Some("192.0.2.1".into()));
    }
}
