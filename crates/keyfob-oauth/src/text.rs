//! Text from another machine, made safe to show on a terminal.

/// Longest server text that is shown, in characters.
const SHOWN: usize = 512;

/// Returns `text` without control, bidirectional and zero-width characters, cut at 512 characters (security C-52).
pub fn printable(text: &str) -> String {
    text.chars().filter(|c| !is_hostile(*c)).take(SHOWN).collect()
}

fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn c_52_escape_sequences_and_bidi_marks_never_reach_the_terminal() {
        assert_eq!(
            printable("\u{1b}]0;owned\u{7}mia\u{202e}\u{9b}2J\u{200b}@example.org"),
            "]0;ownedmia2J@example.org"
        );
        assert_eq!(printable(&"x".repeat(600)).len(), 512);
    }
}
