//! Text from another machine, made safe to show on a terminal.

/// Longest server text that is shown, in characters.
const SHOWN: usize = 512;

/// Returns `text` without what a terminal would obey or not show; its lines stay (security C-52).
pub fn inert(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || !is_hostile(*c)).collect()
}

/// Returns `text` without control, bidirectional and zero-width characters, cut at 512 characters (security C-52).
pub fn printable(text: &str) -> String {
    // Mostly there is nothing to take away.
    if text.len() <= SHOWN && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    text.chars().filter(|c| !is_hostile(*c)).take(SHOWN).collect()
}

fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use super::{inert, printable};

    #[test]
    fn c_52_escape_sequences_and_bidi_marks_never_reach_the_terminal() {
        assert_eq!(
            printable("\u{1b}]0;owned\u{7}mia\u{202e}\u{9b}2J\u{200b}@example.org"),
            "]0;ownedmia2J@example.org"
        );
        assert_eq!(printable(&"x".repeat(600)).len(), 512);
        assert_eq!(printable("a\u{61c}\u{ad}\u{180e}\u{2066}\u{fff9}\u{e0041}b"), "ab");
        assert_eq!(
            inert(&format!("{}\u{1b}[2J\u{202e}\nb\r", "x".repeat(600))),
            format!("{}[2J\nb", "x".repeat(600))
        );
    }
}
