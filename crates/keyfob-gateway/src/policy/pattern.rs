//! Names with gaps: `gpt-5*` stands for every name that begins so.

/// A name in which each `*` stands for any number of characters, none included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(String);

/// Whether `a` and `A` are one letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// They are two.
    Kept,
    /// They are one.
    Ignored,
}

/// No name is longer, and a pattern is none that nobody can read.
const LONGEST: usize = 200;

impl Pattern {
    /// Reads a pattern; nothing if it is empty, too long, or holds more than visible ASCII characters.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let readable = text.bytes().all(|byte| byte.is_ascii_graphic());
        (readable && (1..=LONGEST).contains(&text.len())).then(|| Self(text.to_owned()))
    }

    /// Returns the pattern that every name fits.
    pub(crate) fn any() -> Self {
        Self("*".into())
    }

    /// Whether every name fits.
    pub(crate) fn is_any(&self) -> bool {
        self.0.bytes().all(|byte| byte == b'*')
    }

    /// Whether `name` fits, whole.
    pub(crate) fn matches(&self, name: &str, case: Case) -> bool {
        let same = |a: u8, b: u8| match case {
            Case::Kept => a == b,
            Case::Ignored => a.eq_ignore_ascii_case(&b),
        };
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut at, mut seen) = (0, 0);
        // Where the last `*` is, and what of the name it has swallowed: on a mismatch it swallows one more.
        let mut gap: Option<(usize, usize)> = None;
        while let Some(&byte) = name.get(seen) {
            match pattern.get(at) {
                Some(b'*') => {
                    gap = Some((at, seen));
                    at += 1;
                }
                Some(&wanted) if same(wanted, byte) => {
                    at += 1;
                    seen += 1;
                }
                _ => {
                    let Some((star, swallowed)) = gap else { return false };
                    gap = Some((star, swallowed + 1));
                    at = star + 1;
                    seen = swallowed + 1;
                }
            }
        }
        pattern.iter().skip(at).all(|&rest| rest == b'*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        let fits = |pattern: &str, name: &str| Pattern::parse(pattern).unwrap().matches(name, Case::Kept);

        for (pattern, name) in [
            ("*", ""),
            ("*", "gpt-5"),
            ("gpt-5", "gpt-5"),
            ("gpt-*", "gpt-"),
            ("gpt-*", "gpt-5-mini"),
            ("*-mini", "gpt-5-mini"),
            ("a*b*c", "a-b-b-c"),
            ("a*bc", "abbbc"),
            ("**x", "yyx"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("gpt-5", "gpt-5-mini"), ("gpt-5", "GPT-5"), ("*-mini", "gpt-5"), ("a*b", "ac"), ("ab", "")]
        {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn capitals_may_be_one_with_small_letters() {
        let pattern = Pattern::parse("gpt-*").unwrap();

        assert!(pattern.matches("GPT-5", Case::Ignored));
        assert!(!pattern.matches("GPT-5", Case::Kept));
    }

    #[test]
    fn what_nobody_can_read_is_no_pattern() {
        for text in ["", "a b", "é", "a\n", &"x".repeat(201)] {
            assert_eq!(Pattern::parse(text), None, "{text}");
        }
    }
}
