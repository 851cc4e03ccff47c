//! Gateways with limits, and with web sockets that are metered.

use super::{FakeIssuer, FakeUpstream, Rules, World};
use keyfob_gateway::connection::Transport;
use keyfob_gateway::limits::LimitsConfig;
use keyfob_gateway::prices::Prices;
use keyfob_gateway::revocations::FeedConfig;
use keyfob_gateway::streams::{Streams, WebSockets};
use keyfob_gateway::upstream::Upstream;
use keyfob_gateway::upstreams::NamedUpstream;
use std::path::Path;

impl World {
    /// A gateway with limits, which writes down what is used at these prices.
    pub(crate) async fn limited(data: &Path, prices: &str, limits: &str) -> Self {
        Self::counting(data, prices, Some(LimitsConfig::parse(limits).unwrap())).await
    }

    /// A gateway without limits that carries web sockets, and writes down what is used at these prices.
    pub(crate) async fn metered_web_sockets(data: &Path, prices: &str) -> Self {
        Self::counting(data, prices, None).await
    }

    async fn counting(data: &Path, prices: &str, limits: Option<LimitsConfig>) -> Self {
        let upstream = FakeUpstream::start().await;
        let upstreams = upstream.alone();
        let prices = Some(Prices::parse(Path::new("prices.toml"), prices).unwrap());
        let rules = Rules { upstreams, data: Some(data.to_owned()), prices, limits, ..Rules::default() };
        let streams = Streams { web_sockets: WebSockets::Tunnelled, ..Streams::default() };
        Self::start(FakeIssuer::start().await, upstream, rules, None, Transport::default(), streams).await
    }

    /// A gateway with limits that answers from the demo; with a feed, the issuer is asked about keys.
    pub(crate) async fn limited_demo(
        issuer: FakeIssuer,
        feed: Option<FeedConfig>,
        data: &Path,
        limits: &str,
    ) -> Self {
        let upstreams = vec![NamedUpstream::only(Upstream::Demo)];
        let limits = Some(LimitsConfig::parse(limits).unwrap());
        let rules = Rules { upstreams, data: Some(data.to_owned()), limits, ..Rules::default() };
        Self::build(issuer, FakeUpstream::start().await, rules, feed).await
    }
}
