//! Ending the session of a command when the command ends, however it ends.
//!
//! `keyfob exec` becomes the command, so somebody else has to wait for it: a process that is nobody's child, in a session
//! of its own, with no terminal. It holds what ends the command's session in its memory, and learns of the end from the
//! kernel. If it is killed too, the session ends by its time.

use super::super::on_runtime;
use crate::environment::{self, Environment};
use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use crate::settings;
use keyfob_client::provider::child::End;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, getpid, pidfd_open, setsid};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

/// The hidden command that waits for a process and then ends the session that is on its standard input.
pub(crate) const END_SESSION: &str = "end-session";
/// What it says once it waits.
const WAITS: &str = "waits";
/// More than anything that is handed to it.
const MOST: u64 = 64 * 1024;
/// How often an issuer that does not answer is asked, with twice the pause each time.
const TRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Lets somebody wait for the end of this process, and returns when they do.
pub(super) fn arrange(end: &End) -> io::Result<()> {
    let mut text = Zeroizing::new(format!("{}\n", getpid().as_raw_nonzero()));
    text.push_str(&end.to_line());
    // It ends at once and leaves the one that waits to the system: a command may wait for all of its children.
    let mut child = itself(&[])?.stdout(Stdio::null()).spawn()?;
    give(&mut child, &text)?;
    if child.wait()?.success() { Ok(()) } else { Err(io::ErrorKind::Other.into()) }
}

/// Waits for the process that is named on standard input, and ends the session that is there too.
pub(crate) fn end_session(stay: bool, environment: &Environment) -> Result<Exit, CommandError> {
    let mut text = Zeroizing::new(String::new());
    io::stdin().take(MOST).read_to_string(&mut text).map_err(Failure::Input)?;
    if stay {
        return wait(&text, environment);
    }
    let leave = || {
        let mut child = itself(&["--stay"])?.stdout(Stdio::piped()).spawn()?;
        give(&mut child, &text)?;
        let mut said = String::new();
        let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        BufReader::new(stdout).read_line(&mut said)?;
        Ok::<_, io::Error>(said.trim_end() == WAITS)
    };
    Ok(if leave().map_err(Failure::Setup)? { Exit::Ok } else { Exit::Failure })
}

fn itself(arguments: &[&str]) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(END_SESSION).args(arguments).stdin(Stdio::piped()).stderr(Stdio::null());
    for name in environment::names_of_secrets() {
        command.env_remove(name);
    }
    Ok(command)
}

fn give(child: &mut std::process::Child, text: &str) -> io::Result<()> {
    child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?.write_all(text.as_bytes())
}

fn wait(text: &str, environment: &Environment) -> Result<Exit, CommandError> {
    let (pid, end) = text.split_once('\n').ok_or(Failure::Input(io::ErrorKind::InvalidData.into()))?;
    let pid = pid.parse().ok().and_then(Pid::from_raw);
    let (Some(pid), Some(end)) = (pid, End::parse(end)) else {
        return Err(Failure::Input(io::ErrorKind::InvalidData.into()).into());
    };
    let setup = |error: rustix::io::Errno| Failure::Setup(error.into());
    // Neither the terminal nor what is sent to the command's group is meant for this process.
    setsid().map_err(setup)?;
    let process = pidfd_open(pid, PidfdFlags::empty()).map_err(setup)?;
    std::env::set_current_dir("/").map_err(Failure::Setup)?;
    let network = settings::network(environment);
    // A machine that goes down asks everybody to end at once: the command first. The handlers stay.
    on_runtime(async { Ok([SignalKind::terminate(), SignalKind::hangup()].map(signal).map(drop)) })?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{WAITS}").and_then(|()| stdout.flush()).map_err(Failure::Setup)?;
    drop(stdout);
    let mut ended = [PollFd::new(&process, PollFlags::IN)];
    loop {
        match poll(&mut ended, None) {
            Ok(_) => break,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(setup(error).into()),
        }
    }
    on_runtime(async {
        let mut pause = FIRST_PAUSE;
        for _ in 0..TRIES {
            if end.now(&network).await.is_ok() {
                return Ok(Exit::Ok);
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Ok(Exit::Offline)
    })
}
