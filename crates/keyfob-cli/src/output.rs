//! What people and programs read: data on standard output, everything else on standard error.

use crate::error::CommandError;
use crate::exit::Exit;
use keyfob_oauth::text;
use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

/// The longest of our own messages shows a place in a file.
const MOST_LINES: usize = 16;

/// Whether a line of data was written.
static HAS_DATA: AtomicBool = AtomicBool::new(false);

/// Whether this program has written any data.
pub(crate) fn has_data() -> bool {
    HAS_DATA.load(Ordering::Relaxed)
}

/// Writes a line of data for another program or a person.
pub(crate) fn data(line: &str) -> io::Result<()> {
    HAS_DATA.store(true, Ordering::Relaxed);
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Writes a line for the person.
pub(crate) fn say(line: &str) {
    // Nobody is left to tell when standard error is closed.
    let _closed = writeln!(io::stderr().lock(), "{}", text::inert(line));
}

/// Writes what failed, why, and what to do next.
pub(crate) fn failure(error: &CommandError) {
    let mut lines = format!("error: {}", shortened(&error.source.to_string()));
    let mut cause = error.source.source();
    while let Some(reason) = cause {
        let text = shortened(&reason.to_string());
        // A transparent error repeats what was just said.
        if !lines.ends_with(&text) {
            lines.push_str("\n  cause: ");
            lines.push_str(&text);
        }
        cause = reason.source();
    }
    for hint in &error.hints {
        lines.push_str("\nhint: ");
        lines.push_str(hint);
    }
    say(&lines);
}

/// Somebody else may have written a part of it.
fn shortened(message: &str) -> String {
    message.lines().take(MOST_LINES).map(text::printable).collect::<Vec<_>>().join("\n")
}

/// Returns an error and its causes on one line.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(reason) = cause {
        let text = reason.to_string();
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = reason.source();
    }
    line
}

/// Writes help or a usage error; help that was asked for is no error.
///
/// A secret among `arguments` is where none belongs, and is not repeated in a log (security C-29).
pub(crate) fn usage(problem: &clap::Error, arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let secrets: Vec<String> = arguments.filter_map(|argument| secret_in(&argument)).collect();
    if secrets.is_empty() {
        let _closed = problem.print();
    } else {
        let text = problem.render().to_string();
        say(secrets.iter().fold(text, |text, secret| text.replace(secret, "[secret]")).trim_end());
        say(
            "hint: no command takes a secret as an argument, which every user of a machine can read; pipe it",
        );
    }
    if problem.use_stderr() { Exit::Usage.into() } else { Exit::Ok.into() }
}

/// Returns the part of an argument that looks like a key or a token.
fn secret_in(argument: &OsStr) -> Option<String> {
    let argument = argument.to_str()?;
    let value = argument.split_once('=').map_or(argument, |(_, value)| value);
    ["sk-", "at-", "eyJ"].iter().any(|mark| value.starts_with(mark)).then(|| value.to_owned())
}
