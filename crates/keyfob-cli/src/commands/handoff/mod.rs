//! `keyfob handoff`: a login on another machine.

mod copy;
mod receive;
mod target;

pub(crate) use receive::receive;
pub(super) use target::{failure_of, plain};

use super::{Acting, ci, on_runtime, unless_interrupted};
use crate::args::Handoff;
use crate::error::{CommandError, HandoffFailure};
use crate::exit::Exit;
use crate::output;
use keyfob_client::handoff::seal;
use keyfob_client::{SystemClock, SystemEntropy};
use keyfob_settings::logins::LoginName;
use std::io::{self, IsTerminal as _};
use target::{Target, Way};

/// Gives another machine a session of its own, or with `--copy` this one.
pub(crate) fn run(arguments: &Handoff, acting: &Acting) -> Result<Exit, CommandError> {
    acting.require()?;
    ci::guard(&acting.settings)?;
    match (Target::of(arguments)?, arguments.copy) {
        (Target::Text, _) => print(acting),
        (Target::Way(way), false) => send(arguments, &way, acting),
        (Target::Way(way), true) => {
            // A session of its own is had through the same door.
            on_runtime(async { Ok(acting.session.admit(&SystemClock, &SystemEntropy).await?) })?;
            copy::run(arguments, &way, acting)
        }
    }
}

/// Sends it to `keyfob` over there.
fn send(arguments: &Handoff, way: &Way, acting: &Acting) -> Result<Exit, CommandError> {
    let mut command = vec!["keyfob", "handoff", "receive"];
    let name = arguments.name.as_deref().map(LoginName::parse).transpose().map_err(HandoffFailure::Name)?;
    if let Some(name) = &name {
        command.extend(["--as", name.as_str()]);
    }
    if arguments.replace {
        command.push("--replace");
    }
    on_runtime(unless_interrupted(async {
        let handoff = acting.session.hand_over(&way.to_string(), &SystemClock, &SystemEntropy).await?;
        Ok(way.run(&command, handoff.to_line().as_bytes()).await?)
    }))?;
    output::say(&format!("Handed over to {way}, which has a session of its own: see `keyfob session list`"));
    Ok(Exit::Ok)
}

/// Prints it for somebody to carry, and its passphrase on the other stream.
fn print(acting: &Acting) -> Result<Exit, CommandError> {
    let handoff =
        on_runtime(async { Ok(acting.session.hand_over("text", &SystemClock, &SystemEntropy).await?) })?;
    let (text, passphrase) = seal(&handoff, &SystemEntropy).map_err(HandoffFailure::Sealed)?;
    output::data(&text).map_err(crate::error::Failure::Output)?;
    let apart = if io::stdout().is_terminal() { "\n" } else { "" };
    output::say(&format!(
        "{apart}Over there, run `keyfob handoff receive` and paste the text. It works once, within 10 minutes, with this \
         passphrase, which goes another way than the text:\n\n   {}\n",
        passphrase.expose()
    ));
    Ok(Exit::Ok)
}
