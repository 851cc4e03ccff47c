//! Scopes: an ordered set of words (RFC 6749 §3.3).

/// What a token may be used for; words are unique and keep their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(Vec<String>);

/// A text is not a scope: a word holds a character that RFC 6749 §3.3 forbids.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope word holds a character that is not allowed")]
pub struct InvalidScope;

impl Scope {
    /// Parses words separated by spaces; repetitions are dropped.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        let mut words: Vec<String> = Vec::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            if !word.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)) {
                return Err(InvalidScope);
            }
            if !words.iter().any(|known| known == word) {
                words.push(word.to_owned());
            }
        }
        Ok(Self(words))
    }

    /// Whether `word` is in the set.
    pub fn contains(&self, word: &str) -> bool {
        self.0.iter().any(|known| known == word)
    }

    /// Whether every word of `self` is in `wider`.
    pub fn is_within(&self, wider: &Self) -> bool {
        self.0.iter().all(|word| wider.contains(word))
    }

    /// Returns the set without `words`.
    #[must_use]
    pub fn without(&self, words: &[&str]) -> Self {
        Self(self.0.iter().filter(|word| !words.contains(&word.as_str())).cloned().collect())
    }

    /// Whether there is no word.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the words in order.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_ordered_and_legal() {
        assert_eq!(Scope::parse("openid  email openid").map(|s| s.to_string()), Ok("openid email".into()));
        assert_eq!(Scope::parse("open\"id"), Err(InvalidScope));
        assert!(Scope::parse("a").unwrap().is_within(&Scope::parse("b a").unwrap()));
        assert!(!Scope::parse("a c").unwrap().is_within(&Scope::parse("b a").unwrap()));
    }
}
