//! Another configuration while a gateway runs.

use super::outside::Repeated;
use super::{AUDIENCE, World};
use keyfob_gateway::authenticate::delivery::Delivery;
use keyfob_gateway::config::EdgeConfig;
use keyfob_gateway::gateway::reload::{Fixed, Reloader};
use keyfob_gateway::gateway::{Config, LONGEST_STREAM};
use keyfob_gateway::limits::LimitsConfig;
use keyfob_gateway::policy::Policy;
use keyfob_gateway::prices::Prices;
use keyfob_gateway::streams::Streams;
use keyfob_oauth::{Audience, IssuerUrl};
use std::path::Path;
use std::sync::{Arc, Mutex};

impl World {
    /// Lets the gateway, which has a ledger and one upstream, read that it has these prices and limits now.
    pub(crate) async fn hold_to(&self, prices: &str, limits: Option<&str>) {
        let gateway = Config {
            issuer: IssuerUrl::parse(&self.issuer.url).unwrap(),
            audience: Audience::new(AUDIENCE),
            upstreams: self.upstream.alone(),
            policy: Policy::default(),
            data: None,
            prices: Some(Prices::parse(Path::new("prices.toml"), prices).unwrap()),
            limits: limits.map(|limits| LimitsConfig::parse(limits).unwrap()),
            feed: None,
            delivery: Delivery::default(),
            longest_stream: LONGEST_STREAM,
            streams: Streams::default(),
        };
        let config = EdgeConfig { listen: self.gateway, admin: None, tls: None, gateway };
        let (started, config) = (Fixed::of(&config), Mutex::new(Some(config)));
        let read = move || Ok(config.lock().unwrap().take().unwrap());
        let served = self.served.upgrade().unwrap();
        Reloader::new(served, started, Arc::new(read), Arc::new(Repeated::of(None))).reload().await;
    }
}
