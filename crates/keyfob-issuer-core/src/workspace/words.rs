//! Closed vocabularies, and sets of their words.

/// A vocabulary: each value has one word, which is stored, typed and sent.
pub trait Word: Copy + PartialEq + Sized + 'static {
    /// Every value there is.
    const ALL: &'static [Self];

    /// Returns the word.
    fn as_str(self) -> &'static str;

    /// Returns the value that `word` names.
    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.as_str() == word)
    }
}

/// Some values of one vocabulary, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordSet<W>(Vec<W>);

impl<W: Word> WordSet<W> {
    /// Returns the set of these.
    pub fn of(values: &[W]) -> Self {
        Self(W::ALL.iter().copied().filter(|value| values.contains(value)).collect())
    }

    /// Parses words with blanks between them; one that is in no vocabulary makes the whole unreadable.
    pub fn parse(text: &str) -> Option<Self> {
        let values = text.split_whitespace().map(W::from_word).collect::<Option<Vec<W>>>()?;
        Some(Self::of(&values))
    }

    /// Whether `value` is in the set.
    pub fn contains(&self, value: W) -> bool {
        self.0.contains(&value)
    }

    /// Returns the values.
    pub fn iter(&self) -> impl Iterator<Item = W> {
        self.0.iter().copied()
    }

    /// Returns the words, with blanks between them.
    pub fn to_text(&self) -> String {
        self.0.iter().map(|value| value.as_str()).collect::<Vec<_>>().join(" ")
    }
}
