//! How a sign-in and a person meet: what is asked of the person, and what they want.

use keyfob_client::login::{Means, Prompt};
use keyfob_oauth::ApiKey;
use std::io;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// A way to sign in that a person chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// A browser that comes back to this machine.
    Browser,
    /// A code that is typed into a browser on any machine.
    DeviceCode,
    /// A key that the person has.
    ApiKey,
}

impl Method {
    /// In the order in which they are shown; their numbers begin at 1.
    pub(super) const ALL: [Self; 3] = [Self::Browser, Self::DeviceCode, Self::ApiKey];

    /// Returns the method of this number.
    pub(super) fn numbered(number: &str) -> Option<Self> {
        let index = number.parse::<usize>().ok()?.checked_sub(1)?;
        Self::ALL.get(index).copied()
    }

    /// Returns what it is called.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Browser => "Browser on this machine",
            Self::DeviceCode => "Device code, in any browser",
            Self::ApiKey => "API key, billed by use",
        }
    }
}

impl From<Means> for Method {
    fn from(means: Means) -> Self {
        match means {
            Means::Browser => Self::Browser,
            Means::DeviceCode => Self::DeviceCode,
        }
    }
}

/// What a person answered.
#[derive(Debug)]
pub(super) enum Told<T> {
    /// This.
    Is(T),
    /// They would rather choose again.
    Back,
    /// They, or whoever ends programs here, want no sign-in.
    Cancel,
}

/// Where a person is told something and asked for something.
///
/// What waits for the person may be dropped at any moment and loses nothing.
pub(super) trait Face {
    /// Asks how to sign in; `usual` is what most would choose here.
    async fn choose(&mut self, usual: Method) -> io::Result<Told<Method>>;
    /// Asks for an API key, which is not shown.
    async fn key(&mut self) -> io::Result<Told<ApiKey>>;
    /// Says that the issuer is asked.
    fn asks_issuer(&mut self) -> io::Result<()>;
    /// Shows what the person is asked to do, and until when.
    fn show(&mut self, prompt: &Prompt, until: Instant) -> io::Result<()>;
    /// Says that what was typed last means nothing.
    fn not_understood(&mut self) -> io::Result<()>;
    /// Says something on a line of its own.
    fn say(&mut self, line: &str) -> io::Result<()>;
    /// Waits for a line that the person types, or for what they want instead.
    async fn wish(&mut self) -> io::Result<Told<String>>;
}

/// Where something is said while a screen may be drawn: in the way of the screen, or on standard error.
#[derive(Clone, Debug)]
pub(crate) enum Notes {
    /// Nothing is drawn.
    Said,
    /// The screen says it where it does not disturb.
    Told(mpsc::UnboundedSender<String>),
}

impl Notes {
    /// Says a line.
    pub(crate) fn say(&self, line: &str) {
        match self {
            Self::Said => crate::output::say(line),
            Self::Told(screen) => {
                if let Err(unsaid) = screen.send(line.to_owned()) {
                    crate::output::say(&unsaid.0);
                }
            }
        }
    }
}

/// What a log writes, an event at a time.
impl io::Write for Notes {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.say(String::from_utf8_lossy(event).trim_end());
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
