//! Servers that other people wrote, each of which writes down every request that it understands.

use crate::world::soon;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

/// A request as a server understood it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) body: String,
    /// Whether all of it came.
    pub(super) whole: bool,
}

/// A server that runs; gone when dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    log: PathBuf,
    _folder: TempDir,
    _program: Option<Child>,
    _reserved: Option<TcpSocket>,
    _tasks: JoinSet<()>,
}

impl Server {
    pub(super) async fn hyper() -> Self {
        let (folder, log) = folder();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_hyper(listener, log.clone()));
        Self { address, log, _folder: folder, _program: None, _reserved: None, _tasks: tasks }
    }

    pub(super) async fn node() -> Self {
        let (folder, log) = folder();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/smuggling/server.mjs");
        let mut node = Command::new("node");
        node.args([script.as_ref(), log.as_path()]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut node = node.kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(node.stdout.take().unwrap()).lines();
        let port: u16 = soon(lines.next_line()).await.unwrap().unwrap().parse().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Self { address, log, _folder: folder, _program: Some(node), _reserved: None, _tasks: JoinSet::new() }
    }

    pub(super) async fn nginx() -> Self {
        let (folder, log) = folder();
        // Bound and not listened on, so that nobody else gets the port; nginx shares it.
        let reserved = TcpSocket::new_v4().unwrap();
        reserved.set_reuseport(true).unwrap();
        reserved.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = reserved.local_addr().unwrap();
        let mut file = File::create(folder.path().join("nginx.conf")).unwrap();
        file.write_all(configuration(address).as_bytes()).unwrap();
        let mut nginx = Command::new("nginx");
        nginx.arg("-p").arg(folder.path()).args(["-c", "nginx.conf", "-e", "errors"]);
        nginx.current_dir(folder.path()).env("PATH", "/usr/sbin:/usr/bin").stdin(Stdio::null());
        let nginx = nginx.kill_on_drop(true).spawn().unwrap();
        soon(async { while TcpStream::connect(address).await.is_err() {} }).await;
        let program = Some(nginx);
        Self {
            address,
            log,
            _folder: folder,
            _program: program,
            _reserved: Some(reserved),
            _tasks: JoinSet::new(),
        }
    }

    /// Returns what it understood so far, once it has seen a request for `last`.
    pub(super) async fn seen_until(&self, last: &str) -> Vec<Seen> {
        let read = async {
            loop {
                let text = std::fs::read_to_string(&self.log).unwrap_or_default();
                let whole = text.rsplit_once('\n').map_or("", |(whole, _begun)| whole);
                let seen: Vec<Seen> = whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
                if seen.iter().any(|seen| seen.target == last) {
                    return seen;
                }
                tokio::task::yield_now().await;
            }
        };
        soon(read).await
    }
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("seen");
    (folder, log)
}

/// nginx before itself: only what is passed on has a body in its log.
fn configuration(address: SocketAddr) -> String {
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|what| format!("{what}_temp_path temporary_{what};\n"))
        .concat();
    format!(
        r#"daemon off; master_process off; pid pid; error_log errors;
events {{ }}
http {{
{temporary}
map $status $is_whole {{ 200 true; default false; }}
log_format seen escape=json
    '{{"method":"$request_method","target":"$request_uri","body":"$request_body","whole":$is_whole}}';
access_log off;
keepalive_requests 100000;
client_body_in_single_buffer on;
client_body_buffer_size 64k;
server {{
    listen {address} reuseport;
    access_log seen seen;
    location / {{ proxy_pass http://unix:back:; }}
}}
server {{
    listen unix:back;
    location / {{ return 200 ok; }}
}}
}}
"#
    )
}

async fn serve_hyper(listener: TcpListener, log: PathBuf) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let log = log.clone();
        let service = service_fn(move |request| answer(request, log.clone()));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        connections.spawn(connection);
    }
}

async fn answer(request: Request<Incoming>, log: PathBuf) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let mut seen = Seen {
        method: head.method.to_string(),
        target: head.uri.to_string(),
        body: String::new(),
        whole: false,
    };
    if let Ok(body) = body.collect().await {
        seen.body = String::from_utf8(body.to_bytes().to_vec()).unwrap();
        seen.whole = true;
    }
    note(&log, &seen);
    Ok(Response::new(Full::from("ok")))
}

fn note(log: &Path, seen: &Seen) {
    let mut file = File::options().create(true).append(true).open(log).unwrap();
    file.write_all(format!("{}\n", serde_json::to_string(seen).unwrap()).as_bytes()).unwrap();
}
