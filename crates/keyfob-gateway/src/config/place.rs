//! Where in a file something is wrong, and which word was probably meant.

use std::ops::Range;
use std::path::Path;

/// Says what is wrong with the file at `path`, and where: `gateway.toml:3:5: …`.
pub(crate) fn at(path: &Path, text: &str, span: Option<Range<usize>>, what: &str) -> String {
    let shown = path.display();
    let Some(before) = span.and_then(|span| text.get(..span.start)) else {
        return format!("{shown}: {what}");
    };
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!("{shown}:{line}:{column}: {what}")
}

/// Says what the TOML parser found, with the nearest word for one that it does not know.
pub(crate) fn parsing(path: &Path, text: &str, error: &toml::de::Error) -> String {
    let message = error.message().lines().next().unwrap_or_default();
    at(path, text, error.span(), &unknown(message).unwrap_or_else(|| message.to_owned()))
}

fn unknown(message: &str) -> Option<String> {
    let (kind, rest) = [("key", "unknown field `"), ("value", "unknown variant `")]
        .into_iter()
        .find_map(|(kind, start)| Some((kind, message.strip_prefix(start)?)))?;
    let (word, rest) = rest.split_once('`')?;
    let known = rest.split('`').skip(1).step_by(2);
    let nearest = known.min_by_key(|known| strsim::damerau_levenshtein(known, word))?;
    Some(format!("`{word}` is no {kind} here; the nearest known one is `{nearest}`"))
}
