//! The program around the library: arguments, signals, words for people.

mod args;
mod system;

use anyhow::{Context as _, anyhow};
use args::{Arguments, Command, Edge};
use clap::Parser as _;
use keyfob_gateway::authenticate::delivery::Delivery;
use keyfob_gateway::gateway::{Config, Gateway, LONGEST_STREAM};
use keyfob_gateway::resource_server::ResourceServer;
use keyfob_gateway::revocations::FeedConfig;
use keyfob_gateway::server;
use keyfob_gateway::upstream::{Upstream, UpstreamKey, UpstreamUrl};
use keyfob_oauth::{Audience, IssuerUrl};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use system::{SystemClock, SystemEntropy};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Wrong usage, as for clap's own refusals (design §6).
const USAGE: u8 = 2;
/// No key is longer.
const MOST_KEY_BYTES: u64 = 16 * 1024;

fn main() -> ExitCode {
    let Command::Edge(edge) = Arguments::parse().command;
    start_log();
    let config = match config(&edge) {
        Ok(config) => config,
        Err(error) => return report(&error, ExitCode::from(USAGE)),
    };
    match run(&edge, config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error, ExitCode::FAILURE),
    }
}

fn config(edge: &Edge) -> anyhow::Result<Config> {
    let issuer = IssuerUrl::parse(&edge.issuer).context("--issuer")?;
    let audience = edge.audience.clone().unwrap_or_else(|| issuer.as_str().to_owned());
    let upstream = match (edge.upstream.as_str(), &edge.upstream_key_file) {
        ("demo", None) => Upstream::Demo,
        ("demo", Some(_)) => return Err(anyhow!("the demo takes no --upstream-key-file")),
        (url, file) => Upstream::Http {
            url: UpstreamUrl::parse(url).context("--upstream")?,
            key: file.as_deref().map(key).transpose().context("--upstream-key-file")?,
        },
    };
    let grace = Duration::from_secs(edge.revocations_grace.into());
    let feed = edge.revocations_file.as_deref().map(|file| feed(file, grace));
    let feed = feed.transpose().context("--revocations-file")?;
    Ok(Config {
        issuer,
        audience: Audience::new(audience),
        upstream,
        feed,
        delivery: Delivery::default(),
        longest_stream: LONGEST_STREAM,
    })
}

fn feed(path: &Path, grace: Duration) -> anyhow::Result<FeedConfig> {
    let text = secret_text(path, "the secret of this gateway")?;
    let server = ResourceServer::parse(&text);
    let server = server.with_context(|| format!("{} holds no NAME:SECRET", path.display()))?;
    Ok(FeedConfig::new(server, grace))
}

fn key(path: &Path) -> anyhow::Result<UpstreamKey> {
    let text = secret_text(path, "the upstream's key")?;
    UpstreamKey::parse(&text).with_context(|| format!("{} holds no usable key", path.display()))
}

/// Reads a file with a secret, and warns if it is everybody's.
fn secret_text(path: &Path, what: &str) -> anyhow::Result<String> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("cannot open {shown}"))?;
    let mode = file.metadata().with_context(|| format!("cannot examine {shown}"))?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(file = %shown, mode = format!("{:o}", mode & 0o777), "others can read {what}");
    }
    let mut text = String::new();
    file.take(MOST_KEY_BYTES).read_to_string(&mut text).with_context(|| format!("cannot read {shown}"))?;
    Ok(text)
}

#[tokio::main]
async fn run(edge: &Edge, config: Config) -> anyhow::Result<()> {
    let (issuer, upstream) = (config.issuer.clone(), config.upstream.to_string());
    let is_demo = matches!(config.upstream, Upstream::Demo);
    let gateway = Gateway::new(config, Arc::new(SystemClock), &SystemEntropy)?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let listener =
        TcpListener::bind(edge.listen).await.with_context(|| format!("cannot listen on {}", edge.listen))?;
    let address = listener.local_addr()?;
    let admin = match edge.admin {
        Some(asked) => {
            Some(TcpListener::bind(asked).await.with_context(|| format!("cannot listen on {asked}"))?)
        }
        None => None,
    };
    if is_demo {
        say("keyfob-gateway: warning: answers come from the built-in demo, not from a model");
    }
    say(&format!("keyfob-gateway: edge on http://{address}, issuer {issuer}, upstream {upstream}"));
    let stop = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    let gateway = Arc::new(gateway);
    let operated = async {
        match admin {
            Some(admin) => match keyfob_gateway::admin::serve(admin, Arc::clone(&gateway)).await {},
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = server::serve(listener, Arc::clone(&gateway), stop) => Ok(()),
        () = operated => Ok(()),
    }
}

fn start_log() {
    let filter = tracing_subscriber::EnvFilter::new(system::log_filter().as_deref().unwrap_or("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
}

fn report(error: &anyhow::Error, code: ExitCode) -> ExitCode {
    say(&format!("keyfob-gateway: error: {error:#}"));
    code
}

/// Writes a line for people; that nobody reads it is no reason to stop.
fn say(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}
