//! The terminal: its keys, its modes, and the lines at its bottom that are drawn anew. All effects of the screen are here.

use super::model::{Input, Key};
use keyfob_oauth::text;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::cursor::{Hide, MoveTo, Show, position};
use ratatui::crossterm::event::{
    DisableBracketedPaste, EnableBracketedPaste, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, poll,
    read,
};
use ratatui::crossterm::style::Print;
use ratatui::crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{execute, queue};
use ratatui::layout::{Rect, Size};
use ratatui::{Terminal as Drawn, TerminalOptions, Viewport};
use rustix::termios::{QueueSelector, tcflush, tcgetwinsize};
use std::collections::VecDeque;
use std::io::{self, Stderr, Write};
use std::panic;
use std::sync::Once;
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::io::{Interest, Ready};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Interval, MissedTickBehavior, interval};
use zeroize::Zeroizing;

/// How often the time that is left is drawn anew, and a new size of the terminal is noticed.
const TICK: Duration = Duration::from_millis(250);
/// How long the rest of a key is waited for; nobody types two keys as fast.
const PIECES: Duration = Duration::from_millis(100);

/// What happened at the terminal.
#[derive(Debug)]
pub(super) enum Happening {
    Input(Input),
    /// Time has passed, or the terminal has another size.
    Tick,
    /// The program is asked to end.
    Ended,
}

/// A terminal that was taken, and is given back when this is dropped, whatever the reason.
#[derive(Debug)]
pub(super) struct Terminal {
    drawn: Option<Drawn<CrosstermBackend<Stderr>>>,
    /// In which row the cursor is, if that is known.
    row: Option<u16>,
    /// What is seen.
    picture: Buffer,
    keys: AsyncFd<io::Stdin>,
    /// What was read and not yet looked at.
    events: VecDeque<Event>,
    tick: Interval,
    ends: [Signal; 2],
    _modes: Modes,
}

impl Terminal {
    /// Takes the terminal; one that does not say where its cursor is cannot be drawn on.
    pub(super) fn open() -> io::Result<Self> {
        give_back_before_a_panic_is_told();
        let modes = Modes::set()?;
        let (_, row) = position()?;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            drawn: None,
            row: Some(row),
            picture: Buffer::default(),
            keys: keys()?,
            events: VecDeque::new(),
            tick,
            ends: [signal(SignalKind::terminate())?, signal(SignalKind::hangup())?],
            _modes: modes,
        })
    }

    /// Draws `picture` at the bottom of what was said.
    pub(super) fn draw(&mut self, picture: &Buffer) -> io::Result<()> {
        if self.drawn.is_some() && self.picture == *picture {
            return Ok(());
        }
        if self.picture.area.height != picture.area.height {
            self.wipe()?;
        }
        let mut drawn = if let Some(drawn) = self.drawn.take() {
            drawn
        } else {
            let viewport = Viewport::Fixed(self.room(picture.area.height)?);
            Drawn::with_options(CrosstermBackend::new(io::stderr()), TerminalOptions { viewport })?
        };
        execute!(io::stderr(), BeginSynchronizedUpdate)?;
        drawn.draw(|frame| {
            let area = frame.area();
            let mut moved = picture.clone();
            moved.area.x = area.x;
            moved.area.y = area.y;
            for position in area.intersection(moved.area).positions() {
                if let (Some(to), Some(from)) = (frame.buffer_mut().cell_mut(position), moved.cell(position))
                {
                    to.clone_from(from);
                }
            }
        })?;
        execute!(io::stderr(), EndSynchronizedUpdate)?;
        self.drawn = Some(drawn);
        self.picture.clone_from(picture);
        Ok(())
    }

    /// Makes room for so many rows below what was said; what is above goes out at the top, as with any line.
    fn room(&mut self, height: u16) -> io::Result<Rect> {
        let Size { width, height: rows } = size()?;
        let height = height.min(rows);
        let last = rows.saturating_sub(1);
        // A terminal that answered once and does not now is drawn on at its bottom, where nothing is in the way.
        let cursor = self.row.take().unwrap_or_else(|| position().map_or(last, |(_, row)| row)).min(last);
        let missing = (cursor + height).saturating_sub(rows);
        let top = cursor - missing.min(cursor);
        let mut stderr = io::stderr();
        queue!(stderr, MoveTo(0, last))?;
        (0..missing).try_for_each(|_| stderr.write_all(b"\n"))?;
        execute!(stderr, MoveTo(0, top), Clear(ClearType::FromCursorDown))?;
        Ok(Rect::new(0, top, width, height))
    }

    /// Says a line above what is drawn, which has to be drawn anew; the terminal itself wraps it.
    pub(super) fn say(&mut self, line: &str) -> io::Result<()> {
        self.write(&text::inert(line))
    }

    /// The same for an address, which can be clicked where the terminal knows how (OSC 8) and copied whole everywhere.
    pub(super) fn say_address(&mut self, address: &str) -> io::Result<()> {
        let address = text::inert(address);
        self.write(&format!("\u{1b}]8;;{address}\u{1b}\\{address}\u{1b}]8;;\u{1b}\\"))
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        self.wipe()?;
        // A terminal that takes keys one at a time does not return to the first column by itself.
        self.row = None;
        write!(io::stderr(), "{}\r\n", line.replace('\n', "\r\n"))
    }

    /// Waits for what happens next.
    pub(super) async fn next(&mut self) -> io::Result<Happening> {
        loop {
            while let Some(event) = self.events.pop_front() {
                if matches!(event, Event::Resize(..)) {
                    self.wipe()?;
                    self.row = None;
                }
                if let Some(happening) = happening(event) {
                    return Ok(happening);
                }
            }
            let [terminated, hung_up] = &mut self.ends;
            let has_ticked = tokio::select! {
                biased;
                ready = self.keys.ready(Interest::READABLE) => {
                    let mut ready = ready?;
                    // Keys that come no more would be read without end.
                    if ready.ready().is_read_closed() {
                        return Ok(Happening::Ended);
                    }
                    ready.clear_ready_matching(Ready::READABLE);
                    false
                }
                _ = terminated.recv() => return Ok(Happening::Ended),
                _ = hung_up.recv() => return Ok(Happening::Ended),
                _ = self.tick.tick() => true,
            };
            self.take_keys(Duration::ZERO)?;
            // A key that begins with Escape may come in pieces, over a slow line.
            while is_begun(&self.events) && self.take_keys(PIECES)? {}
            join_pieces(&mut self.events);
            if has_ticked && self.events.is_empty() {
                return Ok(Happening::Tick);
            }
        }
    }

    /// Takes what was pressed, and waits for that for as long as `patience`; returns whether anything came.
    fn take_keys(&mut self, patience: Duration) -> io::Result<bool> {
        let before = self.events.len();
        let mut patience = patience;
        while poll(patience)? {
            self.events.push_back(read()?);
            patience = Duration::ZERO;
        }
        Ok(self.events.len() > before)
    }

    /// Removes what is drawn.
    fn wipe(&mut self) -> io::Result<()> {
        match self.drawn.take() {
            Some(mut drawn) => {
                let top = drawn.get_frame().area().y;
                self.row = Some(top);
                execute!(io::stderr(), MoveTo(0, top), Clear(ClearType::FromCursorDown))
            }
            None => Ok(()),
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A defect was told in these lines.
        if !std::thread::panicking() {
            // Nobody is left to tell when the terminal is gone.
            let _gone = self.wipe();
        }
    }
}

#[expect(
    deprecated,
    reason = "the successor is unsafe, and the standard input stays open as long as the process runs"
)]
fn keys() -> io::Result<AsyncFd<io::Stdin>> {
    AsyncFd::with_interest(io::stdin(), Interest::READABLE)
}

/// Returns how large the terminal is, in cells.
pub(super) fn size() -> io::Result<Size> {
    let size = tcgetwinsize(io::stderr())?;
    Ok(Size::new(size.ws_col, size.ws_row))
}

/// The modes of a terminal whose keys come one at a time.
#[derive(Debug)]
struct Modes;

impl Modes {
    fn set() -> io::Result<Self> {
        enable_raw_mode()?;
        let modes = Self;
        execute!(io::stderr(), EnableBracketedPaste, Hide)?;
        Ok(modes)
    }
}

impl Drop for Modes {
    fn drop(&mut self) {
        give_back();
    }
}

/// Undoes what [`Modes::set`] did; once more does no harm.
fn give_back() {
    let mut stderr = io::stderr();
    // What is left unread was meant for this program: a shell would run the second line of a pasted key.
    let _unread = tcflush(io::stdin(), QueueSelector::IFlush);
    let _gone = queue!(stderr, DisableBracketedPaste, Show).and_then(|()| stderr.flush());
    let _gone = disable_raw_mode();
}

fn give_back_before_a_panic_is_told() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            give_back();
            // On a line of its own.
            let _gone = execute!(io::stderr(), Print("\n"), Clear(ClearType::FromCursorDown));
            tell(panic);
        }));
    });
}

fn code(event: Option<&Event>) -> Option<KeyCode> {
    match event {
        Some(Event::Key(key)) if key.kind != KeyEventKind::Release => Some(key.code),
        _ => None,
    }
}

/// Whether the end may be the beginning of an arrow: Escape, or Escape and a bracket.
fn is_begun(events: &VecDeque<Event>) -> bool {
    let mut last = events.iter().rev().map(|event| code(Some(event)));
    match last.next().flatten() {
        Some(KeyCode::Esc) => true,
        Some(KeyCode::Char('[' | 'O')) => last.next().flatten() == Some(KeyCode::Esc),
        _ => false,
    }
}

/// Makes one key of each arrow that came in pieces (ECMA-48 section 8.3.22, and the application mode of terminals).
fn join_pieces(events: &mut VecDeque<Event>) {
    let mut joined = VecDeque::new();
    while let Some(event) = events.pop_front() {
        let pieces = (code(Some(&event)), code(events.front()), code(events.get(1)));
        let arrow = match pieces {
            (Some(KeyCode::Esc), Some(KeyCode::Char('[' | 'O')), Some(KeyCode::Char(letter))) => match letter
            {
                'A' => Some(KeyCode::Up),
                'B' => Some(KeyCode::Down),
                'C' => Some(KeyCode::Right),
                'D' => Some(KeyCode::Left),
                _ => None,
            },
            _ => None,
        };
        match arrow {
            Some(arrow) => {
                events.drain(..2);
                joined.push_back(Event::Key(KeyEvent::new(arrow, KeyModifiers::NONE)));
            }
            None => joined.push_back(event),
        }
    }
    *events = joined;
}

fn happening(event: Event) -> Option<Happening> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => {
            pressed(key).map(|key| Happening::Input(Input::Pressed(key)))
        }
        Event::Paste(text) => Some(Happening::Input(Input::Pasted(Zeroizing::new(text)))),
        Event::Resize(..) => Some(Happening::Tick),
        Event::Key(_) | Event::FocusGained | Event::FocusLost | Event::Mouse(_) => None,
    }
}

fn pressed(key: KeyEvent) -> Option<Key> {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return match key.code {
            KeyCode::Char('c' | 'd') => Some(Key::Interrupt),
            KeyCode::Char('p') => Some(Key::Up),
            KeyCode::Char('n') => Some(Key::Down),
            KeyCode::Char('h') => Some(Key::Backspace),
            KeyCode::Char('j' | 'm') => Some(Key::Enter),
            _ => None,
        };
    }
    match key.code {
        KeyCode::Up => Some(Key::Up),
        KeyCode::Down => Some(Key::Down),
        KeyCode::Enter => Some(Key::Enter),
        KeyCode::Esc => Some(Key::Escape),
        KeyCode::Backspace => Some(Key::Backspace),
        KeyCode::Char(character) => Some(Key::Character(character)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(codes: &[KeyCode]) -> VecDeque<Event> {
        codes.iter().map(|&code| Event::Key(KeyEvent::new(code, KeyModifiers::NONE))).collect()
    }

    #[test]
    fn s_24_an_arrow_that_comes_in_pieces_is_one_key() {
        use KeyCode::{Char, Down, Esc, Up};
        for (came, meant) in [
            (&[Esc, Char('['), Char('A')][..], &[Up][..]),
            (&[Char('1'), Esc, Char('O'), Char('B'), Char('2')], &[Char('1'), Down, Char('2')]),
            (&[Esc], &[Esc]),
            (&[Esc, Char('[')], &[Esc, Char('[')]),
            (&[Esc, Char('d')], &[Esc, Char('d')]),
            (&[Char('['), Char('A')], &[Char('['), Char('A')]),
        ] {
            let mut events = keys(came);
            join_pieces(&mut events);
            assert_eq!(events, keys(meant), "{came:?}");
        }
    }

    #[test]
    fn s_24_the_rest_of_a_key_is_waited_for_after_escape_and_after_nothing_else() {
        use KeyCode::{Char, Esc, Up};
        let begun = |codes| is_begun(&keys(codes));
        assert!(begun(&[Esc]) && begun(&[Esc, Char('[')]) && begun(&[Char('x'), Esc, Char('O')]));
        assert!(!begun(&[]) && !begun(&[Char('[')]) && !begun(&[Up]) && !begun(&[Esc, Char('d')]));
    }
}
