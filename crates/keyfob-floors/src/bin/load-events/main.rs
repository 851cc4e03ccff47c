//! `load-events ADDRESS STREAMS EVENTS MICROSECONDS TOKEN_FILE SECONDS [LEAVING]`: opens as many streams of events at once, each
//! with a connection of its own, and prints a line of JSON: what came, how late, and how long connecting took, in milliseconds.
//!
//! An event says when it was sent (`floor-upstream`), by the same clock as here, so one that is held back is late. A stream is
//! short when it did not bring all its events within SECONDS. Nobody starts to send before all are connected. LEAVING of them,
//! chosen at random, hang up at a random moment of the second half; they are no short ones. `left` says when each did, by the
//! name that the upstream was told.

mod events;
mod leaving;

use anyhow::{Context as _, Result, bail};
use events::Reader;
use leaving::Leaving;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// How many streams come from one loopback address: a gateway closes what is too many of one.
const OF_ADDRESS: usize = 2_000;

/// What one stream brought.
#[derive(Default)]
struct Stream {
    connected: Duration,
    first: Option<Duration>,
    late: Vec<u64>,
    reads: u64,
    is_whole: bool,
    /// When its caller hung up, if they did: in nanoseconds of the system's monotonic clock.
    left: Option<(String, u64)>,
}

/// What every stream asks for.
struct Asked {
    address: String,
    token: String,
    events: usize,
    pause: u64,
    limit: Duration,
}

impl Asked {
    fn request(&self, name: &str) -> String {
        let body = r#"{"model":"floor","input":"Say hello.","stream":true}"#;
        format!(
            "POST /v1/responses HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\nAuthorization: Bearer {}\r\nx-events: {},{},{name}\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            self.token.trim(),
            self.events,
            self.pause,
            body.len()
        )
    }

    /// Returns how long an answer takes.
    fn length(&self) -> Duration {
        Duration::from_micros(self.pause).saturating_mul(u32::try_from(self.events).unwrap_or(u32::MAX))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (first, leaving) = arguments.split_at(arguments.len().min(6));
    let [address, streams, events, pause, token, seconds] = first else {
        bail!("usage: load-events ADDRESS STREAMS EVENTS MICROSECONDS TOKEN_FILE SECONDS [LEAVING]")
    };
    let count: usize = streams.parse()?;
    let asked = Arc::new(Asked {
        address: address.clone(),
        token: std::fs::read_to_string(token).context("no token")?,
        events: events.parse()?,
        pause: pause.parse()?,
        limit: Duration::from_secs_f64(seconds.parse()?),
    });
    let leaving = leaving.first().map_or(Ok(0), |leaving| leaving.parse())?;
    let leaving = Leaving::choose(count, leaving, asked.length());
    let all = Arc::new(Barrier::new(count));
    let mut running = JoinSet::new();
    for number in 0..count {
        let (asked, all, leaves) = (Arc::clone(&asked), Arc::clone(&all), leaving.of(number));
        running.spawn(async move { follow(number, &asked, &all, leaves).await });
    }
    let began = Instant::now();
    let mut streams = Vec::with_capacity(count);
    while let Some(finished) = running.join_next().await {
        streams.push(finished??);
    }
    report(streams, began.elapsed())
}

async fn follow(number: usize, asked: &Asked, all: &Barrier, leaves: Option<Duration>) -> Result<Stream> {
    let mut told = Stream { late: Vec::with_capacity(asked.events), ..Stream::default() };
    let from = [127, 0, 0, u8::try_from(1 + number / OF_ADDRESS).context("too many streams")?];
    let (_, port) = asked.address.rsplit_once(':').context("no port")?;
    let name = format!("{port}-{number}");
    let began = Instant::now();
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let mut socket = socket.connect(asked.address.parse()?).await.context("cannot connect")?;
    told.connected = began.elapsed();
    socket.set_nodelay(true)?;
    all.wait().await;
    let sent = Instant::now();
    socket.write_all(asked.request(&name).as_bytes()).await?;
    let reading = async {
        let (mut reader, mut buffer) = (Reader::default(), vec![0; 16 * 1024]);
        while !told.is_whole {
            let read = socket.read(&mut buffer).await?;
            if read == 0 {
                break;
            }
            told.reads += 1;
            told.first.get_or_insert_with(|| sent.elapsed());
            told.is_whole = reader.read(buffer.get(..read).unwrap_or_default(), &mut told.late)?;
        }
        anyhow::Ok(())
    };
    // Whoever stands still is short, which is reported.
    if let Ok(outcome) = tokio::time::timeout(leaves.unwrap_or(asked.limit), reading).await {
        outcome?;
    }
    if leaves.is_some() && !told.is_whole {
        told.left = Some((name, events::now()?));
        drop(socket);
    } else {
        told.is_whole &= told.late.len() == asked.events;
    }
    Ok(told)
}

fn report(streams: Vec<Stream>, took: Duration) -> Result<()> {
    let milliseconds = |time: Duration| time.as_secs_f64() * 1_000.0;
    let reads: u64 = streams.iter().map(|stream| stream.reads).sum();
    let short = streams.iter().filter(|stream| !stream.is_whole && stream.left.is_none()).count();
    let connected = streams.iter().map(|stream| stream.connected).max().unwrap_or_default();
    let first = streams.iter().filter_map(|stream| stream.first).max().unwrap_or_default();
    let fewest = streams.iter().map(|stream| stream.late.len()).min().unwrap_or_default();
    let left: BTreeMap<&str, u64> = streams
        .iter()
        .filter_map(|stream| stream.left.as_ref())
        .map(|(name, at)| (name.as_str(), *at))
        .collect();
    let left = json!(left);
    let mut late: Vec<u64> = streams.into_iter().flat_map(|stream| stream.late).collect();
    late.sort_unstable();
    let at = |percent: usize| late.get(late.len().saturating_sub(1) * percent / 100).copied();
    let at = |percent| at(percent).map_or(0.0, |late| milliseconds(Duration::from_nanos(late)));
    let told = json!({
        "events": late.len(), "seconds": took.as_secs_f64(), "short": short, "fewest": fewest, "reads": reads,
        "connect": milliseconds(connected), "first": milliseconds(first),
        "p50": at(50), "p99": at(99), "most": at(100), "left": left,
    });
    writeln!(std::io::stdout().lock(), "{told}")?;
    Ok(())
}
