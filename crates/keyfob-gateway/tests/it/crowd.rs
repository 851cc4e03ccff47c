//! Two gateways as programs, and thousands of streams through them from an upstream that speaks HTTP/2.

use crate::world::{AUDIENCE, FakeIssuer, Program, soon};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use h2::server::{self, SendResponse};
use h2::{RecvStream, SendStream};
use http::{Request, Response};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

/// How many descriptors each program may have.
const DESCRIPTORS: u32 = 20_000;
/// How many streams run, how many of their callers hang up, and within which time.
const CALLERS: usize = 2_500;
const LEAVING: usize = 1_000;
const WITHIN: Duration = Duration::from_secs(3);
/// How many callers connect at once.
const AT_ONCE: usize = 256;
/// How many KiB a stream may take in a test build; what it may in a release is measured by `scripts/bench`.
const MOST_MEMORY: usize = 128;
const LOOK_EVERY: Duration = Duration::from_millis(25);
const FIRST: &str = "data: first\n\n";
const LAST: &str = "data: last\n\n";

/// A model server that answers each request with an event, and with another one once it is told to.
struct Upstream {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    aborted: Arc<Mutex<BTreeMap<usize, Instant>>>,
    told: watch::Sender<Told>,
}

/// What the upstream was told to do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Nothing,
    /// It ends all answers.
    End,
    /// It closes all connections.
    Close,
}

impl Upstream {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, aborted) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<_>>::default());
        let (told, telling) = watch::channel(Told::Nothing);
        let (counted, noted) = (Arc::clone(&connections), Arc::clone(&aborted));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (counted, noted) = (Arc::clone(&counted), Arc::clone(&noted));
                let telling = telling.clone();
                tokio::spawn(async move {
                    counted.fetch_add(1, Ordering::SeqCst);
                    serve(stream, &noted, telling).await;
                    counted.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, connections, aborted, told }
    }

    fn tell(&self, told: Told) {
        self.told.send(told).unwrap();
    }
}

async fn serve(
    stream: TcpStream,
    aborted: &Arc<Mutex<BTreeMap<usize, Instant>>>,
    mut telling: watch::Receiver<Told>,
) {
    let mut builder = server::Builder::new();
    let Ok(mut connection) = builder.max_concurrent_streams(1_000).handshake(stream).await else { return };
    loop {
        let accepted = tokio::select! {
            accepted = connection.accept() => Some(accepted),
            _closes = telling.wait_for(|told| *told == Told::Close) => None,
        };
        let Some(accepted) = accepted else {
            connection.graceful_shutdown();
            while connection.accept().await.is_some() {}
            return;
        };
        let Some(Ok((request, respond))) = accepted else { return };
        tokio::spawn(answer(request, respond, Arc::clone(aborted), telling.clone()));
    }
}

async fn answer(
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
    aborted: Arc<Mutex<BTreeMap<usize, Instant>>>,
    mut telling: watch::Receiver<Told>,
) {
    let number = request.headers()["x-number"].to_str().unwrap().parse().unwrap();
    let mut events = begin(request, respond).await;
    tokio::select! {
        _reason = poll_fn(|context| events.poll_reset(context)) => {
            aborted.lock().unwrap().insert(number, Instant::now());
        }
        _ended = telling.wait_for(|told| *told >= Told::End) => events.send_data(LAST.into(), true).unwrap(),
    }
}

async fn begin(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) -> SendStream<Bytes> {
    let mut body = request.into_body();
    while let Some(part) = body.data().await {
        body.flow_control().release_capacity(part.unwrap().len()).unwrap();
    }
    let head = Response::builder().header("content-type", "text/event-stream").body(()).unwrap();
    let mut events = respond.send_response(head, false).unwrap();
    events.send_data(FIRST.into(), false).unwrap();
    events
}

async fn gateway(folder: &TempDir, issuer: &FakeIssuer, upstream: &Upstream) -> Program {
    let file = folder.path().join("gateway.toml");
    let text = format!(
        "listen = '127.0.0.1:0'\nissuer = '{}'\naudience = '{AUDIENCE}'\n\
         [upstream.a]\nurl = 'http://{}/v1'\nhttp2 = true\n",
        issuer.url, upstream.address
    );
    put(&file, &text);
    Program::start(&["--config", file.to_str().unwrap()], DESCRIPTORS).await
}

#[expect(clippy::disallowed_methods, reason = "a test's own file")]
fn put(path: &std::path::Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

/// Asks as one of many callers; returns the connection once the first event has come.
async fn follow(gateway: SocketAddr, token: &str, number: usize) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    // No address may have too many connections.
    let from = Ipv4Addr::new(127, 0, 0, u8::try_from(1 + number / 2_000).unwrap());
    socket.bind((from, 0).into()).unwrap();
    let mut stream = socket.connect(gateway).await.unwrap();
    let request = format!(
        "POST /v1/responses HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {token}\r\nx-number: {number}\r\n\
         connection: close\r\ncontent-length: 2\r\n\r\n{{}}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    while !contains(&seen, FIRST) {
        assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0, "{}", String::from_utf8_lossy(&seen));
    }
    stream
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// What a test looks at again and again until it is so.
async fn until(is_so: impl Fn() -> bool) {
    soon(async {
        while !is_so() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    })
    .await;
}

/// Returns the numbers below `count` in an order that is no order (Knuth's generator).
fn shuffled(count: usize) -> Vec<usize> {
    let mut chance = 1_u64;
    let mut keyed: Vec<(u64, usize)> = (0..count)
        .map(|number| {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (chance >> 16, number)
        })
        .collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, number)| number).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g_26_a_thousand_callers_who_hang_up_end_their_own_streams_within_a_second_and_leave_nothing_behind()
{
    let own = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: own.maximum, ..own }).unwrap();
    let (issuer, upstream) = (FakeIssuer::start().await, Upstream::start().await);
    let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let gateways =
        [gateway(&folders[0], &issuer, &upstream).await, gateway(&folders[1], &issuer, &upstream).await];
    let descriptors = || gateways.iter().map(Program::descriptors).sum::<usize>();
    let memory = || gateways.iter().map(Program::memory).sum::<usize>();
    let token = issuer.token_of_today();
    for gateway in &gateways {
        let mut stream = TcpStream::connect(gateway.address).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n").await.unwrap();
        soon(stream.read_to_end(&mut Vec::new())).await.unwrap();
    }
    let before = (descriptors(), memory());

    let began = Instant::now();
    let mut callers: BTreeMap<usize, TcpStream> = stream::iter(0..CALLERS)
        .map(|number| {
            let (gateway, token) = (gateways[number % 2].address, &token);
            async move { (number, follow(gateway, token, number).await) }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let (opened, most) = (began.elapsed(), memory());
    let each = (most - before.1) / CALLERS;
    assert!(each < MOST_MEMORY, "{each} KiB a stream");
    let connections = upstream.connections.load(Ordering::SeqCst);
    assert!(connections * 10 < CALLERS, "{connections} connections to the upstream");

    let mut left = BTreeMap::new();
    for number in shuffled(CALLERS).into_iter().take(LEAVING) {
        tokio::time::sleep(WITHIN / u32::try_from(LEAVING).unwrap()).await;
        left.insert(number, Instant::now());
        callers.remove(&number);
    }
    until(|| upstream.aborted.lock().unwrap().len() >= LEAVING).await;
    upstream.tell(Told::End);
    for (number, mut stream) in callers {
        let mut rest = Vec::new();
        soon(stream.read_to_end(&mut rest)).await.unwrap();
        assert!(rest.ends_with(format!("{LAST}\r\n0\r\n\r\n").as_bytes()), "{number}");
    }

    let aborted = upstream.aborted.lock().unwrap().clone();
    assert_eq!(
        aborted.keys().collect::<Vec<_>>(),
        left.keys().collect::<Vec<_>>(),
        "who left, and nobody else"
    );
    let last = left.iter().map(|(number, at)| aborted[number] - *at).max().unwrap();
    assert!(last < Duration::from_secs(1), "a stream went on for {last:?}");
    upstream.tell(Told::Close);
    until(|| descriptors() <= before.0).await;
    until(|| memory() < before.1 + (most - before.1) / 4).await;
    println!(
        "{CALLERS} opened in {opened:?} over {connections} connections, {each} KiB each; the last ended after {last:?}; {before:?} \
         before, {:?} after",
        (descriptors(), memory())
    );
}
