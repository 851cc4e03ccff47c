//! What the login screen is about, and what a key changes; no terminal is touched here.

use super::super::face::Method;
use super::hidden::Hidden;
use keyfob_oauth::{ApiKey, InvalidKey};
use tokio::time::Instant;
use zeroize::Zeroizing;

/// What is on the screen.
#[derive(Debug)]
pub(super) enum State {
    /// The person chooses how to sign in.
    Choosing(Method),
    /// The person enters a key; the last one was none, and why.
    Entering(Hidden, Option<Flaw>),
    /// The issuer is asked.
    Asking,
    /// The person is asked to do something elsewhere.
    Waiting(Waiting),
}

/// Why what was entered is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It is none by itself.
    Invalid(InvalidKey),
    /// More than one line was pasted.
    Lines,
}

/// Something that the person does elsewhere.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) task: Task,
    pub(super) until: Instant,
    /// The address or code that is being typed; it is not shown, since it ends a sign-in.
    pub(super) line: Option<Hidden>,
    /// Whether the last one meant nothing.
    pub(super) is_lost: bool,
}

/// What the person does elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Signs in with a browser that comes back to this machine.
    Visit,
    /// Types a code at an address.
    Type { address: String, code: String },
}

/// A key on the keyboard, as far as the screen knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Up,
    Down,
    Enter,
    Escape,
    Backspace,
    /// Ctrl-C.
    Interrupt,
    Character(char),
}

/// What the person did.
#[derive(Debug)]
pub(super) enum Input {
    Pressed(Key),
    /// Text that came at once, however many lines it has.
    Pasted(Zeroizing<String>),
}

/// What the person wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Method(Method),
    Key(ApiKey),
    /// A line for the sign-in that waits.
    Line(String),
    Back,
    Cancel,
}

impl State {
    /// Returns the screen on which a person is asked to do `task`.
    pub(super) const fn waiting(task: Task, until: Instant) -> Self {
        Self::Waiting(Waiting { task, until, line: None, is_lost: false })
    }

    /// Takes in what the person did; returns what they want, if that is known now.
    pub(super) fn take(&mut self, input: Input) -> Option<Wish> {
        if matches!(input, Input::Pressed(Key::Interrupt)) {
            return Some(Wish::Cancel);
        }
        match self {
            Self::Choosing(highlighted) => choosing(highlighted, &input),
            Self::Entering(key, flaw) => entering(key, flaw, input),
            Self::Asking => leaves(&input).then_some(Wish::Back),
            Self::Waiting(waiting) => waiting.take(input),
        }
    }
}

fn choosing(highlighted: &mut Method, input: &Input) -> Option<Wish> {
    let Input::Pressed(key) = input else { return None };
    let position = Method::ALL.iter().position(|method| method == highlighted).unwrap_or_default();
    match key {
        Key::Up => *highlighted = at(position.checked_sub(1).unwrap_or(Method::ALL.len() - 1)),
        Key::Down => *highlighted = at((position + 1) % Method::ALL.len()),
        Key::Enter => return Some(Wish::Method(*highlighted)),
        Key::Character(number) => {
            if let Some(method) = Method::numbered(number.encode_utf8(&mut [0; 4])) {
                return Some(Wish::Method(method));
            }
        }
        Key::Escape | Key::Backspace | Key::Interrupt => {}
    }
    leaves(input).then_some(Wish::Back)
}

fn at(position: usize) -> Method {
    Method::ALL.get(position).copied().unwrap_or(Method::Browser)
}

fn entering(key: &mut Hidden, flaw: &mut Option<Flaw>, input: Input) -> Option<Wish> {
    match input {
        Input::Pressed(Key::Escape) => return Some(Wish::Back),
        Input::Pressed(Key::Character(character)) => key.push(character),
        Input::Pressed(Key::Backspace) => key.pop(),
        Input::Pressed(Key::Up | Key::Down | Key::Interrupt) => return None,
        Input::Pressed(Key::Enter) => {
            let given = ApiKey::parse(key.bytes());
            key.clear();
            match given {
                Ok(key) => return Some(Wish::Key(key)),
                Err(why) => *flaw = Some(Flaw::Invalid(why)),
            }
            return None;
        }
        Input::Pasted(text) => {
            // Lines after the first are part of what was pasted, and no commands for whoever reads next.
            if text.trim().contains(['\n', '\r']) {
                key.clear();
                *flaw = Some(Flaw::Lines);
                return None;
            }
            text.trim().chars().for_each(|character| key.push(character));
        }
    }
    *flaw = None;
    None
}

impl Waiting {
    fn take(&mut self, input: Input) -> Option<Wish> {
        match (&self.task, &mut self.line, input) {
            // A terminal that breaks a long address where it wraps breaks what is copied from it.
            (Task::Visit, _, Input::Pasted(text)) => self.send(text.split_whitespace().collect()),
            (Task::Visit, Some(line), Input::Pressed(key)) => match key {
                Key::Enter => {
                    let line = line.text();
                    self.send(line)
                }
                Key::Escape => {
                    self.line = None;
                    None
                }
                Key::Backspace => {
                    line.pop();
                    None
                }
                Key::Character(character) => {
                    line.push(character);
                    None
                }
                Key::Up | Key::Down | Key::Interrupt => None,
            },
            (Task::Visit, None, Input::Pressed(Key::Character('d' | 'D'))) => {
                Some(Wish::Line("d".to_owned()))
            }
            (Task::Visit, None, Input::Pressed(Key::Character(character)))
                if !matches!(character, 'q' | 'Q') =>
            {
                let mut line = Hidden::default();
                if !matches!(character, 'p' | 'P') {
                    line.push(character);
                }
                self.line = Some(line);
                None
            }
            (_, _, input) => leaves(&input).then_some(Wish::Back),
        }
    }

    fn send(&mut self, line: String) -> Option<Wish> {
        self.line = None;
        self.is_lost = false;
        (!line.is_empty()).then_some(Wish::Line(line))
    }
}

fn leaves(input: &Input) -> bool {
    matches!(input, Input::Pressed(Key::Escape | Key::Character('q' | 'Q')))
}

#[cfg(test)]
mod tests;
