//! A gateway that tells callers what they used, a key's too.

use super::{AUDIENCE, FakeIssuer, FakeUpstream, NOW, Rules, World, soon};
use http::StatusCode;
use keyfob_gateway::prices::Prices;
use keyfob_gateway::resource_server::ResourceServer;
use keyfob_gateway::revocations::FeedConfig;
use keyfob_gateway::upstream::Upstream;
use keyfob_gateway::upstreams::NamedUpstream;
use serde_json::json;
use std::path::Path;
use std::time::Duration;

impl World {
    /// A gateway that answers from the demo and writes down what is used, at these prices; every API key is `k-1` of `u-1`.
    pub(crate) async fn telling(data: &Path, prices: &str) -> Self {
        let issuer = FakeIssuer::start().await;
        let nothing_ended = issuer.feed(0, 0, &json!([]));
        issuer.tell(Box::new(move |_| (200, nothing_ended.clone())));
        let key = json!({
            "active": true, "token_type": "Bearer", "kind": "api_key", "iss": issuer.url, "sub": "u-1", "aud": AUDIENCE,
            "iat": NOW - 9, "jti": "k-1", "scope": "", "workspace_id": "w-1",
        });
        issuer.introspect(200, key);
        let server = ResourceServer::parse("gateway:kfs_secret").unwrap();
        let rules = Rules {
            upstreams: vec![NamedUpstream::only(Upstream::Demo)],
            data: Some(data.to_owned()),
            prices: Some(Prices::parse(Path::new("prices.toml"), prices).unwrap()),
            ..Rules::default()
        };
        let feed = FeedConfig::new(server, Duration::from_mins(5));
        let world = Self::build(issuer, FakeUpstream::start().await, rules, Some(feed)).await;
        // Nobody is let in before it is known who has ended.
        soon(async { while world.operator_asks("/ready").await.status != StatusCode::OK {} }).await;
        world
    }
}
