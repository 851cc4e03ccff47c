//! All that is wrong in one file, and what only looks right.

use crate::error::SettingsError;
use crate::file::Text;
use crate::keys::{FileKind, KEYS, Key};
use crate::layer::Layer;
use crate::nearest;
use crate::problem::Problem;
use crate::survey::tables;
use std::ops::Range;
use toml::de::DeTable;

/// Nobody reads more of one file.
const MOST_ERRORS: usize = 20;

/// Returns every error of a file: its parser is asked again without the part that it refused.
pub(crate) fn errors(text: &Text, parse: impl Fn(&Text) -> Result<(), SettingsError>) -> Vec<SettingsError> {
    let (_, syntax) = DeTable::parse_recoverable(&text.content);
    if !syntax.is_empty() {
        let errors = syntax.into_iter().take(MOST_ERRORS);
        return errors.map(|error| text.invalid(error.into())).collect();
    }
    let mut errors = Vec::new();
    let mut rest = text.clone();
    while let Err(error) = parse(&rest) {
        let refused = match &error {
            SettingsError::Invalid { problem, .. } => refused(&rest.content, &problem.span),
            SettingsError::Read { .. } | SettingsError::Untrusted { .. } | SettingsError::Conflict(_) => None,
        };
        errors.push(error);
        let Some(without) = refused.map(|part| blank(&rest.content, &part)) else { break };
        if without == rest.content || errors.len() == MOST_ERRORS {
            break;
        }
        rest.content = without;
    }
    errors.sort_by_key(place);
    errors
}

fn place(error: &SettingsError) -> usize {
    match error {
        SettingsError::Invalid { problem, .. } => problem.span.start,
        SettingsError::Read { .. } | SettingsError::Untrusted { .. } | SettingsError::Conflict(_) => 0,
    }
}

/// Returns the smallest part around `span` that can be left out: a key with its value, or a table.
fn refused(text: &str, span: &Range<usize>) -> Option<Range<usize>> {
    let (table, _) = DeTable::parse_recoverable(text);
    let header = |at: usize| {
        let start = text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
        let rest = text.get(start..)?;
        let next = rest.match_indices("\n[").map(|(at, _)| start + at + 1).find(|next| *next > at);
        rest.starts_with('[').then_some(start..next.unwrap_or(text.len()))
    };
    match leaf(table.get_ref(), span) {
        Some((part, Within::Table)) => Some(part),
        // A table of a list without one of its keys is another error.
        Some((part, Within::List)) => {
            text.get(..part.start)?.rfind("\n[").map_or_else(|| header(0), |at| header(at + 1))
        }
        None => header(span.start),
    }
}

enum Within {
    Table,
    List,
}

fn leaf(table: &DeTable<'_>, span: &Range<usize>) -> Option<(Range<usize>, Within)> {
    for (key, value) in table {
        let inner = value.get_ref();
        for table in tables(inner) {
            if let Some((part, within)) = leaf(table, span) {
                return Some((part, if inner.is_array() { Within::List } else { within }));
            }
        }
        let part = key.span().start..value.span().end;
        if tables(inner).is_empty() && part.start <= span.start && span.start < part.end.max(part.start + 1) {
            return Some((part, Within::Table));
        }
    }
    None
}

/// Puts spaces in the place of a part, so that all else stays where it is.
fn blank(text: &str, part: &Range<usize>) -> String {
    let blanked = text.bytes().enumerate().map(
        |(at, byte)| {
            if part.contains(&at) && byte != b'\n' { b' ' } else { byte }
        },
    );
    String::from_utf8(blanked.collect()).unwrap_or_default()
}

/// Returns what has no effect, or another one than it seems to have.
pub(crate) fn warnings(kind: FileKind, text: &Text) -> Vec<Problem> {
    let (table, _) = DeTable::parse_recoverable(&text.content);
    let warn = |span, message: String, help: String| {
        Problem::new(text.file.as_path().to_owned(), &text.content, span, message).with_help(help)
    };
    let mut warnings = Vec::new();
    let known: Vec<&str> = Key::of(kind).filter(|key| key.table.is_none()).map(|key| key.name).collect();
    for (key, value) in table.get_ref() {
        let name: &str = key.get_ref();
        // The parser of our own file refuses what it does not know.
        if kind != FileKind::Own && !known.contains(&name) {
            warnings
                .extend(stranger(kind, name, &known).map(|(message, help)| warn(key.span(), message, help)));
        }
        trapped(value.get_ref(), name, 2, &known, &mut |key, header| {
            let message = format!("`{}` has no effect in the table `[{header}]`", key.get_ref());
            warnings.push(warn(key.span(), message, TO_THE_TOP.to_owned()));
        });
    }
    warnings.sort_by_key(|warning| warning.span.start);
    warnings
}

/// What to do about a key that belongs to the wrong table.
pub(crate) const TO_THE_TOP: &str =
    "every key below a header belongs to its table: put it above the first header";

/// Returns what to do about the message of a parser.
pub(crate) fn help(layer: Layer, message: &str) -> Option<String> {
    // Of the shared files no key is refused because it is not known.
    let kind = if layer == Layer::Own { FileKind::Own } else { FileKind::Requirements };
    let (name, _) = nearest::unknown(message)?;
    let known = |key: &&Key| key.name == name;
    if !message.starts_with("unknown field") {
        nearest::to_unknown(message)
    } else if Key::of(kind).any(|key| known(&key)) {
        Some(TO_THE_TOP.to_owned())
    } else if let Some(key) = KEYS.iter().find(known) {
        Some(format!("it is a key of {}", key.file))
    } else {
        nearest::to_unknown(message)
    }
}

/// Says of a key that is none of its file what it may be.
fn stranger(kind: FileKind, name: &str, known: &[&str]) -> Option<(String, String)> {
    let elsewhere = FileKind::ALL.into_iter().filter(|other| *other != kind);
    let home = elsewhere.into_iter().find(|other| {
        Key::of(*other).any(|key| match key.table {
            Some(table) => table == name,
            None => key.name == name,
        })
    });
    if let Some(home) = home.filter(|_| name != "keyfob" || kind != FileKind::Requirements) {
        return Some((format!("`{name}` has no effect here"), format!("it is a key of {home}")));
    }
    let near = nearest::slip(name, known.iter().copied())?;
    Some((format!("no key of {kind} is called `{name}`"), format!("did you mean `{near}`?")))
}

/// Finds keys of the file's top below a header, where nobody looks for them.
fn trapped<'a, 'i>(
    value: &'a toml::de::DeValue<'i>,
    header: &str,
    depth: usize,
    known: &[&str],
    found: &mut dyn FnMut(&'a toml::Spanned<toml::de::DeString<'i>>, &str),
) {
    if depth == 0 || header == "keyfob" {
        return;
    }
    for table in tables(value) {
        for (key, value) in table {
            if known.contains(&&**key.get_ref()) {
                found(key, header);
            }
            trapped(value.get_ref(), &format!("{header}.{}", key.get_ref()), depth - 1, known, found);
        }
    }
}

#[cfg(test)]
mod tests;
