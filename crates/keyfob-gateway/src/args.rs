//! The command line.

use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Puts a real sign-in in front of a model server.
#[derive(Debug, Parser)]
#[command(name = "keyfob-gateway", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Edge(Edge),
}

/// Lets in who signed in at an issuer, and forwards their requests.
///
/// What it serves is in a file (`--config`), or for one upstream on the command line.
#[derive(Debug, Args)]
pub(crate) struct Edge {
    /// The file that says everything (docs/gateway.md).
    #[arg(long, value_name = "FILE", exclusive = true)]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) one: Option<OneUpstream>,
}

/// A gateway before one upstream, without a file.
#[derive(Debug, Args)]
pub(crate) struct OneUpstream {
    /// Address and port to listen on; port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: SocketAddr,
    /// Address and port for whoever runs the gateway: `/live`, `/ready` and `/metrics`.
    #[arg(long, value_name = "ADDRESS:PORT", requires = "listen")]
    pub(crate) admin: Option<SocketAddr>,
    /// The issuer whose access tokens are accepted.
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: String,
    /// What tokens must be meant for [default: the issuer's URL].
    #[arg(long, value_name = "URL")]
    pub(crate) audience: Option<String>,
    /// Where requests go: an OpenAI-compatible server, or `demo` for the built-in one.
    #[arg(long, value_name = "URL|demo")]
    pub(crate) upstream: String,
    /// A file with the upstream's key, sent as a bearer token.
    #[arg(long, value_name = "FILE")]
    pub(crate) upstream_key_file: Option<PathBuf>,
    /// A file with NAME:SECRET of this gateway at the issuer (`keyfob-issuer resource-server add`): what has ended there
    /// is refused here at once.
    #[arg(long, value_name = "FILE")]
    pub(crate) revocations_file: Option<PathBuf>,
    /// For how many seconds tokens are accepted while the issuer does not tell what has ended, at most a day.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u32).range(0..=86_400), requires = "revocations_file")]
    pub(crate) revocations_grace: u32,
}
