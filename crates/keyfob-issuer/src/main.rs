//! The program around the library: arguments, signals, words for people.

mod access_keys;
mod args;
mod audit;
mod config_check;
mod listen;
mod operation;
mod resource_servers;
mod signing_keys;
mod system;
mod terminal;
mod users;
mod workspaces;

use anyhow::Context as _;
use args::{ApiKey, Arguments, Command, Init, Serve};
use clap::Parser as _;
use keyfob_issuer::command::init::{self, InitError, NewIssuer};
use keyfob_issuer::command::staging::{self, StagingError};
use keyfob_issuer::config::{Config, DatabaseSettings};
use keyfob_issuer::{App, back_channel, router, server, sweep, webhook};
use keyfob_issuer_core::access_key::KeyKind;
use keyfob_issuer_core::user::Email;
use keyfob_issuer_sql::DatabaseUrl;
use keyfob_jose::SigningKey;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use system::{SystemClock, SystemEntropy};
use terminal::read_password;
use tokio::signal::unix::{SignalKind, signal};

/// Takes a third less for the many small pieces of a request than the C library's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a command came to; what it could not do is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It did what was asked.
    Done,
    /// It looked at what was asked, and found it wrong.
    FoundWrong,
}

/// The exit code of a command that looked and found something wrong.
const FOUND_WRONG: u8 = 3;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_log();
    #[cfg(feature = "failpoints")]
    system::signal_as_asked();
    match run(arguments.command) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::FoundWrong) => ExitCode::from(FOUND_WRONG),
        Err(error) => {
            say(&format!("keyfob-issuer: error: {error:#}"));
            if let Some(hint) = hint(&error) {
                say(&format!("hint: {hint}"));
            }
            ExitCode::FAILURE
        }
    }
}

/// How long work beside the runtime may go on at the end: what waits for the database there undoes nothing by being cut.
const LAST_MOMENT: Duration = Duration::from_secs(2);

fn run(command: Command) -> anyhow::Result<Outcome> {
    let runtime = tokio::runtime::Runtime::new()?;
    let outcome = runtime.block_on(run_command(command));
    runtime.shutdown_timeout(LAST_MOMENT);
    outcome
}

async fn run_command(command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Doctor(arguments) => return operation::look_after(arguments).await,
        Command::Backup(arguments) => operation::back_up(arguments).await,
        Command::Restore(arguments) => operation::put_back(arguments).await,
        Command::Recover(arguments) => operation::recover(arguments).await,
        Command::Migrate(arguments) => operation::bring_up_to_date(arguments).await,
        Command::Config(command) => return config_check::run(&command),
        Command::Audit(command) => return audit::run(command).await,
        Command::Init(arguments) => make(arguments).await,
        Command::Serve(arguments) => Box::pin(serve(arguments)).await,
        Command::User(command) => users::run(command).await,
        Command::Workspace(command) => workspaces::run(command).await,
        Command::Token(command) => access_keys::run(KeyKind::Personal, command).await,
        Command::Key(ApiKey::Key(command)) => access_keys::run(KeyKind::Api, command).await,
        Command::Key(ApiKey::Rotate(arguments)) => signing_keys::rotate(arguments).await,
        Command::SigningKey(command) => signing_keys::run(command).await,
        Command::ResourceServer(command) => resource_servers::run(command).await,
    }?;
    Ok(Outcome::Done)
}

async fn make(arguments: Init) -> anyhow::Result<()> {
    let config = Config::new(&arguments.url, arguments.audience).context("--url")?;
    let url = arguments.database.as_deref().map_or(Ok(DatabaseUrl::default()), DatabaseUrl::parse);
    let database = DatabaseSettings {
        url: url.context("--database")?,
        password_file: arguments.database_password_file.map(std::path::absolute).transpose()?,
        ..DatabaseSettings::default()
    };
    let config = Config { database, ..config };
    staging::check(&arguments.data, &config)?;
    let owner = Email::parse(&arguments.owner).with_context(|| format!("--owner {}", arguments.owner))?;
    let signing_key = match &arguments.signing_key {
        None => SigningKey::generate()?,
        Some(path) => {
            let shown = path.display();
            let pem = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
            SigningKey::from_pem(&pem).with_context(|| format!("--signing-key {shown}"))?
        }
    };
    let password = read_password(&owner)?;
    let made = format!("made an issuer for {} in {}", config.url, arguments.data.display());
    let new = NewIssuer { config, owner, password, signing_key };
    init::init(&arguments.data, new, &SystemClock, &SystemEntropy).await?;
    say(&format!("keyfob-issuer: {made}"));
    Ok(())
}

async fn serve(arguments: Serve) -> anyhow::Result<()> {
    let config = Config::load(&arguments.data)?;
    let app = App::open(&arguments.data, Arc::new(SystemClock), Arc::new(SystemEntropy)).await?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let listeners = listen::listen(&config, arguments.listen).await?;
    let operations = listen::bind_some(config.operations).await?;
    let administration = listen::bind_some(config.administration).await?;
    let addresses = listeners.iter().map(|listener| listener.local_addr().map(|address| address.to_string()));
    let addresses = addresses.collect::<Result<Vec<_>, _>>()?.join(" and ");
    say(&format!("keyfob-issuer: serving {} on {addresses}", config.url));
    let stop = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    let app = Arc::new(app);
    let limits = app.limits();
    let apart = async {
        let router = keyfob_issuer::operations_router(Arc::clone(&app));
        server::serve(operations, &limits, router, std::future::pending()).await;
    };
    let administering = async {
        let router = keyfob_issuer::administration_router(Arc::clone(&app));
        server::serve(administration, &limits, router, std::future::pending()).await;
    };
    tokio::select! {
        () = server::serve(listeners, &limits, router(Arc::clone(&app)), stop) => {}
        () = apart => {}
        () = administering => {}
        never = sweep::forever(&app) => match never {},
        never = sweep::keep_keys_fresh(&app) => match never {},
        never = sweep::keep_telling(&app) => match never {},
        never = webhook::deliver_forever(&app) => match never {},
        never = back_channel::tell_forever(&app) => match never {},
    }
    sweep::tell_misuses(&app).await;
    Ok(())
}

/// Returns what to do about an error, where we know it.
fn hint(error: &anyhow::Error) -> Option<&'static str> {
    let staging = match error.downcast_ref() {
        Some(InitError::Staging(staging)) => staging,
        Some(_) => return None,
        None => error.downcast_ref()?,
    };
    match staging {
        StagingError::Exists(_) => Some("start it with `keyfob-issuer serve`, or choose another directory"),
        StagingError::Unfinished { .. } => Some(
            "restore `issuer.toml` if this issuer was in use; else remove `seal.key` and empty the database",
        ),
        StagingError::Directory { .. } | StagingError::File(_) => None,
    }
}

fn start_log() {
    let filter = tracing_subscriber::EnvFilter::new(system::log_filter().as_deref().unwrap_or("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

/// Writes a line for people; that nobody reads it is no reason to stop.
fn say(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}
