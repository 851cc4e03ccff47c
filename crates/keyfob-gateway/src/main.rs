//! The program around the library: arguments, signals, words for people.

mod args;
#[cfg(feature = "local")]
mod local_command;
mod log;
mod policy_commands;
mod system;
mod usage_command;

use anyhow::{Context as _, anyhow};
use args::{Arguments, Command, Edge, OneUpstream, PolicyCommand};
use clap::Parser as _;
use keyfob_gateway::authenticate::delivery::Delivery;
use keyfob_gateway::config::{EdgeConfig, read_policy, read_prices, secret_file};
use keyfob_gateway::connection::Transport;
use keyfob_gateway::gateway::reload::{Fixed, Read, Reloader};
use keyfob_gateway::gateway::{Config, Gateway, LONGEST_STREAM};
use keyfob_gateway::revocations::FeedConfig;
use keyfob_gateway::server::{self, Listeners};
use keyfob_gateway::streams::Streams;
use keyfob_gateway::tls::Tls;
use keyfob_gateway::upstream::{Upstream, UpstreamUrl};
use keyfob_gateway::upstreams::NamedUpstream;
use keyfob_oauth::{Audience, IssuerUrl};
use std::convert::Infallible;
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use system::{SystemClock, SystemEntropy};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Takes less for the many small pieces of a request than the C library's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often memory is given back, and a piece that is large to the allocator, in bytes.
const GIVE_BACK: Duration = Duration::from_secs(5);
const LARGE: usize = 1024 * 1024;

/// Wrong usage, as for clap's own refusals (design §6).
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let filter = system::log_filter();
    let log = log::Log::start(filter.as_deref().unwrap_or("info"), system::log_format());
    let code = run_command(command);
    drop(log);
    code
}

fn run_command(command: Command) -> ExitCode {
    match command {
        Command::Edge(edge) => serve(&edge),
        Command::Policy(PolicyCommand::Test(test)) => ended(policy_commands::test(&test)),
        Command::Policy(PolicyCommand::Diff(diff)) => ended(policy_commands::diff(&diff)),
        Command::Explain(explain) => ended(policy_commands::explain(&explain)),
        Command::Usage(asked) => ended(usage_command::usage(&asked)),
        #[cfg(feature = "local")]
        Command::Local(local) => local_command::run(local),
    }
}

fn ended(outcome: anyhow::Result<ExitCode>) -> ExitCode {
    outcome.unwrap_or_else(|error| report(&error, ExitCode::from(USAGE)))
}

fn serve(edge: &Edge) -> ExitCode {
    let first = match config(edge) {
        Ok(first) => first,
        Err(error) => return report(&error, ExitCode::from(USAGE)),
    };
    system::hold_many_files();
    let read: Read = {
        let edge = edge.clone();
        Arc::new(move || config(&edge).map_err(Into::into))
    };
    match run(first, read) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error, ExitCode::FAILURE),
    }
}

fn config(edge: &Edge) -> anyhow::Result<EdgeConfig> {
    match (&edge.config, &edge.one) {
        (Some(path), None) => Ok(EdgeConfig::read(path)?),
        (None, Some(one)) => of_one_upstream(one),
        (Some(_), Some(_)) | (None, None) => {
            Err(anyhow!("name either --config, or --listen and what it needs"))
        }
    }
}

fn of_one_upstream(edge: &OneUpstream) -> anyhow::Result<EdgeConfig> {
    let issuer = IssuerUrl::parse(&edge.issuer).context("--issuer")?;
    let audience = edge.audience.clone().unwrap_or_else(|| issuer.as_str().to_owned());
    let upstream = match (edge.upstream.as_str(), &edge.upstream_key_file) {
        ("demo", None) => Upstream::Demo,
        ("demo", Some(_)) => return Err(anyhow!("the demo takes no --upstream-key-file")),
        (url, file) => Upstream::Http {
            url: UpstreamUrl::parse(url).context("--upstream")?,
            key: file.as_deref().map(secret_file::upstream_key).transpose().context("--upstream-key-file")?,
        },
    };
    let grace = Duration::from_secs(edge.revocations_grace.into());
    let server = edge.revocations_file.as_deref().map(secret_file::resource_server).transpose();
    let gateway = Config {
        issuer,
        audience: Audience::new(audience),
        upstreams: vec![NamedUpstream::only(upstream)],
        policy: edge.policy.as_deref().map(read_policy).transpose()?.unwrap_or_default(),
        data: edge.data.clone(),
        prices: edge.prices.as_deref().map(read_prices).transpose()?,
        limits: None,
        feed: server.context("--revocations-file")?.map(|server| FeedConfig::new(server, grace)),
        delivery: Delivery::default(),
        longest_stream: LONGEST_STREAM,
        streams: Streams::default(),
    };
    Ok(EdgeConfig { listen: edge.listen, admin: edge.admin, tls: None, gateway })
}

#[tokio::main(flavor = "current_thread")]
async fn run(edge: EdgeConfig, read: Read) -> anyhow::Result<()> {
    let started = Fixed::of(&edge);
    let config = edge.gateway;
    let issuer = config.issuer.clone();
    let upstreams = config.upstreams.iter().map(|upstream| upstream.upstream().to_string());
    let upstream = upstreams.collect::<Vec<_>>().join(", ");
    let is_demo = config.upstreams.iter().any(|upstream| matches!(upstream.upstream(), Upstream::Demo));
    let tls = edge.tls.map(Tls::open).transpose().context("`[tls]`")?.map(Arc::new);
    let gateway = Gateway::new(config, Arc::new(SystemClock), &SystemEntropy)?;
    let stop = stop()?;
    let mut hangup = signal(SignalKind::hangup())?;
    let threads = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    let listeners =
        Listeners::bind(edge.listen, threads).with_context(|| format!("cannot listen on {}", edge.listen))?;
    let address = listeners.local_addr()?;
    let admin = match edge.admin {
        Some(asked) => {
            Some(TcpListener::bind(asked).await.with_context(|| format!("cannot listen on {asked}"))?)
        }
        None => None,
    };
    if is_demo {
        say("keyfob-gateway: warning: answers come from the built-in demo, not from a model");
    }
    let scheme = if tls.is_some() { "https" } else { "http" };
    say(&format!("keyfob-gateway: edge on {scheme}://{address}, issuer {issuer}, upstream {upstream}"));
    let transport = Transport { tls: tls.clone(), ..Transport::default() };
    let gateway = Arc::new(gateway);
    let reloader = Reloader::new(Arc::clone(&gateway), started, read, Arc::new(SystemEntropy));
    let reload = async {
        while hangup.recv().await.is_some() {
            if let Some(tls) = &tls {
                tls.reload();
            }
            reloader.reload().await;
        }
    };
    let operated = async {
        match admin {
            Some(admin) => match keyfob_gateway::admin::serve(admin, Arc::clone(&gateway)).await {},
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        never = give_back() => match never {},
        () = server::serve(listeners, Arc::clone(&gateway), transport, stop) => Ok(()),
        () = operated => Ok(()),
        () = reload => Ok(()),
    }
}

/// Gives back to the system what is free, again and again.
///
/// The allocator only notes what was freed. It gives it back when a piece as large as this is freed some time later, which a
/// gateway that nobody asks any more never does.
async fn give_back() -> Infallible {
    loop {
        tokio::time::sleep(GIVE_BACK).await;
        drop(std::hint::black_box(Vec::<u8>::with_capacity(LARGE)));
    }
}

/// Returns what is done once somebody asks the program to stop.
fn stop() -> std::io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

fn report(error: &anyhow::Error, code: ExitCode) -> ExitCode {
    say(&format!("keyfob-gateway: error: {error:#}"));
    code
}

/// Writes a line for people; that nobody reads it is no reason to stop.
fn say(line: &str) {
    log::say(line);
}
