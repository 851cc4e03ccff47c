//! A terminal of a known size in which `keyfob` runs, read as a person reads it.
//!
//! `script` (util-linux) makes the pseudo-terminal, `vt100` is what its output looks like, and questions of where the
//! cursor is are answered as terminals do.

mod picture;

use crate::evidence::Output;
use crate::home::Home;
use crate::leak::Stream;
use crate::process::{Finished, LIMIT, Program, Running};
use crate::{Evidence, environment};
use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::timeout;
use vt100::{Callbacks, Parser, Screen};

/// As many lines that went out at the top are kept.
const SCROLLBACK: usize = 1000;
/// Said by the shell after the program, when the terminal is as it was before.
const AS_BEFORE: &str = "the terminal is as it was";
/// Where the shell writes the number of the program.
const NUMBER: &str = "terminal-number";
/// The arrow that leads down.
pub const DOWN: &str = "\u{1b}[B";
/// The key Escape.
pub const ESCAPE: &str = "\u{1b}";
/// The key Enter.
pub const ENTER: &str = "\r";
/// Ctrl-C.
pub const INTERRUPT: &str = "\u{3}";

/// How a terminal is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// How many columns it has.
    pub columns: u16,
    /// How many rows.
    pub rows: u16,
}

/// A program in a terminal.
pub struct Terminal {
    running: Running,
    output: Output,
    taken: usize,
    parser: Parser<Unseen>,
    /// The file with the number of the process.
    number: PathBuf,
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").field("running", &self.running).finish_non_exhaustive()
    }
}

/// What the terminal is told that is not seen.
#[derive(Default)]
struct Unseen {
    /// Answers that are not yet sent.
    answers: Vec<String>,
    /// Whether a picture has begun that is to be seen whole or not at all.
    is_drawing: bool,
}

impl Callbacks for Unseen {
    fn unhandled_csi(
        &mut self,
        screen: &mut Screen,
        _: Option<u8>,
        _: Option<u8>,
        parameters: &[&[u16]],
        last: char,
    ) {
        match (parameters, last) {
            // A device status report of the cursor's place (ECMA-48 8.3.35).
            ([[6]], 'n') => {
                let (row, column) = screen.cursor_position();
                self.answers.push(format!("\u{1b}[{};{}R", row + 1, column + 1));
            }
            // Synchronized output, a private mode that many terminals have.
            ([[2026]], 'h') => self.is_drawing = true,
            ([[2026]], 'l') => self.is_drawing = false,
            (_, _) => {}
        }
    }
}

#[expect(deprecated, reason = "the successor is unsafe, and the descriptor is owned")]
fn wait_for(process: OwnedFd) -> Result<AsyncFd<OwnedFd>> {
    Ok(AsyncFd::with_interest(process, Interest::READABLE)?)
}

impl Terminal {
    /// Starts `keyfob` with these arguments and variables in a terminal of this size that shows what is typed.
    ///
    /// The arguments are words of a shell.
    pub async fn start(
        home: &Home,
        size: Size,
        variables: &[(&str, &str)],
        arguments: &str,
        evidence: &Evidence,
    ) -> Result<Self> {
        let keyfob = environment::program("keyfob")?;
        let Size { columns, rows } = size;
        let command = format!(
            "stty rows {rows} cols {columns} echo; before=$(stty -g); \
             sh -c 'echo $$ >{NUMBER}; exec \"$0\" \"$@\"' '{}' {arguments}; code=$?; \
             [ \"$(stty -g)\" = \"$before\" ] && echo '{AS_BEFORE}'; exit $code",
            keyfob.display()
        );
        let program = Program::new("keyfob login", Path::new("/usr/bin/script"), home.folder());
        let program =
            home.with_browser(home.at_home(program))?.env("TERM", "xterm-256color").env("LANG", "C.UTF-8");
        let program = variables.iter().fold(program, |program, (name, value)| program.env(name, value));
        let program = program.args(["-qefc", &command, "-E", "never", "/dev/null"]).stdin_open("");
        let running = program.start(evidence).await?;
        let parser = Parser::new_with_callbacks(rows, columns, SCROLLBACK, Unseen::default());
        let number = home.folder().join(NUMBER);
        Ok(Self { output: running.output(), running, taken: 0, parser, number })
    }

    /// Waits until what is seen is wanted, and returns it: whatever was said from the beginning, a line broken by the
    /// terminal being one.
    pub async fn shows(&mut self, is_wanted: impl Fn(&str) -> bool) -> Result<String> {
        let shown = self.watch(is_wanted).await?;
        shown.with_context(|| format!("the program ended before the terminal showed it:\n{}", self.seen()))
    }

    /// Watches until what is seen is wanted; returns nothing when the program ends before.
    async fn watch(&mut self, is_wanted: impl Fn(&str) -> bool) -> Result<Option<String>> {
        let watched = async {
            loop {
                let has_ended = self.output.has_changed().is_err();
                self.take().await;
                let seen = self.seen();
                if !self.parser.callbacks().is_drawing && is_wanted(&seen) {
                    return Some(seen);
                }
                if has_ended {
                    return None;
                }
                // An end is found out about above.
                let _ended = self.output.changed().await;
            }
        };
        match timeout(LIMIT, watched).await {
            Ok(shown) => Ok(shown),
            Err(_elapsed) => bail!("the terminal does not show it:\n{}", self.seen()),
        }
    }

    /// Waits until a word is seen.
    pub async fn shows_word(&mut self, word: &str) -> Result<String> {
        self.shows(|seen| seen.contains(word)).await
    }

    /// Presses keys.
    pub async fn press(&mut self, keys: &str) -> Result<()> {
        self.running.write(keys).await
    }

    /// Pastes text, which a terminal says is pasted where it was asked to.
    pub async fn paste(&mut self, text: &str) -> Result<()> {
        if self.parser.screen().bracketed_paste() {
            self.press(&format!("\u{1b}[200~{text}\u{1b}[201~")).await
        } else {
            self.press(text).await
        }
    }

    /// Waits for the end; the terminal must be as it was before.
    pub async fn finished(&mut self, code: i32) -> Result<(Finished, String)> {
        self.watch(|_| false).await?;
        let finished = self.running.finished(LIMIT).await?;
        let seen = self.seen();
        let screen = self.parser.screen();
        if !seen.contains(AS_BEFORE)
            || screen.hide_cursor()
            || screen.bracketed_paste()
            || screen.alternate_screen()
        {
            bail!("the terminal was not given back:\n{seen}");
        }
        Ok((finished.expect_code(code)?, seen.replace(AS_BEFORE, "").trim_end().to_owned()))
    }

    /// Sends a signal to `keyfob` and to nobody else.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(self.process()?, signal)?)
    }

    /// Takes the terminal away, as when its window is closed, and waits until `keyfob` has ended.
    pub async fn hang_up(self) -> Result<()> {
        let process = pidfd_open(self.process()?, PidfdFlags::NONBLOCK)?;
        self.running.kill();
        let ended = wait_for(process)?;
        timeout(LIMIT, ended.readable()).await.context("it lives on without a terminal")??.retain_ready();
        Ok(())
    }

    fn process(&self) -> Result<Pid> {
        let number = fs::read_to_string(&self.number)?.trim().parse()?;
        Pid::from_raw(number).context("no process")
    }

    /// Returns the bytes that the terminal got.
    pub fn bytes(&self) -> String {
        self.running.printed_on(Stream::Stdout)
    }

    /// Returns a picture of what is on the screen (SVG 1.1).
    pub fn picture(&self) -> String {
        picture::of(self.parser.screen())
    }

    /// Returns everything that was said, with what went out at the top.
    fn seen(&mut self) -> String {
        let (rows, columns) = self.parser.screen().size();
        let screen = self.parser.screen_mut();
        // A screen so high that nothing goes out shows the same lines.
        screen.set_scrollback(usize::MAX);
        let above = screen.scrollback();
        let mut seen = String::new();
        let mut offset = above;
        while offset > 0 {
            screen.set_scrollback(offset);
            let shown = usize::from(rows).min(offset);
            for (row, line) in (0..).zip(screen.rows(0, columns)).take(shown) {
                seen.push_str(&line);
                if !screen.row_wrapped(row) {
                    seen.push('\n');
                }
            }
            offset -= shown;
        }
        screen.set_scrollback(0);
        seen + &screen.contents()
    }

    /// Takes in what was printed, and answers what was asked.
    async fn take(&mut self) {
        let fresh = self.output.borrow_and_update().get(self.taken..).unwrap_or_default().to_vec();
        self.taken += fresh.len();
        self.parser.process(&fresh);
        for answer in std::mem::take(&mut self.parser.callbacks_mut().answers) {
            // A program that has ended wants no answer.
            let _ended = self.running.write(&answer).await;
        }
    }
}
