//! `keyfob-gateway edge` as a program of its own, before an upstream in the test.

use crate::command_line::edge;
use crate::world::{FakeIssuer, soon};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use keyfob_jose::TokenType;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinSet;

/// What is in a piece of an endless answer.
const PIECE: Bytes = Bytes::from_static(&[b'x'; 64 * 1024]);

/// What has come to the upstream.
#[derive(Default)]
pub(super) struct Upstream {
    /// How many requests.
    pub(super) arrived: AtomicUsize,
    /// How many bytes of endless answers it has handed over.
    pub(super) written: AtomicUsize,
    /// How many requests ended before their end.
    pub(super) aborted: AtomicUsize,
}

/// The program and what it needs; gone when dropped.
pub(super) struct Program {
    pub(super) address: SocketAddr,
    pub(super) upstream: Arc<Upstream>,
    /// How often it has said that it cannot accept a connection.
    pub(super) failed_accepts: Arc<AtomicUsize>,
    token: String,
    child: Child,
    _issuer: FakeIssuer,
    _tasks: JoinSet<()>,
}

impl Program {
    pub(super) async fn start() -> Self {
        Self::start_as(edge(&[])).await
    }

    /// The program with this soft and hard limit of files.
    pub(super) async fn start_with_files(limit: &str) -> Self {
        let edge = edge(&[]);
        let mut program = Command::new("prlimit");
        program
            .arg(format!("--nofile={limit}"))
            .arg(edge.as_std().get_program())
            .args(edge.as_std().get_args());
        program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        Self::start_as(program).await
    }

    async fn start_as(mut program: Command) -> Self {
        hold_many_files();
        let issuer = FakeIssuer::start().await;
        let listener = listener();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let upstream = Arc::<Upstream>::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, Arc::clone(&upstream)));
        let mut child = program.args(["--issuer", &issuer.url, "--upstream", &url]).spawn().unwrap();
        let (address, mut lines) = ready(&mut child).await;
        // It must be able to say what it has to say.
        let failed_accepts = Arc::<AtomicUsize>::default();
        let failed = Arc::clone(&failed_accepts);
        tasks.spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                failed.fetch_add(usize::from(line.contains("cannot accept a connection")), Ordering::Relaxed);
            }
        });
        let token = token(&issuer);
        Self { address, upstream, failed_accepts, token, child, _issuer: issuer, _tasks: tasks }
    }

    /// Returns the head of a request that is let in.
    pub(super) fn request(&self, line: &str, more: &str) -> String {
        format!("{line} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {}\r\n{more}\r\n", self.token)
    }

    /// Returns for how long its threads have run.
    pub(super) fn cpu(&self) -> Duration {
        let tasks = std::fs::read_dir(self.process().join("task")).unwrap();
        let run = tasks.filter_map(|task| {
            let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(run.sum())
    }

    /// Returns how much memory it has, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.status("VmRSS:")
    }

    /// Returns the most that it ever had.
    pub(super) fn peak_memory(&self) -> usize {
        self.status("VmHWM:")
    }

    /// Returns how many files and connections it has.
    pub(super) fn files(&self) -> usize {
        std::fs::read_dir(self.process().join("fd")).unwrap().count()
    }

    fn status(&self, name: &str) -> usize {
        let text = std::fs::read_to_string(self.process().join("status")).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
    }

    fn process(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.child.id().unwrap()))
    }
}

/// Connects from this address; the system holds little for it that was not read.
pub(super) async fn caller(address: &str, gateway: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 * 1024).unwrap();
    socket.bind(SocketAddr::new(address.parse().unwrap(), 0)).unwrap();
    let stream = soon(socket.connect(gateway)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A shell's usual limit is 1,024.
fn hold_many_files() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
}

/// Returns where a program that was started listens, and what it says from here on.
pub(crate) async fn ready(child: &mut Child) -> (SocketAddr, Lines<BufReader<ChildStderr>>) {
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let said = soon(lines.next_line()).await.unwrap().unwrap();
    let address = said.strip_prefix("keyfob-gateway: edge on http://").unwrap().split_once(',').unwrap().0;
    (address.parse().unwrap(), lines)
}

/// A token that is good by the real clock.
#[expect(clippy::disallowed_methods, reason = "the program that is started has the real clock")]
pub(crate) fn token(issuer: &FakeIssuer) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut claims = issuer.claims();
    // `--audience` is the issuer unless it is said.
    claims["aud"] = json!(issuer.url);
    claims["iat"] = json!(now);
    claims["exp"] = json!(now + 600);
    issuer.key.sign(TokenType::AccessToken, &claims).unwrap()
}

fn listener() -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(16 * 1024).unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    socket.listen(4_096).unwrap()
}

/// A request that ends by being given up.
struct Running(Arc<Upstream>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.aborted.fetch_add(1, Ordering::Relaxed);
    }
}

async fn serve(listener: TcpListener, upstream: Arc<Upstream>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let upstream = Arc::clone(&upstream);
        let service = service_fn(move |request| answer(request, Arc::clone(&upstream)));
        connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(
    request: Request<Incoming>,
    upstream: Arc<Upstream>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, Infallible> {
    upstream.arrived.fetch_add(1, Ordering::Relaxed);
    let pieces = match request.uri().path() {
        "/v1/never" => {
            let _running = Running(upstream);
            std::future::pending().await
        }
        "/v1/quiet" => {
            let running = Running(upstream);
            let rest = stream::pending().map(move |never: Infallible| {
                let _running = &running;
                match never {}
            });
            stream::once(async { Ok(Frame::data(Bytes::from("data: 1\n\n"))) }).chain(rest).left_stream()
        }
        "/v1/endless" => {
            let running = Running(upstream);
            let pieces = stream::repeat(PIECE).map(move |piece| {
                running.0.written.fetch_add(piece.len(), Ordering::Relaxed);
                Ok(Frame::data(piece))
            });
            pieces.right_stream()
        }
        _ => {
            // A body that is never whole is waited for.
            let _whole = request.into_body().collect().await;
            return Ok(Response::new(Full::from("ok").boxed()));
        }
    };
    Ok(Response::new(BodyExt::boxed(StreamBody::new(pieces))))
}
