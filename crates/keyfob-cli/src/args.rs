//! The command line: names and help, no logic.

mod config;
mod handoff;
mod provider;
mod sandbox;
mod setup;
mod usage;

pub(crate) use config::{Config, ConfigAction, SchemaFile};
pub(crate) use handoff::{Handoff, HandoffAction, Receive};
pub(crate) use provider::Exec;
pub(crate) use sandbox::{SandboxCommand, SandboxInit};
pub(crate) use setup::{NativeStore, SetupCodex, SetupCommand};
pub(crate) use usage::{Format, Usage};

use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

/// Sign-in for coding agents.
#[derive(Debug, Parser)]
#[command(name = "keyfob", version)]
pub(crate) struct Arguments {
    /// Set a key of the configuration for this command alone, as in the Codex CLI.
    #[arg(short = 'c', long = "config", value_name = "KEY=VALUE", global = true, value_parser = key_and_value)]
    pub(crate) overrides: Vec<String>,
    /// Without one, whoever is not signed in signs in.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sign in.
    #[command(args_conflicts_with_subcommands = true)]
    Login(Login),
    /// Sign out: end the session at its issuer and remove it from this machine.
    Logout(Logout),
    /// Sign in another machine, which gets a session of its own.
    #[command(args_conflicts_with_subcommands = true)]
    Handoff(Handoff),
    /// See and end your sessions at the issuer.
    #[command(subcommand)]
    Session(SessionCommand),
    /// Show what you are signed in to.
    Status(Status),
    /// Print a usable access token, refreshed if need be.
    Token(Token),
    /// Print an access token for a job or pod that has no login; nothing is stored.
    Workload(Workload),
    /// Say which credential is used, why, and who pays.
    Why(Why),
    /// Tell what you used at the gateway of a provider of models, and what it cost.
    Usage(Usage),
    /// Run a command with what a provider of models needs in its environment, and with no other credential.
    Exec(Exec),
    /// Wait for a process to end, then end the session that is on standard input.
    #[command(name = crate::commands::END_SESSION, hide = true)]
    EndSession {
        /// In the background, once it waits.
        #[arg(long)]
        stay: bool,
    },
    /// Keep several logins side by side, and say which is used where.
    Logins {
        #[command(subcommand)]
        action: LoginsAction,
    },
    /// Show, check and change what is configured.
    Config(Config),
    /// Let another program use your sign-in.
    #[command(subcommand)]
    Setup(SetupCommand),
    /// Let programs in a sandbox use your sign-in without having it.
    #[command(subcommand)]
    Sandbox(SandboxCommand),
    /// Look for what could keep a sign-in from working.
    Doctor(Doctor),
    /// Remove everything that Keyfob keeps on this machine, except the login that it shares with the Codex CLI.
    Purge(Purge),
    /// Open the page whose address is on standard input.
    #[command(name = crate::browser::COMMAND, hide = true)]
    OpenPage {
        /// With this program.
        #[arg(long)]
        browser: Option<String>,
    },
    /// List the named points at which a test build can be killed.
    #[cfg(feature = "failpoints")]
    #[command(hide = true)]
    Failpoints,
    /// `keyfob NAME …` runs `keyfob-NAME` found beside this program.
    #[command(external_subcommand)]
    Beside(Vec<OsString>),
}

#[derive(Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Login {
    #[command(subcommand)]
    pub(crate) action: Option<LoginAction>,
    /// The issuer to sign in at; kept with the login.
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// Keep it under this name, beside the login that is shared with the Codex CLI.
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Do not open a browser; only print the address.
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// Open the address with this program; `%s` among its arguments stands for the address.
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["no_browser", "device_auth"])]
    pub(crate) browser: Option<String>,
    /// Sign in with a code that is typed into a browser on any machine.
    #[arg(long)]
    pub(crate) device_auth: bool,
    /// Keep the API key that is on standard input, for use with the Codex CLI.
    #[arg(long, conflicts_with_all = ["device_auth", "issuer", "workspace", "no_browser", "browser"])]
    pub(crate) with_api_key: bool,
    /// Keep the key for this provider of models, and for no other.
    #[arg(long, value_name = "ID", requires = "with_api_key", conflicts_with_all = ["name", "replace", "with_access_token"])]
    pub(crate) provider: Option<String>,
    /// Keep the personal access token that is on standard input; its issuer is asked whose it is.
    #[arg(long, conflicts_with_all = ["device_auth", "no_browser", "browser"])]
    pub(crate) with_access_token: bool,
    /// Was taken from the command line once, which every user of a machine can read.
    #[arg(long, hide = true, num_args = 0..=1, value_name = "KEY", default_missing_value = "", value_parser = forget)]
    pub(crate) api_key: Option<Forgotten>,
    /// Sign in another machine that `ssh` reaches, with the browser here.
    #[arg(long, value_name = "ssh:USER@HOST", conflicts_with_all = ["device_auth", "with_api_key", "with_access_token"])]
    pub(crate) over: Option<String>,
    /// Where the machine with the browser carries the callback to.
    #[arg(long, hide = true, value_name = "PATH", requires = "callback_port", conflicts_with_all = ["over", "device_auth"])]
    pub(crate) callback_socket: Option<PathBuf>,
    /// Where the browser comes back on that machine.
    #[arg(long, hide = true, value_name = "PORT", requires = "callback_socket")]
    pub(crate) callback_port: Option<u16>,
    /// Sign in to this workspace and no other.
    #[arg(long, value_name = "ID")]
    pub(crate) workspace: Option<String>,
    /// Ask for the cloud capabilities too, which may need a second factor.
    #[arg(long, conflicts_with_all = ["with_api_key", "with_access_token"])]
    pub(crate) cloud: bool,
    /// Print JSON for programs, a line for what the person is asked to do and one for the result.
    #[arg(long)]
    pub(crate) json: bool,
    /// Take the place of whatever is stored, also of a login of another issuer or kind.
    #[arg(long)]
    pub(crate) replace: bool,
    /// Draw nothing: ask and answer in lines that stay as they are.
    #[arg(long)]
    pub(crate) plain: bool,
}

fn key_and_value(text: &str) -> Result<String, &'static str> {
    match text.split_once('=') {
        Some((key, _)) if !key.trim().is_empty() => Ok(text.to_owned()),
        Some(_) | None => Err("it has the form KEY=VALUE"),
    }
}

/// A secret that stood where none belongs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forgotten;

#[expect(clippy::unnecessary_wraps, reason = "the form of a parser")]
fn forget(_secret: &str) -> Result<Forgotten, std::convert::Infallible> {
    Ok(Forgotten)
}

#[derive(Debug, Subcommand)]
pub(crate) enum LoginAction {
    /// Say in one line whether somebody is signed in, as the Codex CLI does.
    Status,
}

#[derive(Debug, Args)]
pub(crate) struct Logout {
    /// Remove the key that is kept for this provider of models; nothing else is signed out.
    #[arg(long, value_name = "ID", conflicts_with_all = ["login", "all"])]
    pub(crate) provider: Option<String>,
    /// Sign out the login of this name.
    #[arg(long, value_name = "NAME")]
    pub(crate) login: Option<String>,
    /// End every session of yours at the issuer, on every machine.
    #[arg(long)]
    pub(crate) all: bool,
    /// Remove whatever is stored, also a login of another issuer or kind.
    #[arg(long)]
    pub(crate) replace: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// List your sessions, the newest first.
    List {
        /// Print JSON for programs.
        #[arg(long)]
        json: bool,
    },
    /// Give one session a name, or none any more.
    Rename {
        /// Its name in the list.
        #[arg(value_name = "ID")]
        id: String,
        /// What to call it; nothing takes its name away.
        #[arg(value_name = "NAME", default_value = "")]
        name: String,
    },
    /// End one session, on whatever machine it is.
    Revoke {
        /// Its name in the list.
        #[arg(value_name = "ID")]
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum LoginsAction {
    /// Show every login, and which one a command here uses.
    List {
        /// Print JSON for programs.
        #[arg(long)]
        json: bool,
    },
    /// Use a login where nothing else is chosen, or in one folder.
    Use {
        /// The login; `shared` is the one that the Codex CLI uses too.
        name: String,
        /// In this folder and below it only.
        #[arg(long)]
        here: bool,
    },
    /// End the session of a login at its issuer and remove it from this machine.
    Remove {
        /// The login.
        name: String,
    },
}

#[derive(Debug, Default, Args)]
pub(crate) struct Status {
    /// Use the login of this name, whatever else is chosen or set.
    #[arg(long, value_name = "NAME")]
    pub(crate) login: Option<String>,
    /// Print JSON for programs.
    #[arg(long)]
    pub(crate) json: bool,
    /// Ask the issuer whether the session is alive, by refreshing it.
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, Default, Args)]
pub(crate) struct Token {
    /// Use the login of this name, whatever else is chosen or set.
    #[arg(long, value_name = "NAME")]
    pub(crate) login: Option<String>,
    /// Print JSON for programs.
    #[arg(long)]
    pub(crate) json: bool,
    /// Print a token of this issuer, or none.
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// Refresh unless the token is valid for at least this long.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) min_ttl: Option<u64>,
    /// Print the token even to a terminal.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Workload {
    /// The issuer whose rules let this job or pod in.
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// Where the platform put the ID token; else `KEYFOB_ID_TOKEN` is read, or GitHub Actions is asked.
    #[arg(long, value_name = "FILE")]
    pub(crate) id_token_file: Option<PathBuf>,
    /// Print JSON for programs, with the end of the token.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Why {
    /// For this provider of models, in place of the one that is configured.
    #[arg(long, value_name = "ID")]
    pub(crate) provider: Option<String>,
    /// Use the login of this name, whatever else is chosen or set.
    #[arg(long, value_name = "NAME")]
    pub(crate) login: Option<String>,
    /// Print JSON for programs.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Print JSON for programs.
    #[arg(long)]
    pub(crate) json: bool,
    /// Also write a report without secrets to a new file, to send to somebody who helps.
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Purge {
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Sign out first: the stored login goes too.
    #[arg(long)]
    pub(crate) login: bool,
}
