//! `load-tokens ADDRESS PATH CLIENT_ID (refresh SECONDS|codes REDIRECT_URI) FILE CONNECTIONS`: asks a token endpoint as
//! fast as it answers, and prints a line of JSON: answers, seconds, and how long one took.
//!
//! With `refresh`, each connection follows a chain of its own, from the token on its line of FILE to that which it got
//! last, and FILE is written anew, so that the next run goes on. With `codes`, the connections share the lines of FILE, each
//! a code and its verifier, until none is left. An answer that is not 200 ends the run with an error.

use anyhow::{Context as _, Result, bail, ensure};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const USAGE: &str =
    "usage: load-tokens ADDRESS PATH CLIENT_ID (refresh SECONDS|codes REDIRECT_URI) FILE CONNECTIONS";

/// One endpoint and one client.
#[derive(Clone)]
struct Target {
    address: String,
    path: String,
    client_id: String,
}

/// What one connection does.
enum Work {
    /// Refreshes this token and its successors until the moment comes.
    Chain(String, Instant),
    /// Redeems codes for this address until none is left.
    Codes(Arc<Mutex<Vec<String>>>, String),
}

/// What one connection did: how long each answer took, and the last refresh token.
struct Done {
    took: Vec<Duration>,
    last: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, address, path, client_id, mode, how, file, connections] = arguments.as_slice() else {
        bail!(USAGE)
    };
    let target = Target { address: address.clone(), path: path.clone(), client_id: client_id.clone() };
    let file = Path::new(file);
    let lines: Vec<String> = std::fs::read_to_string(file)?.lines().map(str::to_owned).collect();
    let connections: usize = connections.parse().context(USAGE)?;
    ensure!(lines.len() >= connections, "{} has fewer than {connections} lines", file.display());
    let began = Instant::now();
    let work: Vec<Work> = match mode.as_str() {
        "refresh" => {
            let end = began + Duration::from_secs_f64(how.parse().context(USAGE)?);
            lines.iter().take(connections).map(|token| Work::Chain(token.clone(), end)).collect()
        }
        "codes" => {
            let codes = Arc::new(Mutex::new(lines.clone()));
            (0..connections).map(|_| Work::Codes(Arc::clone(&codes), how.clone())).collect()
        }
        _ => bail!(USAGE),
    };
    let mut running = JoinSet::new();
    for (number, one) in work.into_iter().enumerate() {
        let target = target.clone();
        running.spawn(async move { (number, target.ask(one).await) });
    }
    let mut done: Vec<(usize, Done)> = Vec::new();
    while let Some(finished) = running.join_next().await {
        let (number, outcome) = finished?;
        done.push((number, outcome?));
    }
    let seconds = began.elapsed().as_secs_f64();
    done.sort_by_key(|(number, _)| *number);
    if mode == "refresh" {
        let last = done.iter().map(|(_, one)| one.last.clone()).chain(lines.into_iter().skip(connections));
        let last: Vec<String> = last.collect();
        std::fs::File::create(file)?.write_all(last.join("\n").as_bytes())?;
    }
    let fewest = done.iter().map(|(_, one)| one.took.len()).min().unwrap_or_default();
    let mut took: Vec<Duration> = done.into_iter().flat_map(|(_, one)| one.took).collect();
    took.sort();
    let at =
        |percent: usize| took.get((took.len().saturating_sub(1)) * percent / 100).map(Duration::as_secs_f64);
    let told = json!({
        "answers": took.len(), "seconds": seconds, "fewest": fewest,
        "p50": at(50).unwrap_or_default() * 1_000.0,
        "p99": at(99).unwrap_or_default() * 1_000.0,
    });
    writeln!(std::io::stdout().lock(), "{told}")?;
    Ok(())
}

impl Target {
    async fn ask(&self, work: Work) -> Result<Done> {
        let stream = TcpStream::connect(&self.address).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut took = Vec::new();
        match work {
            Work::Chain(mut token, end) => {
                while Instant::now() < end {
                    let body = format!(
                        "grant_type=refresh_token&refresh_token={token}&client_id={}",
                        self.client_id
                    );
                    let (answer, time) = self.post(&mut sender, body).await?;
                    took.push(time);
                    let next = answer.get("refresh_token").and_then(Value::as_str);
                    next.context("no refresh token")?.clone_into(&mut token);
                }
                Ok(Done { took, last: token })
            }
            Work::Codes(codes, redirect) => {
                loop {
                    let next = codes.lock().unwrap_or_else(PoisonError::into_inner).pop();
                    let Some(line) = next else { break };
                    let (code, verifier) = line.split_once(' ').context("a line is no code and verifier")?;
                    let body = format!(
                        "grant_type=authorization_code&code={code}&redirect_uri={redirect}&client_id={}&code_verifier={verifier}",
                        self.client_id
                    );
                    took.push(self.post(&mut sender, body).await?.1);
                }
                Ok(Done { took, last: String::new() })
            }
        }
    }

    async fn post(&self, sender: &mut SendRequest<Full<Bytes>>, body: String) -> Result<(Value, Duration)> {
        let mut request = Request::new(Full::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.path.parse()?;
        request.headers_mut().insert(HOST, HeaderValue::from_str(&self.address)?);
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(CONTENT_TYPE, form);
        let began = Instant::now();
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        let took = began.elapsed();
        ensure!(status == StatusCode::OK, "{status}: {}", String::from_utf8_lossy(&body));
        Ok((serde_json::from_slice(&body)?, took))
    }
}
