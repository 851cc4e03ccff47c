//! One file a command.

mod acting;
mod beside;
mod ci;
mod config;
mod doctor;
mod exec;
mod exposed;
#[cfg(feature = "failpoints")]
mod failpoints;
mod handoff;
mod login;
mod logins;
mod logout;
mod provided;
mod purge;
mod sandbox;
mod session;
mod setup;
mod status;
mod times;
mod token;
mod usage;
mod used;
mod variables;
mod why;
mod workload;

pub(crate) use acting::Acting;
pub(crate) use config::ChangeFailure;
pub(crate) use exec::END_SESSION;
pub(crate) use login::Notes;
pub(crate) use setup::{InvalidProviderId, InvalidRecord, ProviderId};
pub(crate) use used::Used;

use crate::args::{Arguments, Command, HandoffAction, Login, LoginAction};
use crate::browser;
use crate::environment::Environment;
use crate::error::{CommandError, Failure, ProviderFailure};
use crate::exit::Exit;
use clap::CommandFactory as _;
use keyfob_client::why::Decision;

/// Without a command: whoever is not signed in signs in, where there is a terminal, and others see the help (design S5).
pub(crate) fn start(environment: &Environment) -> Result<Exit, CommandError> {
    let acting = Acting::chosen(None, environment)?;
    // Whether anybody has to sign in follows from the provider of models alone (users' P42).
    let provider = acting.settings.provider(None).map_err(ProviderFailure::from)?;
    match Used::find(&acting).places.decide() {
        Decision::Nothing if provider.login.is_none() => Ok(help()),
        Decision::Nothing if login::can_ask() => login::run(&Login::default(), &acting, environment),
        Decision::Nothing => Err(acting.signed_out()),
        Decision::Uses(_) | Decision::Refuses(..) => Ok(help()),
    }
}

fn help() -> Exit {
    crate::output::say(Arguments::command().render_help().to_string().trim_end());
    Exit::Usage
}

/// Does `work`; at a terminal, whoever is not signed in signs in before (design S5).
fn signed_in(
    acting: &Acting,
    environment: &Environment,
    work: impl Fn() -> Result<Exit, CommandError>,
) -> Result<Exit, CommandError> {
    match work() {
        // A login that was named and is not there may be a slip of the pen.
        Err(error) if error.exit == Exit::SignedOut && acting.by().is_none() && login::can_ask() => {
            login::run(&Login::default(), acting, environment)?;
            work()
        }
        result => result,
    }
}

/// Runs one command to its end, in the exit codes that its callers know.
pub(crate) fn run(command: Command, environment: &Environment) -> Result<Exit, CommandError> {
    let codes = Codes::of(&command);
    dispatch(command, environment).map_err(|error| match (codes, error.exit) {
        (Codes::OfCodex, _) => error.in_the_codes_of_codex(),
        // That a store could not be emptied is told apart (design §6).
        (Codes::OfLogout, Exit::PolicyDenied) => CommandError { exit: Exit::Failure, ..error },
        (Codes::OfLogout | Codes::Ours, _) => error,
    })
}

/// Whose exit codes a command has.
#[derive(Clone, Copy)]
enum Codes {
    Ours,
    /// 0, 1 and 2, as scripts for the Codex CLI expect them.
    OfCodex,
    OfLogout,
}

impl Codes {
    fn of(command: &Command) -> Self {
        match command {
            Command::Login(login) if !login.json => Self::OfCodex,
            Command::Logout(_) => Self::OfLogout,
            _ => Self::Ours,
        }
    }
}

fn dispatch(command: Command, environment: &Environment) -> Result<Exit, CommandError> {
    #[cfg(feature = "failpoints")]
    failpoints::arm(environment)?;
    let mut opened = None;
    let mut acting = |flag: Option<&str>| {
        let acting = Acting::chosen(flag, environment)?;
        opened = Some(acting.session.store().clone());
        Ok::<_, CommandError>(acting)
    };
    let exit = match command {
        Command::Login(login) => match login.action {
            Some(LoginAction::Status) => login::status(&acting(None)?),
            None => login::run(&login, &acting(login.name.as_deref())?, environment),
        },
        Command::Logout(arguments) => logout::run(&arguments, &acting(arguments.login.as_deref())?),
        Command::Handoff(arguments) => match &arguments.action {
            Some(HandoffAction::Receive(arguments)) => {
                handoff::receive(arguments, &acting(arguments.name.as_deref())?)
            }
            None => handoff::run(&arguments, &acting(arguments.login.as_deref())?),
        },
        Command::Session(command) => {
            let acting = acting(None)?;
            ci::guard(&acting.settings)?;
            signed_in(&acting, environment, || session::run(&command, &acting.session))
        }
        Command::Status(arguments) => status::run(&arguments, &acting(arguments.login.as_deref())?),
        Command::Token(arguments) => {
            let acting = acting(arguments.login.as_deref())?;
            signed_in(&acting, environment, || token::run(&arguments, &acting))
        }
        Command::Workload(arguments) => workload::run(&arguments, environment),
        Command::Why(arguments) => why::run(&arguments, &acting(arguments.login.as_deref())?),
        Command::Usage(arguments) => {
            usage::run(&arguments, &acting(arguments.login.as_deref())?, environment)
        }
        Command::Exec(arguments) => exec::run(&arguments, &acting(arguments.login.as_deref())?, environment),
        Command::EndSession { stay } => exec::end_session(stay, environment),
        Command::Logins { action } => logins::run(&action, &acting(logins::named(&action))?),
        Command::Config(arguments) => config::run(&arguments, environment),
        Command::Setup(command) => setup::run(&command, environment),
        Command::Sandbox(command) => sandbox::run(&command, environment),
        Command::Doctor(arguments) => doctor::run(&arguments, &Acting::to_examine(environment)?, environment),
        Command::Purge(arguments) => {
            let acting = Acting::chosen(None, environment)?;
            purge::run(&arguments, &acting.logins, &acting.settings)
        }
        Command::OpenPage { browser } => browser::open_page(browser.as_deref(), environment),
        #[cfg(feature = "failpoints")]
        Command::Failpoints => failpoints::list(),
        Command::Beside(arguments) => Err(beside::run(&arguments)),
    };
    if let Some(notice) = opened.and_then(|store| store.blocking().notice()) {
        crate::output::say(&format!("note: {notice}"));
    }
    exit
}

/// Does `work`, in which another program of this terminal takes part: that Ctrl-C ended that one too is no failure of it.
async fn unless_interrupted<T>(
    work: impl Future<Output = Result<T, CommandError>>,
) -> Result<T, CommandError> {
    let work = async {
        let result = work.await;
        if result.is_err() {
            // A signal that came with the end of the other program is seen with the next turn of the runtime.
            tokio::task::yield_now().await;
        }
        result
    };
    tokio::select! {
        biased;
        interrupted = tokio::signal::ctrl_c() => Err(match interrupted {
            Ok(()) => Failure::Cancelled.into(),
            Err(error) => Failure::Setup(error).into(),
        }),
        result = work => result,
    }
}

/// Runs `work` on a runtime of this thread, and lets warnings of the library reach the person.
///
/// The runtime does not wait for a browser that was opened and still runs.
fn on_runtime<T>(work: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    on_runtime_noting(&Notes::Said, work)
}

/// As [`on_runtime`]; the warnings go where `notes` go.
fn on_runtime_noting<T>(
    notes: &Notes,
    work: impl Future<Output = Result<T, CommandError>>,
) -> Result<T, CommandError> {
    crate::log::start(notes);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Setup)?;
    let result = runtime.block_on(async {
        tokio::select! {
            result = work => result,
            interrupted = tokio::signal::ctrl_c() => Err(match interrupted {
                Ok(()) => Failure::Cancelled.into(),
                Err(error) => Failure::Setup(error).into(),
            }),
        }
    });
    runtime.shutdown_background();
    result
}
