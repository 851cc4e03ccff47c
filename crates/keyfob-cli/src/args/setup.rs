//! The command line of `keyfob setup`.

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum SetupCommand {
    /// Let the Codex CLI reach the models of a gateway with your sign-in.
    Codex(SetupCodex),
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct SetupCodex {
    /// The gateway; an address without a path is that of `/v1`.
    #[arg(long, value_name = "URL", required_unless_present = "undo")]
    pub(crate) gateway: Option<String>,
    /// The issuer whose tokens open it [default: the one that the gateway names].
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// What tokens must be meant for [default: what the gateway names, if that is an address of its own].
    #[arg(long, value_name = "URL")]
    pub(crate) resource: Option<String>,
    /// The name of the provider in the configuration [default: keyfob].
    #[arg(long, value_name = "ID")]
    pub(crate) name: Option<String>,
    /// Use the login of this name, whatever else is chosen or set.
    #[arg(long, value_name = "NAME", conflicts_with = "native")]
    pub(crate) login: Option<String>,
    /// Let the Codex CLI sign in by itself, for a machine without `keyfob`.
    #[arg(long)]
    pub(crate) native: bool,
    /// Where it keeps that sign-in.
    #[arg(long, value_enum, value_name = "STORE", requires = "native")]
    pub(crate) store: Option<NativeStore>,
    /// The client that it is at the issuer [default: codex-gateway].
    #[arg(long, value_name = "ID", requires = "native")]
    pub(crate) client_id: Option<String>,
    /// Use this provider where nothing else is named.
    #[arg(long)]
    pub(crate) default: bool,
    /// And this model.
    #[arg(long, value_name = "MODEL", requires = "default")]
    pub(crate) model: Option<String>,
    /// Take the place of a provider of that name that something else wrote.
    #[arg(long)]
    pub(crate) replace: bool,
    /// Put back what was there before; with `--name`, for that provider alone.
    #[arg(long, conflicts_with_all = [
        "gateway", "issuer", "resource", "login", "native", "store", "client_id", "default", "model", "replace",
    ])]
    pub(crate) undo: bool,
    /// Change nothing; print the lines that would be written.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print JSON for programs.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where the Codex CLI keeps a sign-in of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum NativeStore {
    /// In `$CODEX_HOME/secrets`, readable by you alone.
    #[default]
    File,
    /// In the system's keyring, without which it cannot sign in.
    Keyring,
}
