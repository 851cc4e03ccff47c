//! What a gateway serves, and whom: what it starts with, and the part of it that may change while it runs.

use crate::authenticate::delivery::Delivery;
use crate::forward::{DataError, Forward};
use crate::http_client::{HttpClient, HttpClientError, Trust};
use crate::limits::LimitsConfig;
use crate::policy::Policy;
use crate::prices::Prices;
use crate::revocations::FeedConfig;
use crate::streams::Streams;
use crate::upstream::Upstream;
use crate::upstreams::NamedUpstream;
use keyfob_oauth::{Audience, EntropyError, IssuerUrl};
use std::path::PathBuf;
use std::time::Duration;

/// What a gateway serves, and whom.
#[derive(Debug)]
pub struct Config {
    /// Whose signatures are believed.
    pub issuer: IssuerUrl,
    /// What tokens must be meant for.
    pub audience: Audience,
    /// What answers, the preferred one first.
    pub upstreams: Vec<NamedUpstream>,
    /// What callers may do.
    pub policy: Policy,
    /// The folder in which decisions are kept, and what is used, if they are.
    pub data: Option<PathBuf>,
    /// What models cost, if that is known.
    pub prices: Option<Prices>,
    /// How much callers may use, if that is limited; wants `data`.
    pub limits: Option<LimitsConfig>,
    /// How it learns what has ended before its time, if it does.
    pub feed: Option<FeedConfig>,
    /// Where callers may show their credential beside `Authorization`.
    pub delivery: Delivery,
    /// How long an answer may run: its token may expire meanwhile (security G-30).
    pub longest_stream: Duration,
    /// How streams are passed on.
    pub streams: Streams,
}

/// How long an answer may run, unless something else is configured.
pub const LONGEST_STREAM: Duration = Duration::from_hours(1);
/// A gateway cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It cannot send requests.
    #[error("cannot make an HTTP client")]
    HttpClient(#[from] HttpClientError),
    /// Requests could not be told apart.
    #[error("cannot name requests")]
    Entropy(#[from] EntropyError),
    /// What it keeps cannot be kept.
    #[error("cannot use the data folder")]
    Data(#[from] DataError),
}

/// What the present configuration says of requests; each sees one of these, from its first step to its last.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) delivery: Delivery,
    pub(super) streams: Streams,
    pub(super) longest_stream: Duration,
    pub(super) forward: Forward,
    /// Whom `forward` trusts, and by what it sends.
    pub(super) trust: Trust,
    pub(super) client: HttpClient,
}

/// Certificates are needed as soon as one address is https.
pub(super) fn trust(issuer: &IssuerUrl, upstreams: &[NamedUpstream]) -> Trust {
    let is_plain = |upstream: &NamedUpstream| match upstream.upstream() {
        Upstream::Demo => true,
        Upstream::Http { url, .. } => url.is_plain_http(),
    };
    if upstreams.iter().all(is_plain) && issuer.is_plain_http() { Trust::Nobody } else { Trust::System }
}
