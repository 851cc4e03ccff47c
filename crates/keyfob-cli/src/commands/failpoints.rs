//! In a test build: `keyfob failpoints`, and what `KEYFOB_FAIL_AT` asks for.

use crate::environment::Environment;
use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use crate::{output, settings};
use keyfob_client::failpoint::Failpoint;
use rustix::io::Errno;
use rustix::process::{Signal, getpid, kill_process};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

/// Prints the name of every point.
pub(super) fn list() -> Result<Exit, CommandError> {
    for point in Failpoint::ALL {
        output::data(point.name()).map_err(Failure::Output)?;
    }
    Ok(Exit::Ok)
}

/// Arranges what the environment asks for: `NAME:kill`, `NAME:panic`, `NAME:eio`, or `NAME:full`, which fills the disk of
/// the home.
pub(super) fn arm(environment: &Environment) -> Result<(), CommandError> {
    let Some(text) = &environment.fail_at else { return Ok(()) };
    let unknown = || Failure::NoSuchFailpoint(text.clone());
    let (name, action) = text.split_once(':').ok_or_else(unknown)?;
    let point = Failpoint::ALL.into_iter().find(|point| point.name() == name).ok_or_else(unknown)?;
    let armed = match action {
        "kill" => point.run_here(|| {
            let killed = kill_process(getpid(), Signal::KILL);
            debug_assert!(killed.is_ok(), "a process may always kill itself");
        }),
        "panic" => point.run_here(broken),
        "full" => {
            let filler = settings::home(environment)?.path().join("filler");
            point.run_here(move || fill(&filler))
        }
        "eio" => point.fail_here(Errno::IO.raw_os_error()),
        _ => return Err(unknown().into()),
    };
    Ok(armed.map_err(|_| unknown())?)
}

#[expect(clippy::panic, reason = "it is asked for")]
fn broken() {
    panic!("a test asked for a defect");
}

/// Writes until the disk takes no more.
fn fill(path: &Path) {
    if let Ok(mut file) = File::options().append(true).create(true).open(path) {
        while file.write_all(&[0; 4096]).is_ok() {}
    }
}
