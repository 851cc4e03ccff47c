//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use keyfob_usage::By;
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
    #[cfg(feature = "local")]
    Local(crate::local_command::Local),
    #[command(subcommand)]
    Policy(PolicyCommand),
    Explain(Explain),
    Usage(UsageArguments),
}

/// Looks at what a policy allows and refuses.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    Test(PolicyTest),
    Diff(PolicyDiff),
}

/// Puts cases to a policy; exits with 1 if one is not decided as it says.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub(crate) struct PolicyTest {
    /// What should be decided.
    #[arg(value_name = "CASES.toml")]
    pub(crate) cases: PathBuf,
    /// The gateway's configuration, with its policy and its upstreams.
    #[arg(long, value_name = "FILE", group = "what")]
    pub(crate) config: Option<PathBuf>,
    /// A policy alone: upstreams and what they promise are not looked at.
    #[arg(long, value_name = "FILE", group = "what")]
    pub(crate) policy: Option<PathBuf>,
}

/// Tells whom another policy would newly refuse or allow, by what was decided before; exits with 1 if anybody.
#[derive(Debug, Args)]
pub(crate) struct PolicyDiff {
    /// The other policy.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: PathBuf,
    /// The gateway's data folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// How many days to look back.
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    pub(crate) since: u32,
}

/// Tells what was used and what it cost.
#[derive(Debug, Args)]
pub(crate) struct UsageArguments {
    /// The gateway's data folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// By what it is added up.
    #[arg(long, value_enum, default_value_t = UsageBy::Caller)]
    pub(crate) by: UsageBy,
    /// How many days to look back [default: to the beginning].
    #[arg(long, value_name = "DAYS")]
    pub(crate) since: Option<u32>,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) output: Format,
}

/// By what use is added up.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum UsageBy {
    Caller,
    Workspace,
    Model,
    Day,
}

impl From<UsageBy> for By {
    fn from(by: UsageBy) -> Self {
        match by {
            UsageBy::Caller => Self::Caller,
            UsageBy::Workspace => Self::Workspace,
            UsageBy::Model => Self::Model,
            UsageBy::Day => Self::Day,
        }
    }
}

/// How a report is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
    Csv,
}

/// Tells why a request was answered as it was.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// What the answer carried as `x-request-id`.
    #[arg(value_name = "REQUEST_ID")]
    pub(crate) request_id: String,
    /// The gateway's data folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
}

/// Lets in who signed in at an issuer, and forwards their requests.
///
/// What it serves is in a file (`--config`), or for one upstream on the command line. SIGHUP lets it read that again; no stream
/// is dropped.
#[derive(Clone, Debug, Args)]
pub(crate) struct Edge {
    /// The file that says everything (docs/gateway.md).
    #[arg(long, value_name = "FILE", exclusive = true)]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) one: Option<OneUpstream>,
}

/// A gateway before one upstream, without a file.
#[derive(Clone, Debug, Args)]
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
    /// What callers may do [default: everything that their credentials open].
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// The folder in which decisions are kept, and what is used; it must be there.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// What models cost (docs/usage.md).
    #[arg(long, value_name = "FILE", requires = "data")]
    pub(crate) prices: Option<PathBuf>,
}
