//! What the screen looks like: from what it is about to cells; no terminal is touched here.

use super::super::face::Method;
use super::hidden::Hidden;
use super::model::{Flaw, State, Task, Waiting};
use super::qr::Picture;
use super::words;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Paragraph, Widget as _, Wrap};
use std::time::Duration;
use tokio::time::Instant;

/// What the person knows before they are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Facts {
    /// Where they sign in.
    pub(in super::super) issuer: String,
    /// Whom the login is of that may be replaced; somebody else's is refused (security C-17).
    pub(in super::super) expected: Option<String>,
    /// Why a browser opened here could not come back.
    pub(in super::super) remote: Option<String>,
    /// Whether they can go back to the choice, and not just leave.
    pub(in super::super) can_choose: bool,
}

/// Whether there are colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Look {
    Colour,
    Mono,
}

/// What there is to draw on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Surface {
    pub(super) columns: u16,
    pub(super) rows: u16,
    pub(super) look: Look,
    /// Whether half blocks are shown as such.
    pub(super) has_blocks: bool,
}

/// Text beside a picture is not narrower than this.
const NARROWEST: u16 = 34;
/// Between a picture and the text beside it.
const GAP: u16 = 2;
/// No screen has more lines of text.
const MOST_ROWS: u16 = 64;
/// As many stars stand for any key that is longer.
const MOST_STARS: usize = 16;

/// Draws it; the result is as high as need be, and no wider than the surface.
pub(super) fn draw(state: &State, facts: &Facts, now: Instant, surface: Surface) -> Buffer {
    let text = |text| Paragraph::new(text).wrap(Wrap { trim: false });
    let pen = Pen(surface.look);
    match state {
        State::Choosing(highlighted) => alone(&text(choosing(*highlighted, facts, pen)), surface),
        State::Entering(key, flaw) => alone(&text(entering(key, *flaw, facts, pen)), surface),
        State::Asking => alone(&text(asking(facts, pen)), surface),
        State::Waiting(waiting) => {
            let left = waiting.until.saturating_duration_since(now);
            match &waiting.task {
                Task::Visit => alone(&text(visiting(waiting, left, facts, pen)), surface),
                Task::Type { address, code } => {
                    let text = text(typing(code, left, facts, pen));
                    let picture = Picture::of(address).filter(|_| surface.has_blocks);
                    with_picture(&text, picture.as_ref(), surface, pen)
                }
            }
        }
    }
}

fn choosing(highlighted: Method, facts: &Facts, pen: Pen) -> Text<'static> {
    let mut lines = vec![pen.strong(words::sign_in_at(facts))];
    lines.extend(words::expected(facts).map(Line::from));
    lines.push(Line::default());
    lines.extend((1..).zip(Method::ALL).map(|(number, method)| {
        if method == highlighted {
            pen.chosen(format!("> {number}. {}", method.title()))
        } else {
            Line::from(format!("  {number}. {}", method.title()))
        }
    }));
    lines.push(Line::default());
    lines.extend(facts.remote.as_ref().map(|remote| Line::from(words::remote(remote))));
    lines.push(Line::from("Up, Down or 1 to 3; Enter; Esc cancels".to_owned()));
    lines.into()
}

fn entering(key: &Hidden, flaw: Option<Flaw>, facts: &Facts, pen: Pen) -> Text<'static> {
    let stars = "*".repeat(key.length().min(MOST_STARS));
    let count = if key.length() == 0 { String::new() } else { format!(" ({} characters)", key.length()) };
    let mut lines = vec![
        pen.strong("API key".to_owned()),
        Line::from("Paste or type it. Nothing of it is shown."),
        Line::default(),
        Line::from(format!("Key: {stars}{count}")),
        Line::default(),
    ];
    lines.extend(flaw.map(|flaw| pen.wrong(words::flaw(flaw))));
    lines.push(Line::from(format!("Enter keeps it; Esc {}", words::leaves(facts))));
    lines.into()
}

fn asking(facts: &Facts, pen: Pen) -> Text<'static> {
    vec![
        pen.strong(format!("Asking {} ...", facts.issuer)),
        Line::from(format!("Esc {}", words::leaves(facts))),
    ]
    .into()
}

fn visiting(waiting: &Waiting, left: Duration, facts: &Facts, pen: Pen) -> Text<'static> {
    let mut lines = vec![pen.strong(format!("Waiting for your browser: {} left", words::clock(left)))];
    lines.extend(words::expected(facts).map(Line::from));
    lines.extend([
        Line::from("If none opened, open the address above."),
        Line::default(),
        Line::from("On another machine? Paste here the address at which its browser ends up."),
        Line::default(),
    ]);
    if waiting.is_lost {
        lines.push(pen.wrong(words::NOT_UNDERSTOOD.to_owned()));
    }
    match &waiting.line {
        Some(line) => lines.extend([
            Line::from(format!("Address or code: {} characters", line.length())),
            Line::from("Enter sends it; Esc drops it".to_owned()),
        ]),
        None => lines.push(Line::from(format!("d device code; p type it; Esc {}", words::leaves(facts)))),
    }
    lines.into()
}

fn typing(code: &str, left: Duration, facts: &Facts, pen: Pen) -> Text<'static> {
    let mut lines = vec![
        Line::from("Open the address above in a browser on any machine, and enter there"),
        Line::default(),
        pen.chosen(format!("    {code}")),
        Line::default(),
        Line::from(format!("It works for {}.", words::clock(left))),
    ];
    lines.extend(words::expected(facts).map(Line::from));
    lines.extend([
        Line::default(),
        Line::from(words::OWN_CODE),
        Line::default(),
        Line::from(format!("Esc {}", words::leaves(facts))),
    ]);
    lines.into()
}

/// How words are emphasized; nothing is said by colour alone.
#[derive(Clone, Copy)]
struct Pen(Look);

impl Pen {
    fn strong(self, text: String) -> Line<'static> {
        Line::styled(text, self.coloured(Color::Cyan).add_modifier(Modifier::BOLD))
    }

    fn chosen(self, text: String) -> Line<'static> {
        Line::styled(text, self.coloured(Color::Green).add_modifier(Modifier::BOLD))
    }

    fn wrong(self, text: String) -> Line<'static> {
        Line::styled(text, self.coloured(Color::Red))
    }

    fn coloured(self, colour: Color) -> Style {
        match self.0 {
            Look::Colour => Style::new().fg(colour),
            Look::Mono => Style::new(),
        }
    }

    fn picture(self) -> Style {
        match self.0 {
            Look::Colour => Style::new().fg(Color::White).bg(Color::Black),
            Look::Mono => Style::new(),
        }
    }
}

fn alone(text: &Paragraph<'_>, surface: Surface) -> Buffer {
    let area = Rect::new(0, 0, surface.columns, height(text, surface.columns));
    let mut buffer = Buffer::empty(area);
    text.render(area, &mut buffer);
    buffer
}

/// Puts the picture beside the text, else above it, else nowhere.
fn with_picture(text: &Paragraph<'_>, picture: Option<&Picture>, surface: Surface, pen: Pen) -> Buffer {
    let Some(picture) = picture else { return alone(text, surface) };
    let beside = picture.width + GAP;
    let (x, y, width) = if surface.columns >= beside + NARROWEST {
        (beside, 0, surface.columns - beside)
    } else {
        (0, picture.height() + 1, surface.columns)
    };
    let below = height(text, width);
    let total = picture.height().max(y + below);
    if total > surface.rows || picture.width > surface.columns {
        return alone(text, surface);
    }
    let mut buffer = Buffer::empty(Rect::new(0, 0, surface.columns, total));
    for (row, line) in (0..).zip(&picture.rows) {
        buffer.set_string(0, row, line, pen.picture());
    }
    text.render(Rect::new(x, y, width, below), &mut buffer);
    buffer
}

/// Returns how many rows the text takes.
fn height(text: &Paragraph<'_>, width: u16) -> u16 {
    let mut scratch = Buffer::empty(Rect::new(0, 0, width, MOST_ROWS));
    text.render(scratch.area, &mut scratch);
    let is_blank = |row: &u16| {
        (0..width).all(|column| scratch.cell((column, *row)).is_none_or(|cell| cell.symbol() == " "))
    };
    (0..MOST_ROWS).rev().find(|row| !is_blank(row)).map_or(1, |last| last + 1)
}

#[cfg(test)]
mod tests;
