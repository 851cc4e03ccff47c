//! In which manner a person is met: on a screen, in lines, or not at all.

use super::screen::Look;
use crate::surroundings::Surroundings;
use std::io::{self, IsTerminal as _};

/// How a person is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// A program reads, or nobody: nothing is asked.
    Unattended,
    /// Lines that stay as they are, for screen readers and for terminals that can do no more.
    Lines,
    /// A screen.
    Screen {
        look: Look,
        /// Whether half blocks are shown as such.
        has_blocks: bool,
    },
}

/// What is at the three standard streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Streams {
    /// Whether all of them are terminals.
    pub(super) are_terminals: bool,
    /// How many columns and rows the terminal has, if it says so.
    pub(super) size: Option<(u16, u16)>,
}

/// On less than this nothing useful is drawn.
const LEAST: (u16, u16) = (20, 10);

impl Streams {
    /// Looks at those of this process.
    pub(super) fn of_this_process() -> Self {
        let are_terminals =
            io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal();
        // What is no terminal has none, and is met in lines.
        let size = rustix::termios::tcgetwinsize(io::stderr()).ok();
        Self { are_terminals, size: size.map(|size| (size.ws_col, size.ws_row)) }
    }
}

impl Manner {
    /// Decides it; `is_plain` is what the person said.
    pub(super) fn of(streams: Streams, is_plain: bool, around: &impl Surroundings) -> Self {
        if !streams.are_terminals {
            return Self::Unattended;
        }
        let is_small = streams.size.is_none_or(|(columns, rows)| columns < LEAST.0 || rows < LEAST.1);
        let is_dumb = around.variable("TERM").is_none_or(|term| term == "dumb");
        if is_plain || is_small || is_dumb {
            return Self::Lines;
        }
        // https://no-color.org: whatever it is set to.
        let look = if around.variable("NO_COLOR").is_some() { Look::Mono } else { Look::Colour };
        Self::Screen { look, has_blocks: has_utf8(around) }
    }
}

/// Says whether text is UTF-8 here: the first variable that is set decides (POSIX.1-2024, 8.2).
fn has_utf8(around: &impl Surroundings) -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| around.variable(name));
    let named = set.map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    named.contains("utf-8") || named.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    struct Around(&'static [(&'static str, &'static str)]);

    impl Surroundings for Around {
        fn variable(&self, name: &str) -> Option<OsString> {
            self.0.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).into())
        }

        fn file(&self, _path: &str) -> Option<String> {
            None
        }
    }

    const AT_A_DESK: &[(&str, &str)] = &[("TERM", "xterm-256color"), ("LANG", "de_DE.UTF-8")];
    const TERMINAL: Streams = Streams { are_terminals: true, size: Some((80, 24)) };

    #[test]
    fn s_24_a_screen_is_drawn_where_there_is_one_and_colour_only_where_it_is_wanted() {
        let manner = |around| Manner::of(TERMINAL, false, &Around(around));
        let drawn = |look, has_blocks| Manner::Screen { look, has_blocks };
        assert_eq!(manner(AT_A_DESK), drawn(Look::Colour, true));
        assert_eq!(
            manner(&[("TERM", "screen"), ("NO_COLOR", "1"), ("LANG", "C.UTF-8")]),
            drawn(Look::Mono, true)
        );
        assert_eq!(
            manner(&[("TERM", "xterm"), ("LC_ALL", "C"), ("LANG", "C.utf8")]),
            drawn(Look::Colour, false)
        );
        assert_eq!(manner(&[("TERM", "xterm")]), drawn(Look::Colour, false));
    }

    #[test]
    fn s_24_lines_are_for_whoever_wants_them_and_for_terminals_that_can_do_no_more() {
        let here = Around(AT_A_DESK);
        assert_eq!(Manner::of(TERMINAL, true, &here), Manner::Lines);
        assert_eq!(Manner::of(TERMINAL, false, &Around(&[("TERM", "dumb")])), Manner::Lines);
        assert_eq!(Manner::of(TERMINAL, false, &Around(&[])), Manner::Lines);
        for size in [None, Some((0, 0)), Some((19, 24)), Some((80, 9))] {
            assert_eq!(Manner::of(Streams { size, ..TERMINAL }, false, &here), Manner::Lines, "{size:?}");
        }
    }

    #[test]
    fn s_24_nothing_is_asked_where_not_everything_is_a_terminal() {
        let piped = Streams { are_terminals: false, ..TERMINAL };
        for is_plain in [false, true] {
            assert_eq!(Manner::of(piped, is_plain, &Around(AT_A_DESK)), Manner::Unattended);
        }
    }
}
