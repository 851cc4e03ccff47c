//! `load-events ADDRESS STREAMS EVENTS MICROSECONDS TOKEN_FILE SECONDS`: opens as many streams of events at once, each with a
//! connection of its own, and prints a line of JSON: what came, how late, and how long connecting took, in milliseconds.
//!
//! An event says when it was sent (`floor-upstream`), by the same clock as here, so one that is held back is late. A stream is
//! short when it did not bring all its events within SECONDS. Nobody starts to send before all are connected.

mod events;

use anyhow::{Context as _, Result, bail};
use events::Reader;
use serde_json::json;
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
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, address, streams, events, pause, token, seconds] = arguments.as_slice() else {
        bail!("usage: load-events ADDRESS STREAMS EVENTS MICROSECONDS TOKEN_FILE SECONDS")
    };
    let (count, events): (usize, usize) = (streams.parse()?, events.parse()?);
    let limit = Duration::from_secs_f64(seconds.parse()?);
    let token = std::fs::read_to_string(token).context("no token")?;
    let body = r#"{"model":"floor","input":"Say hello.","stream":true}"#;
    let request: Arc<str> = format!(
        "POST /v1/responses HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\nAuthorization: Bearer {}\r\nx-events: {events},{pause}\r\nContent-Length: {}\r\n\r\n{body}",
        token.trim(),
        body.len()
    )
    .into();
    let (address, all) = (Arc::<str>::from(address.as_str()), Arc::new(Barrier::new(count)));
    let mut running = JoinSet::new();
    for number in 0..count {
        let from = [127, 0, 0, u8::try_from(1 + number / OF_ADDRESS).context("too many streams")?];
        let (address, request, all) = (Arc::clone(&address), Arc::clone(&request), Arc::clone(&all));
        running.spawn(async move { follow(from, &address, &request, events, &all, limit).await });
    }
    let began = Instant::now();
    let mut streams = Vec::with_capacity(count);
    while let Some(finished) = running.join_next().await {
        streams.push(finished??);
    }
    report(streams, began.elapsed())
}

async fn follow(
    from: [u8; 4],
    address: &str,
    request: &str,
    events: usize,
    all: &Barrier,
    limit: Duration,
) -> Result<Stream> {
    let mut told = Stream { late: Vec::with_capacity(events), ..Stream::default() };
    let began = Instant::now();
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let mut socket = socket.connect(address.parse()?).await.context("cannot connect")?;
    told.connected = began.elapsed();
    socket.set_nodelay(true)?;
    all.wait().await;
    let asked = Instant::now();
    socket.write_all(request.as_bytes()).await?;
    let reading = async {
        let (mut reader, mut buffer) = (Reader::default(), vec![0; 16 * 1024]);
        while !told.is_whole {
            let read = socket.read(&mut buffer).await?;
            if read == 0 {
                break;
            }
            told.reads += 1;
            told.first.get_or_insert_with(|| asked.elapsed());
            told.is_whole = reader.read(buffer.get(..read).unwrap_or_default(), &mut told.late)?;
        }
        anyhow::Ok(())
    };
    // Whoever stands still is short, which is reported.
    if let Ok(outcome) = tokio::time::timeout(limit, reading).await {
        outcome?;
    }
    told.is_whole &= told.late.len() == events;
    Ok(told)
}

fn report(streams: Vec<Stream>, took: Duration) -> Result<()> {
    let milliseconds = |time: Duration| time.as_secs_f64() * 1_000.0;
    let reads: u64 = streams.iter().map(|stream| stream.reads).sum();
    let short = streams.iter().filter(|stream| !stream.is_whole).count();
    let connected = streams.iter().map(|stream| stream.connected).max().unwrap_or_default();
    let first = streams.iter().filter_map(|stream| stream.first).max().unwrap_or_default();
    let fewest = streams.iter().map(|stream| stream.late.len()).min().unwrap_or_default();
    let mut late: Vec<u64> = streams.into_iter().flat_map(|stream| stream.late).collect();
    late.sort_unstable();
    let at = |percent: usize| late.get(late.len().saturating_sub(1) * percent / 100).copied();
    let at = |percent| at(percent).map_or(0.0, |late| milliseconds(Duration::from_nanos(late)));
    let told = json!({
        "events": late.len(), "seconds": took.as_secs_f64(), "short": short, "fewest": fewest, "reads": reads,
        "connect": milliseconds(connected), "first": milliseconds(first),
        "p50": at(50), "p99": at(99), "most": at(100),
    });
    writeln!(std::io::stdout().lock(), "{told}")?;
    Ok(())
}
