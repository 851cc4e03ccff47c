//! Opening a browser that gets none of our secrets.
//!
//! The opening is done by a child, `keyfob open-page`: its environment is scrubbed before the browser inherits it
//! (security C-48), and the address goes through a pipe, where no list of processes shows it.

use crate::environment::{self, Environment};
use crate::error::{CommandError, Failure};
use crate::exit::Exit;
use keyfob_oauth::address;
use rustix::process::Signal;
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, Stdio};

/// The hidden command that opens the page whose address is on its standard input.
pub(crate) const COMMAND: &str = "open-page";
/// More than any address that is opened.
const MOST_READ: u64 = 16 * 1024;

/// Opens `address`, with the program `wanted` or else the usual one; fails when there is no browser.
pub(crate) fn open(address: &str, wanted: Option<&str>) -> io::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    // What a browser has to say to a terminal is of no use to whoever signs in there.
    command.arg(COMMAND).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Some(wanted) = wanted {
        command.arg(format!("--browser={wanted}"));
    }
    for name in environment::names_of_secrets() {
        command.env_remove(name);
    }
    // Ctrl-C ends the sign-in, and is not said to be a browser that could not be opened: the child is in a group of its own,
    // or is ended before it is.
    let mut child = command.process_group(0).spawn()?;
    let written = child.stdin.take().map(|mut pipe| pipe.write_all(address.as_bytes()));
    let ended = child.wait()?;
    if ended.signal() == Some(Signal::INT.as_raw()) {
        return Ok(());
    }
    written.transpose()?;
    if ended.success() { Ok(()) } else { Err(io::Error::from(io::ErrorKind::NotFound)) }
}

/// The child: opens the page whose address is on standard input; one that is no plain address is opened by nobody.
///
/// The first of `wanted`, or of those in `BROWSER`, that can be run is; where neither says anything, the desktop's own.
pub(crate) fn open_page(wanted: Option<&str>, environment: &Environment) -> Result<Exit, CommandError> {
    let mut text = String::new();
    io::stdin().take(MOST_READ).read_to_string(&mut text).map_err(Failure::Setup)?;
    let Some(address) = address::parse(&text) else { return Ok(Exit::Failure) };
    let named = match (wanted, environment.browser.as_deref()) {
        (Some(wanted), _) => vec![wanted],
        (None, Some(listed)) => listed.split(':').filter(|one| !one.trim().is_empty()).collect(),
        (None, None) => Vec::new(),
    };
    let is_open = if named.is_empty() {
        webbrowser::open(address.as_str()).is_ok()
    } else {
        named.iter().any(|named| run(&arguments(named, address.as_str())).is_ok())
    };
    Ok(if is_open { Exit::Ok } else { Exit::Failure })
}

/// Splits a command at its spaces, without a shell; `%s` stands for the address, `%c` for a colon and `%%` for `%`.
///
/// The address is an argument of its own where no `%s` says another place.
fn arguments(command: &str, address: &str) -> Vec<String> {
    let mut words: Vec<String> = command.split_whitespace().map(|word| expanded(word, address)).collect();
    if !command.replace("%%", "").contains("%s") {
        words.push(address.to_owned());
    }
    words
}

fn expanded(word: &str, address: &str) -> String {
    let mut parts = word.split("%%").map(|part| part.replace("%c", ":").replace("%s", address));
    let first = parts.next().unwrap_or_default();
    parts.fold(first, |all, part| format!("{all}%{part}"))
}

/// Starts it in a group of its own: Ctrl-C in this terminal is not meant for the person's browser.
fn run(words: &[String]) -> io::Result<()> {
    let (program, arguments) = words.split_first().ok_or(io::ErrorKind::NotFound)?;
    let quiet = |command: &mut Command| {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn()
    };
    quiet(Command::new(program).args(arguments)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::arguments;

    #[test]
    fn c_16_a_browser_is_a_program_with_arguments_and_never_a_line_for_a_shell() {
        let address = "https://id.test/authorize?a=b&c=%20";
        for (command, words) in [
            ("firefox", vec!["firefox", address]),
            ("firefox --new-window", vec!["firefox", "--new-window", address]),
            ("chromium --app=%s --x", vec!["chromium", "--app=https://id.test/authorize?a=b&c=%20", "--x"]),
            ("a; rm -rf ~ && $(b)", vec!["a;", "rm", "-rf", "~", "&&", "$(b)", address]),
            ("a %% %c %s", vec!["a", "%", ":", address]),
            ("a %%s", vec!["a", "%s", address]),
        ] {
            assert_eq!(arguments(command, address), words, "{command}");
        }
    }
}
