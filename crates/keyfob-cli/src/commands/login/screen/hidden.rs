//! A line that is typed and not shown.

use std::fmt;
use zeroize::Zeroizing;

/// More than any key or address has; what is typed beyond is not taken.
const MOST: usize = 16 * 1024;

/// Text that never moves while it grows, so that no copy of it is left behind, and that nothing prints.
pub(super) struct Hidden(Zeroizing<String>);

impl Default for Hidden {
    fn default() -> Self {
        Self(Zeroizing::new(String::with_capacity(MOST)))
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl Hidden {
    pub(super) fn push(&mut self, character: char) {
        if self.0.len() + character.len_utf8() <= MOST {
            self.0.push(character);
        }
    }

    pub(super) fn pop(&mut self) {
        self.0.pop();
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Returns how many characters there are.
    pub(super) fn length(&self) -> usize {
        self.0.chars().count()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Returns the text, which whoever takes it keeps to themselves.
    pub(super) fn text(&self) -> String {
        self.0.trim().to_owned()
    }
}
