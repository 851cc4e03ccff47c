//! A gateway between an issuer and an upstream that do what a test says.

mod answer;
mod changed;
mod issuer;
mod limited;
mod outside;
mod program;
mod telling;

pub(crate) use answer::Answer;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
pub(crate) use issuer::FakeIssuer;
use keyfob_gateway::authenticate::delivery::Delivery;
use keyfob_gateway::connection::Transport;
use keyfob_gateway::gateway::{Config, Gateway, LONGEST_STREAM};
use keyfob_gateway::limits::LimitsConfig;
use keyfob_gateway::policy::Policy;
use keyfob_gateway::prices::Prices;
use keyfob_gateway::resource_server::ResourceServer;
use keyfob_gateway::revocations::FeedConfig;
use keyfob_gateway::server;
use keyfob_gateway::streams::{Streams, WebSockets};
use keyfob_gateway::upstream::{Upstream, UpstreamKey, UpstreamUrl};
use keyfob_gateway::upstreams::{NamedUpstream, UpstreamSections};
use keyfob_oauth::{Audience, IssuerUrl};
#[cfg(feature = "local")]
pub(crate) use outside::FixedClock;
use outside::{MovedClock, Repeated};
pub(crate) use program::Program;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const AUDIENCE: &str = "https://gateway.test";
pub(crate) const UPSTREAM_KEY: &str = "sk-upstream-0123456789";

/// Nothing here takes longer unless it hangs.
const HANGS: Duration = Duration::from_secs(20);

/// What a test awaits, failing instead of hanging.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(HANGS, future).await.expect("it hangs")
}

/// Reads a request's head; bytes of the body may follow it in the text.
async fn read_head(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "the head broke off");
    }
    String::from_utf8(bytes).unwrap()
}

/// An upstream whose every byte a test writes.
pub(crate) struct FakeUpstream {
    pub(crate) address: SocketAddr,
    listener: TcpListener,
}

impl FakeUpstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { address: listener.local_addr().unwrap(), listener }
    }

    /// Returns it as the only upstream of a gateway that has no key for it.
    fn alone(&self) -> Vec<NamedUpstream> {
        let url = UpstreamUrl::parse(&format!("http://{}/v1", self.address)).unwrap();
        vec![NamedUpstream::only(Upstream::Http { url, key: None })]
    }

    /// Returns the next request, not answered yet.
    pub(crate) async fn next(&self) -> Exchange {
        let (mut stream, _) = soon(self.listener.accept()).await.unwrap();
        let head = soon(read_head(&mut stream)).await;
        Exchange { head, stream }
    }

    /// Returns the next connection, nothing of which was read.
    pub(crate) async fn accept(&self) -> TcpStream {
        soon(self.listener.accept()).await.unwrap().0
    }

    /// Returns the next request, answered with these bytes.
    pub(crate) async fn answer(&self, bytes: &str) -> Exchange {
        let mut exchange = self.next().await;
        exchange.send(bytes).await;
        exchange
    }

    /// Whether no request ever came.
    pub(crate) fn saw_nothing(&self) -> bool {
        futures_util::FutureExt::now_or_never(self.listener.accept()).is_none()
    }
}

pub(crate) struct Exchange {
    pub(crate) head: String,
    pub(crate) stream: TcpStream,
}

impl Exchange {
    pub(crate) async fn send(&mut self, bytes: &str) {
        self.stream.write_all(bytes.as_bytes()).await.unwrap();
    }

    /// Returns the body, read to the length that the head announces.
    pub(crate) async fn body(&mut self) -> String {
        let length: usize = self.header("content-length")[0].parse().unwrap();
        let (_, begun) = self.head.split_once("\r\n\r\n").unwrap();
        let mut body = begun.as_bytes().to_vec();
        while body.len() < length {
            assert_ne!(soon(self.stream.read_buf(&mut body)).await.unwrap(), 0, "the body broke off");
        }
        String::from_utf8(body).unwrap()
    }

    /// Returns once the gateway has hung up.
    pub(crate) async fn abandoned(mut self) {
        let mut rest = [0; 4096];
        while !matches!(soon(self.stream.read(&mut rest)).await, Ok(0) | Err(_)) {}
    }

    /// Hangs up in the hardest way there is.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }

    /// Returns the values of a header, whose name is in lower case.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .filter(|(found, _)| *found == name)
            .map(|(_, value)| value)
            .collect()
    }
}

/// What a gateway may send where.
#[derive(Default)]
struct Rules {
    upstreams: Vec<NamedUpstream>,
    policy: Policy,
    data: Option<PathBuf>,
    prices: Option<Prices>,
    limits: Option<LimitsConfig>,
}

/// Reads `[upstream.NAME]` as the configuration does; a key is `UPSTREAM_KEY`, whatever the file.
fn named_upstreams(text: &str) -> Vec<NamedUpstream> {
    #[derive(serde::Deserialize)]
    struct File {
        upstream: UpstreamSections,
    }
    let file: File = toml::from_str(text).unwrap();
    file.upstream.read(|_| UpstreamKey::parse(UPSTREAM_KEY)).unwrap()
}

pub(crate) struct World {
    pub(crate) issuer: FakeIssuer,
    pub(crate) upstream: FakeUpstream,
    pub(crate) gateway: SocketAddr,
    /// Where whoever runs the gateway asks it.
    admin: SocketAddr,
    served: Weak<Gateway>,
    clock: Arc<AtomicI64>,
    stop: Option<oneshot::Sender<()>>,
    tasks: JoinSet<()>,
}

impl World {
    /// A gateway that has a key for its upstream.
    pub(crate) async fn new() -> Self {
        let upstream = FakeUpstream::start().await;
        let url = UpstreamUrl::parse(&format!("http://{}/base/v1", upstream.address)).unwrap();
        let key = Some(UpstreamKey::parse(UPSTREAM_KEY).unwrap());
        Self::around(FakeIssuer::start().await, upstream, Upstream::Http { url, key }).await
    }

    /// A gateway before a server that is no part of it.
    pub(crate) async fn before(server: SocketAddr) -> Self {
        let url = UpstreamUrl::parse(&format!("http://{server}/base/v1")).unwrap();
        let upstream = Upstream::Http { url, key: None };
        Self::around(FakeIssuer::start().await, FakeUpstream::start().await, upstream).await
    }

    /// A gateway that answers from the demo.
    pub(crate) async fn demo() -> Self {
        Self::demo_with(FakeIssuer::start().await).await
    }

    pub(crate) async fn demo_with(issuer: FakeIssuer) -> Self {
        Self::around(issuer, FakeUpstream::start().await, Upstream::Demo).await
    }

    /// A gateway that answers from the demo, and follows what has ended.
    pub(crate) async fn following(issuer: FakeIssuer, feed: FeedConfig) -> Self {
        let upstreams = vec![NamedUpstream::only(Upstream::Demo)];
        let rules = Rules { upstreams, ..Rules::default() };
        Self::build(issuer, FakeUpstream::start().await, rules, Some(feed)).await
    }

    /// A gateway with these upstreams, in which `UPSTREAM` is the address of the fake one, and this policy.
    pub(crate) async fn ruled(upstreams: &str, policy: &str, data: Option<&Path>) -> Self {
        let fake = FakeUpstream::start().await;
        let rules = Rules {
            upstreams: named_upstreams(&upstreams.replace("UPSTREAM", &fake.address.to_string())),
            policy: Policy::parse(Path::new("policy.toml"), policy).unwrap(),
            data: data.map(Path::to_owned),
            ..Rules::default()
        };
        let streams = Streams { web_sockets: WebSockets::Tunnelled, ..Streams::default() };
        Self::start(FakeIssuer::start().await, fake, rules, None, Transport::default(), streams).await
    }

    /// A gateway that answers from the demo and writes down what is used.
    pub(crate) async fn metered_demo(data: &Path) -> Self {
        let upstreams = vec![NamedUpstream::only(Upstream::Demo)];
        let rules = Rules { upstreams, data: Some(data.to_owned()), ..Rules::default() };
        Self::build(FakeIssuer::start().await, FakeUpstream::start().await, rules, None).await
    }

    /// A gateway that writes down what is used, at these prices.
    pub(crate) async fn metered(data: &Path, prices: &str) -> Self {
        let upstream = FakeUpstream::start().await;
        let upstreams = upstream.alone();
        let prices = Some(Prices::parse(Path::new("prices.toml"), prices).unwrap());
        let rules = Rules { upstreams, data: Some(data.to_owned()), prices, ..Rules::default() };
        Self::build(FakeIssuer::start().await, upstream, rules, None).await
    }

    /// A gateway that follows what has ended, before an upstream.
    pub(crate) async fn with_upstream_following(issuer: FakeIssuer, grace: Duration) -> Self {
        let server = ResourceServer::parse("gateway:kfs_secret").unwrap();
        let upstream = FakeUpstream::start().await;
        let feed = FeedConfig::new(server, grace);
        let upstreams = upstream.alone();
        let rules = Rules { upstreams, ..Rules::default() };
        Self::build(issuer, upstream, rules, Some(feed)).await
    }

    /// A gateway with this transport and these streams, before an upstream that it has a key for.
    pub(crate) async fn with(transport: Transport, streams: Streams) -> Self {
        let upstream = FakeUpstream::start().await;
        let url = UpstreamUrl::parse(&format!("http://{}/base/v1", upstream.address)).unwrap();
        let key = Some(UpstreamKey::parse(UPSTREAM_KEY).unwrap());
        let upstreams = vec![NamedUpstream::only(Upstream::Http { url, key })];
        let rules = Rules { upstreams, ..Rules::default() };
        Self::start(FakeIssuer::start().await, upstream, rules, None, transport, streams).await
    }

    async fn around(issuer: FakeIssuer, fake: FakeUpstream, upstream: Upstream) -> Self {
        let upstreams = vec![NamedUpstream::only(upstream)];
        Self::build(issuer, fake, Rules { upstreams, ..Rules::default() }, None).await
    }

    async fn build(issuer: FakeIssuer, fake: FakeUpstream, rules: Rules, feed: Option<FeedConfig>) -> Self {
        Self::start(issuer, fake, rules, feed, Transport::default(), Streams::default()).await
    }

    async fn start(
        issuer: FakeIssuer,
        fake: FakeUpstream,
        rules: Rules,
        feed: Option<FeedConfig>,
        transport: Transport,
        streams: Streams,
    ) -> Self {
        let entropy = Repeated::of(rules.data.as_deref());
        let config = Config {
            issuer: IssuerUrl::parse(&issuer.url).unwrap(),
            audience: Audience::new(AUDIENCE),
            upstreams: rules.upstreams,
            policy: rules.policy,
            data: rules.data,
            prices: rules.prices,
            limits: rules.limits,
            feed,
            delivery: Delivery::default(),
            longest_stream: LONGEST_STREAM,
            streams,
        };
        let clock = Arc::new(AtomicI64::new(NOW));
        let moved = Arc::new(MovedClock(Arc::clone(&clock)));
        let gateway = Arc::new(Gateway::new(config, moved, &entropy).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        let (stop, stopped) = oneshot::channel();
        let operated = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let admin = operated.local_addr().unwrap();
        let (served, for_operators) = (Arc::downgrade(&gateway), Arc::clone(&gateway));
        tasks.spawn(async move {
            tokio::select! {
                () = server::serve(listener, gateway, transport, async { drop(stopped.await) }) => {}
                never = keyfob_gateway::admin::serve(operated, for_operators) => match never {},
            }
        });
        Self { issuer, upstream: fake, gateway: address, admin, served, clock, stop: Some(stop), tasks }
    }

    /// Lets so many seconds pass on the gateway's clock.
    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Asks the gateway to stop.
    pub(crate) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Returns once the gateway has stopped.
    pub(crate) async fn stopped(&mut self) {
        soon(self.stopped_at_last()).await;
    }

    /// The same, however long it takes.
    pub(crate) async fn stopped_at_last(&mut self) {
        self.tasks.join_next().await.unwrap().unwrap();
    }

    /// A POST of a good caller to `/v1/responses`.
    pub(crate) fn request(&self) -> http::request::Builder {
        Request::post("/v1/responses")
            .header("host", "gateway.test")
            .header("authorization", format!("Bearer {}", self.issuer.token()))
    }

    /// Sends a request and returns the answer as soon as it begins.
    pub(crate) async fn begin(
        &self,
        request: http::request::Builder,
        body: impl Into<Bytes>,
    ) -> Response<Incoming> {
        self.try_begin(self.gateway, request, body).await.unwrap()
    }

    /// The same, where there may be no answer.
    pub(crate) async fn try_begin(
        &self,
        address: SocketAddr,
        request: http::request::Builder,
        body: impl Into<Bytes>,
    ) -> hyper::Result<Response<Incoming>> {
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        // Owned by the answer: it ends when the answer's body does, or is dropped.
        tokio::spawn(connection);
        soon(sender.send_request(request.body(Full::new(body.into())).unwrap())).await
    }

    /// Sends a request and returns the whole answer.
    pub(crate) async fn send(&self, request: http::request::Builder, body: impl Into<Bytes>) -> Answer {
        let (parts, body) = self.begin(request, body).await.into_parts();
        let body = soon(body.collect()).await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Asks as whoever runs the gateway.
    pub(crate) async fn operator_asks(&self, path: &str) -> Answer {
        self.operator_asks_as(&self.admin.to_string(), path).await
    }

    /// The same, by this name of the listener.
    pub(crate) async fn operator_asks_as(&self, host: &str, path: &str) -> Answer {
        let request = Request::get(path).header("host", host);
        let (parts, body) = self.try_begin(self.admin, request, "").await.unwrap().into_parts();
        let body = soon(body.collect()).await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Sends these bytes and returns everything that comes back until the gateway hangs up.
    pub(crate) async fn send_raw(&self, bytes: &str) -> String {
        let mut stream = TcpStream::connect(self.gateway).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        soon(stream.read_to_end(&mut answer)).await.ok();
        String::from_utf8(answer).unwrap()
    }
}
