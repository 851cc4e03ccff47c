//! The command line of `keyfob sandbox`.

use clap::{Args, Subcommand};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    /// Write into a folder what lets Codex and other programs start in a sandbox, and opens nothing but your own gateway.
    Init(SandboxInit),
}

#[derive(Debug, Args)]
pub(crate) struct SandboxInit {
    /// The folder that the sandbox is given; it is made if need be.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Where `keyfob-gateway local` listens; the sandbox has to reach it there too.
    #[arg(long, value_name = "127.0.0.1:PORT", default_value = "127.0.0.1:8790")]
    pub(crate) gateway: SocketAddr,
    /// What the sandbox is called among the tools of the gateway [default: as its folder].
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// How many requests it may make in a minute, at most.
    #[arg(long, value_name = "REQUESTS")]
    pub(crate) quota: Option<NonZeroU32>,
    /// The model that Codex asks there [default: its own].
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// Write into a folder that holds something else already.
    #[arg(long)]
    pub(crate) replace: bool,
    /// Change nothing; print what would be written.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print JSON for programs.
    #[arg(long)]
    pub(crate) json: bool,
}
