//! `keyfob exec`: a command with what its provider of models needs in its environment, and with no other credential.
//!
//! This process becomes the command, so signals, terminal, job control and exit code are the command's own. What ends the
//! command's session at the issuer is another process, which waits for this one ([`end`]).

mod end;
mod surroundings;

pub(crate) use end::{END_SESSION, end_session};

use super::provided::Provided;
use super::{Acting, ci, on_runtime, signed_in};
use crate::args::Exec;
use crate::environment::Environment;
use crate::error::{CommandError, Failure, ProviderFailure};
use crate::exit::Exit;
use crate::output;
use keyfob_client::provider::child::{self, End, Wish};
use keyfob_client::provider::{Bound, Credential, Destination, Server, Source};
use keyfob_client::{Jitter, Need, Status, SystemClock, SystemEntropy};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use surroundings::Surroundings;
use url::Url;

/// What the command gets.
struct Given {
    credential: Option<Credential>,
    to: Destination,
    /// What ends its session, if it has one of its own.
    end: Option<End>,
}

/// Becomes the command; returns only what kept it from that.
pub(super) fn run(
    arguments: &Exec,
    acting: &Acting,
    environment: &Environment,
) -> Result<Exit, CommandError> {
    super::config::warn(acting.logins.home());
    signed_in(acting, environment, || become_it(arguments, acting))
}

fn become_it(arguments: &Exec, acting: &Acting) -> Result<Exit, CommandError> {
    let provided = Provided::find(arguments.provider.as_deref(), acting)?;
    ci::guard(&acting.settings)?;
    let Given { credential, to, end } = give(&provided, arguments, acting)?;
    let surroundings = Surroundings::of(&provided, credential.as_ref(), &to, acting)?;
    if let Some(end) = &end
        && let Err(source) = end::arrange(end)
    {
        // Nobody is told what a command got that nothing would end.
        let _unconfirmed = on_runtime(async { Ok(end.now(acting.logins.network()).await) });
        return Err(ProviderFailure::NoEnd(source).into());
    }
    let (program, rest) = arguments.command.split_first().ok_or(Failure::NoSuchCommand(String::new()))?;
    let mut command = Command::new(program);
    command.args(rest);
    surroundings.apply(&mut command);
    let source = command.exec();
    Err(ProviderFailure::Run { program: program.clone(), source }.into())
}

fn give(provided: &Provided, arguments: &Exec, acting: &Acting) -> Result<Given, CommandError> {
    let Some(source) = provided.source(acting)? else {
        return Ok(Given { credential: None, to: provided.destination(None)?, end: None });
    };
    let credential = provided.held(source, None, acting)?;
    let to = provided.destination(Some(&credential))?;
    Provided::authorize(&credential, &to, acting)?;
    match (source, acting.session.status()?) {
        (Source::StoredLogin, Status::Account(_)) => of_account(credential, to, arguments, acting),
        (_, _) => Ok(Given { credential: Some(credential), to, end: None }),
    }
}

/// Gives a session of its own, where the issuer has one to give; else the login's own access token.
fn of_account(
    stored: Credential,
    to: Destination,
    arguments: &Exec,
    acting: &Acting,
) -> Result<Given, CommandError> {
    let session = &acting.session;
    let program = arguments.command.first().map(Path::new).and_then(Path::file_name).unwrap_or_default();
    let name = format!("keyfob exec {}", program.to_string_lossy());
    let jitter = Jitter::draw(&SystemEntropy).map_err(|error| Failure::Setup(io::Error::other(error)))?;
    let resource = audience(&stored, &to);
    let wish = Wish { name: &name, life: Some(arguments.ttl), resource: resource.as_deref() };
    let (token, child) = on_runtime(async {
        let token = session.token(&SystemClock, &SystemEntropy, Need::Usable(jitter)).await?;
        Ok((token, child::begin(session, &wish, &SystemClock, &SystemEntropy).await?))
    })?;
    let secret = |text: &str| keyfob_oauth::Secret::new(text.to_owned());
    let (secret, end) = if let Some(child) = child {
        if let Some(life) = child.life.filter(|life| *life < arguments.ttl) {
            let minutes = life.as_secs().div_ceil(60);
            output::say(&format!("note: the issuer gives the command a session for {minutes} minutes"));
        }
        (secret(child.token.expose()), Some(child.end))
    } else {
        output::say(
            "note: the issuer gives no second session, so the command gets the access token of the login itself",
        );
        (secret(token.expose()), None)
    };
    let credential = Credential { secret, ..stored };
    Provided::authorize(&credential, &to, acting)?;
    Ok(Given { credential: Some(credential), to, end })
}

/// Returns what the login says it is for, if that is the server that it goes to.
fn audience(credential: &Credential, to: &Destination) -> Option<String> {
    let Bound::Person { audiences, .. } = &credential.bound else { return None };
    let is_it =
        |text: &&String| Url::parse(text).ok().as_ref().and_then(Server::of).as_ref() == Some(&to.server);
    audiences.iter().find(is_it).cloned()
}
