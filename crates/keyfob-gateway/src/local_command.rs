//! `keyfob-gateway local`: its arguments, what it reads of the environment, and the keys of tools.

use crate::system::{SystemClock, SystemEntropy, variable, variable_names};
use crate::{USAGE, report, say, stop};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use keyfob_client::provider::variable::{is_secret, steers_credentials};
use keyfob_client::tool_keys::{NewTool, ToolKeys, ToolName};
use keyfob_client::whereabouts::CERTIFICATES;
use keyfob_client::{CertificateFile, Whereabouts};
use keyfob_gateway::local::{Listener, LocalGateway, Person, SocketPlace, StartError, loopback, serve};
use keyfob_oauth::Clock as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::{TcpListener, UnixListener};

/// Serves tools of this machine with your login, which they never see.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Local {
    #[command(subcommand)]
    action: Option<Action>,
    /// Listen on this port of loopback; port 0 picks a free one. Callers need the key of a tool.
    #[arg(long, value_name = "127.0.0.1:PORT")]
    listen: Option<SocketAddr>,
    /// Listen at this Unix socket; programs of yours need no key [default without `--listen`:
    /// `$XDG_RUNTIME_DIR/keyfob-gateway/local.sock`].
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Serve this provider of models, in place of the one that is configured.
    #[arg(long, value_name = "ID")]
    provider: Option<String>,
    /// Use the login of this name, whatever else is chosen or set.
    #[arg(long, value_name = "NAME")]
    login: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make, list and revoke the keys of tools.
    Key {
        #[command(subcommand)]
        action: KeyAction,
    },
}

#[derive(Debug, Subcommand)]
enum KeyAction {
    /// Make a key and print it, this once.
    Create {
        /// What the tool is called.
        name: String,
        /// How many requests it opens in a minute, at most.
        #[arg(long, value_name = "REQUESTS")]
        quota: Option<NonZeroU32>,
    },
    /// Show whose keys there are.
    List,
    /// End a key, with what runs under it.
    Revoke {
        /// What the tool is called.
        name: String,
    },
}

/// How a command ends that does not succeed.
enum Failed {
    /// What was asked for makes no sense.
    Usage(anyhow::Error),
    /// It did not work.
    Other(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

/// Runs it to its end.
pub(crate) fn run(local: Local) -> ExitCode {
    let result = match local.action {
        Some(Action::Key { action }) => key(action),
        None => listen(local),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed::Usage(error)) => report(&error, ExitCode::from(USAGE)),
        Err(Failed::Other(error)) => report(&error, ExitCode::FAILURE),
    }
}

fn key(action: KeyAction) -> Result<(), Failed> {
    let home = whereabouts().home()?;
    let keys = ToolKeys::of(&home);
    let parse = |name: &str| ToolName::parse(name).map_err(|error| Failed::Usage(error.into()));
    match action {
        KeyAction::Create { name, quota } => {
            let tool = NewTool { name: parse(&name)?, quota, sandbox: None };
            home.make()?;
            let key = keys.create(&tool, SystemClock.now(), &SystemEntropy)?;
            data(key.expose())?;
            say(&format!(
                "The key of `{name}`, which is not shown again; `keyfob-gateway local key revoke {name}` ends it"
            ));
        }
        KeyAction::List => {
            for record in keys.list()? {
                let quota = record.quota.map_or_else(|| "-".to_owned(), |quota| format!("{quota}/min"));
                data(&format!("{}\t{quota}", record.name))?;
            }
        }
        KeyAction::Revoke { name } => {
            let name = parse(&name)?;
            keys.revoke(&name)?;
            say(&format!("Revoked the key of `{name}`"));
        }
    }
    Ok(())
}

fn listen(local: Local) -> Result<(), Failed> {
    let usage = |error: anyhow::Error| Failed::Usage(error);
    let address = local.listen.map(loopback).transpose().context("--listen").map_err(usage)?;
    let runtime_folder = variable("XDG_RUNTIME_DIR").map(PathBuf::from);
    let socket = match (local.socket, address) {
        (Some(path), _) => Some(SocketPlace::at(path).context("--socket").map_err(usage)?),
        (None, None) => Some(SocketPlace::usual(runtime_folder.as_deref()).map_err(|e| usage(e.into()))?),
        (None, Some(_)) => None,
    };
    let person = Person {
        whereabouts: whereabouts(),
        provider: local.provider,
        login: local.login,
        login_variable: variable("KEYFOB_LOGIN"),
        folder: std::env::current_dir().ok(),
        variable: Box::new(variable),
        without: variable_names()
            .into_iter()
            .filter(|name| is_secret(name) && steers_credentials(name))
            .collect(),
    };
    let made = LocalGateway::new(person, Arc::new(SystemClock), Arc::new(SystemEntropy));
    let gateway = made.map_err(|error| match error {
        StartError::Unusable(_) => usage(error.into()),
        StartError::HttpClient(_) | StartError::Entropy(_) => error.into(),
    })?;
    let bound = socket.as_ref().map(SocketPlace::bind).transpose()?;
    let ended = serve_all(address, socket.as_ref(), bound, gateway);
    if let Some(socket) = &socket {
        socket.leave();
    }
    Ok(ended?)
}

#[tokio::main]
async fn serve_all(
    address: Option<SocketAddr>,
    socket: Option<&SocketPlace>,
    bound: Option<std::os::unix::net::UnixListener>,
    gateway: LocalGateway,
) -> anyhow::Result<()> {
    let stop = stop()?;
    let (mut listeners, mut places) = (Vec::new(), Vec::new());
    if let Some(address) = address {
        let listener =
            TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
        places.push(format!("http://{}", listener.local_addr()?));
        listeners.push(Listener::Tcp(listener));
    }
    if let Some((socket, bound)) = socket.zip(bound) {
        places.push(format!("unix:{}", socket.path().display()));
        listeners.push(Listener::Unix(UnixListener::from_std(bound)?));
    }
    let (provider, upstream) = gateway.serves();
    let places = places.join(" and ");
    say(&format!("keyfob-gateway: local on {places}, provider {provider}, upstream {upstream}"));
    serve(listeners, Arc::new(gateway), stop).await;
    Ok(())
}

/// What the environment says of where things are.
fn whereabouts() -> Whereabouts {
    let path = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    Whereabouts {
        codex_home: path("CODEX_HOME"),
        home: path("HOME"),
        session_bus: variable("DBUS_SESSION_BUS_ADDRESS").and_then(|address| address.into_string().ok()),
        runtime_folder: path("XDG_RUNTIME_DIR"),
        certificates: CERTIFICATES
            .into_iter()
            .find_map(|variable| path(variable).map(|path| CertificateFile { variable, path })),
        overrides: Vec::new(),
    }
}

/// Writes a line that another program may read.
fn data(line: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{line}")
}
