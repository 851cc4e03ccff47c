//! A person is met in lines that stay as they are; a program, or nobody, is told the same and asked nothing.

use super::face::{Face, Method, Told};
use super::prompt;
use super::screen::{Facts, words};
use crate::environment::Environment;
use crate::output;
use keyfob_client::login::Prompt;
use keyfob_oauth::ApiKey;
use rustix::termios::{LocalModes, OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcsetattr};
use std::io::{self, IsTerminal as _};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// More than any line that means something has.
const MOST: usize = 16 * 1024;

/// Lines on standard error, and what is typed.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    environment: &'a Environment,
    facts: Facts,
    typed: mpsc::Receiver<String>,
}

impl<'a> Lines<'a> {
    /// Listens to the terminal, if there is one.
    pub(super) fn new(facts: Facts, environment: &'a Environment) -> Self {
        Self { environment, facts, typed: typed() }
    }
}

impl Face for Lines<'_> {
    async fn choose(&mut self, usual: Method) -> io::Result<Told<Method>> {
        output::say(&words::sign_in_at(&self.facts));
        if let Some(expected) = words::expected(&self.facts) {
            output::say(&expected);
        }
        if let Some(remote) = &self.facts.remote {
            output::say(&words::remote(remote));
        }
        for (number, method) in (1..).zip(Method::ALL) {
            output::say(&format!("{number}. {}", method.title()));
        }
        output::say(&format!("Type a number and Enter. Enter alone: {}. Ctrl-C cancels.", usual.title()));
        while let Some(line) = self.typed.recv().await {
            match line.trim() {
                "" => return Ok(Told::Is(usual)),
                line => match Method::numbered(line) {
                    Some(method) => return Ok(Told::Is(method)),
                    None => output::say("There is no such number. Type 1, 2 or 3 and Enter."),
                },
            }
        }
        Ok(Told::Cancel)
    }

    async fn key(&mut self) -> io::Result<Told<ApiKey>> {
        let mut ends = [signal(SignalKind::terminate())?, signal(SignalKind::hangup())?];
        let _silent = Silent::set()?;
        let leaves = words::leaves(&self.facts);
        output::say(&format!(
            "Paste or type the API key and Enter. Nothing of it is shown. An empty line {leaves}."
        ));
        loop {
            let [terminated, hung_up] = &mut ends;
            let line = tokio::select! {
                line = self.typed.recv() => line,
                _ = terminated.recv() => None,
                _ = hung_up.recv() => None,
            };
            let Some(line) = line.map(Zeroizing::new) else { return Ok(Told::Cancel) };
            // As at every other question; no key is called so.
            if ["", "b", "B"].contains(&line.trim()) {
                return Ok(Told::Back);
            }
            match ApiKey::parse(line.as_bytes()) {
                Ok(key) => return Ok(Told::Is(key)),
                Err(why) => output::say(&words::no_key(why)),
            }
        }
    }

    fn asks_issuer(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn show(&mut self, prompt: &Prompt, _until: Instant) -> io::Result<()> {
        prompt::show(prompt, self.environment);
        if self.facts.can_choose {
            output::say("Type `b` and Enter to go back.\n");
        }
        Ok(())
    }

    fn not_understood(&mut self) -> io::Result<()> {
        output::say(words::NOT_UNDERSTOOD);
        Ok(())
    }

    fn say(&mut self, line: &str) -> io::Result<()> {
        output::say(line);
        Ok(())
    }

    async fn wish(&mut self) -> io::Result<Told<String>> {
        match self.typed.recv().await {
            Some(line) if self.facts.can_choose && matches!(line.trim(), "b" | "B") => Ok(Told::Back),
            Some(line) => Ok(Told::Is(line)),
            // Nobody can type, and whoever is elsewhere may still finish.
            None => std::future::pending().await,
        }
    }
}

/// Returns the lines that a person types from now on; none where nobody can type.
fn typed() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(1);
    if io::stdin().is_terminal() {
        // It waits for the terminal for as long as the program runs, and nobody waits for it.
        drop(std::thread::spawn(move || read_lines(|line| sender.blocking_send(line).is_ok())));
    }
    lines
}

/// Reads past the buffer of the standard library, so that no copy of a key is left behind.
fn read_lines(mut take: impl FnMut(String) -> bool) {
    let mut line = Zeroizing::new(Vec::with_capacity(MOST));
    let mut chunk = Zeroizing::new([0; 4096]);
    loop {
        let length = match rustix::io::read(io::stdin(), chunk.as_mut_slice()) {
            Ok(0) => return,
            Ok(length) => length,
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return,
        };
        for byte in chunk.iter().copied().take(length) {
            if byte != b'\n' {
                if line.len() < MOST {
                    line.push(byte);
                }
                continue;
            }
            if !take(String::from_utf8_lossy(&line).into_owned()) {
                return;
            }
            line.clear();
        }
    }
}

/// A terminal that does not show what is typed, until this is dropped.
pub(in crate::commands) struct Silent(Termios);

impl Silent {
    pub(in crate::commands) fn set() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut modes = before.clone();
        modes.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
        tcsetattr(io::stdin(), OptionalActions::Now, &modes)?;
        Ok(Self(before))
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        // What is left unread was meant for this program: a shell would run the second line of a pasted key.
        let _unread = tcflush(io::stdin(), QueueSelector::IFlush);
        let _gone = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
