//! Opening a browser that gets none of our secrets.
//!
//! The opening is done by a child, `keyfob open-page`: its environment is scrubbed before the browser inherits it
//! (security C-48), and the address goes through a pipe, where no list of processes shows it.

use crate::environment;
use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use std::io::{self, Read as _, Write as _};
use std::process::{Command, Stdio};

/// The hidden command that opens the page whose address is on its standard input.
pub(crate) const COMMAND: &str = "open-page";
const LONGEST_ADDRESS: u64 = 16 * 1024;

/// Opens `address`; fails when there is no browser.
pub(crate) fn open(address: &str) -> io::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(COMMAND).stdin(Stdio::piped());
    for name in environment::names_of_secrets() {
        command.env_remove(name);
    }
    let mut child = command.spawn()?;
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(address.as_bytes())?;
    }
    if child.wait()?.success() { Ok(()) } else { Err(io::Error::from(io::ErrorKind::NotFound)) }
}

/// The child: opens the page whose address is on standard input.
pub(crate) fn open_page() -> Result<Exit, CommandError> {
    let mut address = String::new();
    io::stdin().take(LONGEST_ADDRESS).read_to_string(&mut address).map_err(Failure::Setup)?;
    Ok(if webbrowser::open(&address).is_ok() { Exit::Ok } else { Exit::Failure })
}
