//! The login screen: a few lines at the bottom of the terminal, drawn anew as things change; what was said before stays.
//!
//! [`model`] is what it is about, [`view`] what that looks like, and [`terminal`] alone has effects.

mod hidden;
mod model;
mod qr;
mod terminal;
mod view;
pub(super) mod words;

pub(super) use view::{Facts, Look};

use super::face::{Face, Method, Told};
use hidden::Hidden;
use keyfob_client::login::Prompt;
use keyfob_oauth::ApiKey;
use model::{State, Task, Wish};
use std::io;
use terminal::{Happening, Terminal};
use tokio::sync::mpsc;
use tokio::time::Instant;
use view::Surface;

/// A screen that a person sees.
#[derive(Debug)]
pub(super) struct Screen {
    terminal: Terminal,
    facts: Facts,
    look: Look,
    has_blocks: bool,
    notes: mpsc::UnboundedReceiver<String>,
    state: State,
}

impl Screen {
    /// Takes the terminal; what others have to say meanwhile comes through `notes`.
    pub(super) fn open(
        facts: Facts,
        look: Look,
        has_blocks: bool,
        notes: mpsc::UnboundedReceiver<String>,
    ) -> io::Result<Self> {
        Ok(Self { terminal: Terminal::open()?, facts, look, has_blocks, notes, state: State::Asking })
    }

    fn draw(&mut self) -> io::Result<()> {
        let size = terminal::size()?;
        let (look, has_blocks) = (self.look, self.has_blocks);
        let surface = Surface { columns: size.width, rows: size.height, look, has_blocks };
        self.terminal.draw(&view::draw(&self.state, &self.facts, Instant::now(), surface))
    }

    /// Waits until it is known what the person wants.
    async fn wanted(&mut self) -> io::Result<Wish> {
        loop {
            self.draw()?;
            tokio::select! {
                happening = self.terminal.next() => match happening? {
                    Happening::Input(input) => {
                        if let Some(wish) = self.state.take(input) {
                            return Ok(wish);
                        }
                    }
                    Happening::Tick => {}
                    Happening::Ended => return Ok(Wish::Cancel),
                },
                Some(note) = self.notes.recv() => self.terminal.say(&note)?,
            }
        }
    }
}

impl Face for Screen {
    async fn choose(&mut self, usual: Method) -> io::Result<Told<Method>> {
        self.state = State::Choosing(usual);
        loop {
            match self.wanted().await? {
                Wish::Method(method) => return Ok(Told::Is(method)),
                Wish::Back => return Ok(Told::Back),
                Wish::Cancel => return Ok(Told::Cancel),
                Wish::Key(_) | Wish::Line(_) => {}
            }
        }
    }

    async fn key(&mut self) -> io::Result<Told<ApiKey>> {
        self.state = State::Entering(Hidden::default(), None);
        loop {
            match self.wanted().await? {
                Wish::Key(key) => return Ok(Told::Is(key)),
                Wish::Back => return Ok(Told::Back),
                Wish::Cancel => return Ok(Told::Cancel),
                Wish::Method(_) | Wish::Line(_) => {}
            }
        }
    }

    fn asks_issuer(&mut self) -> io::Result<()> {
        self.state = State::Asking;
        self.draw()
    }

    fn show(&mut self, prompt: &Prompt, until: Instant) -> io::Result<()> {
        let (task, address) = match prompt {
            Prompt::Visit { address, .. } => (Task::Visit, address.as_str()),
            Prompt::Type(device) => {
                let (address, code) = (device.address.as_str(), device.user_code.expose());
                (Task::Type { address: address.to_owned(), code: code.to_owned() }, address)
            }
        };
        self.terminal.say_address(address)?;
        self.terminal.say("")?;
        self.state = State::waiting(task, until);
        self.draw()
    }

    fn not_understood(&mut self) -> io::Result<()> {
        if let State::Waiting(waiting) = &mut self.state {
            waiting.is_lost = true;
        }
        self.draw()
    }

    fn say(&mut self, line: &str) -> io::Result<()> {
        self.terminal.say(line)
    }

    async fn wish(&mut self) -> io::Result<Told<String>> {
        loop {
            match self.wanted().await? {
                Wish::Line(line) => return Ok(Told::Is(line)),
                Wish::Back => return Ok(Told::Back),
                Wish::Cancel => return Ok(Told::Cancel),
                Wish::Key(_) | Wish::Method(_) => {}
            }
        }
    }
}
