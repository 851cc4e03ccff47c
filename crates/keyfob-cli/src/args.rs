//! The command line: names and help, no logic.

use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;

/// Sign-in for coding agents.
#[derive(Debug, Parser)]
#[command(name = "keyfob", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sign in with a browser.
    #[command(args_conflicts_with_subcommands = true)]
    Login(Login),
    /// Sign out: end the session at its issuer and remove it from this machine.
    Logout,
    /// Show what you are signed in to.
    Status(Status),
    /// Print a usable access token, refreshed if need be.
    Token,
    /// List the named points at which a test build can be killed.
    #[cfg(feature = "failpoints")]
    #[command(hide = true)]
    Failpoints,
    /// `keyfob NAME …` runs `keyfob-NAME` found beside this program.
    #[command(external_subcommand)]
    Beside(Vec<OsString>),
}

#[derive(Debug, Args)]
pub(crate) struct Login {
    #[command(subcommand)]
    pub(crate) action: Option<LoginAction>,
    /// The issuer to sign in at; kept with the login.
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// Do not open a browser; only print the address.
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// Take the place of whatever is stored, also of a login of another issuer or kind.
    #[arg(long)]
    pub(crate) replace: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LoginAction {
    /// Say in one line whether somebody is signed in, as the Codex CLI does.
    Status,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Print JSON for programs.
    #[arg(long)]
    pub(crate) json: bool,
}
