//! The command line of `keyfob handoff`.

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct Handoff {
    #[command(subcommand)]
    pub(crate) action: Option<HandoffAction>,
    /// The machine, as `ssh` knows it.
    #[arg(value_name = "USER@HOST", conflicts_with_all = ["docker", "kube", "text"])]
    pub(crate) host: Option<String>,
    /// A running container.
    #[arg(long, value_name = "CONTAINER", conflicts_with_all = ["kube", "text"])]
    pub(crate) docker: Option<String>,
    /// A running pod.
    #[arg(long, value_name = "POD", conflicts_with = "text")]
    pub(crate) kube: Option<String>,
    /// The namespace of the pod.
    #[arg(long, value_name = "NAMESPACE", requires = "kube")]
    pub(crate) namespace: Option<String>,
    /// The container of the pod.
    #[arg(long, value_name = "CONTAINER", requires = "kube")]
    pub(crate) container: Option<String>,
    /// Print an encrypted text to copy and paste, and apart from it the passphrase that opens it.
    #[arg(long, conflicts_with = "copy")]
    pub(crate) text: bool,
    /// Copy the login itself, as the documentation of the Codex CLI describes; needs no `keyfob` over there.
    #[arg(long, conflicts_with = "name")]
    pub(crate) copy: bool,
    /// Hand over the login of this name.
    #[arg(long, value_name = "NAME")]
    pub(crate) login: Option<String>,
    /// Keep it under this name over there, beside the login that is shared with the Codex CLI.
    #[arg(long = "as", value_name = "NAME", conflicts_with = "text")]
    pub(crate) name: Option<String>,
    /// Take the place of whatever is stored over there.
    #[arg(long, conflicts_with = "text")]
    pub(crate) replace: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HandoffAction {
    /// Take over what is on standard input: what another machine sends, or a text that was copied there.
    Receive(Receive),
}

#[derive(Debug, Args)]
pub(crate) struct Receive {
    /// Take a login of this issuer and no other.
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// Keep it under this name, beside the login that is shared with the Codex CLI.
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Take the place of whatever is stored, also of a login of another issuer or kind.
    #[arg(long)]
    pub(crate) replace: bool,
    /// Print JSON for programs.
    #[arg(long)]
    pub(crate) json: bool,
}
