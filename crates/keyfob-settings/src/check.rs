//! All that is wrong in one file, and what only looks right.

use crate::error::SettingsError;
use crate::file::Text;
use crate::keys::{FileKind, KEYS, Key};
use crate::layer::Layer;
use crate::nearest;
use crate::problem::Problem;
use crate::survey::tables;
use keyfob_codex::config::InvalidConfig;
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

/// Puts the message of a parser into words that name the key, where neither it nor its line does.
pub(crate) fn in_words(layer: Layer, text: &str, error: &InvalidConfig) -> String {
    let message = &error.message;
    let (table, _) = DeTable::parse_recoverable(text);
    let at = named(table.get_ref(), &error.span).filter(|_| kinds(layer).next().is_some());
    let Some((name, place)) = at else { return message.clone() };
    let key = kinds(layer).find(|key| key.name == name).map(|key| key.kind.to_string());
    let table = kinds(layer).any(|key| key.table == Some(&name)).then(|| "a table".to_owned());
    let is_about_the_kind = ["invalid type: ", "wanted "].iter().any(|start| message.starts_with(start));
    let between = text.get(place..error.span.start).unwrap_or_default();
    match key.or(table) {
        Some(kind) if is_about_the_kind => format!("`{name}` has to be {kind}"),
        Some(_) if between.contains('\n') => format!("{message} in `{name}`"),
        Some(_) | None => message.clone(),
    }
}

/// The keys that a file of this layer may have.
fn kinds(layer: Layer) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| match layer {
        Layer::Own => key.file == FileKind::Own,
        Layer::Requirements => key.file == FileKind::Requirements,
        Layer::ManagedConfig | Layer::Flag | Layer::User | Layer::System => key.file == FileKind::Shared,
        Layer::ManagedPreferences => key.file != FileKind::Own,
    })
}

/// Returns the name and the beginning of the key at the top or in a table there whose value holds `span`.
fn named(table: &DeTable<'_>, span: &Range<usize>) -> Option<(String, usize)> {
    table.iter().find_map(|(key, value)| {
        let inner = value.get_ref().as_table().and_then(|table| named(table, span));
        inner.or_else(|| {
            let holds = key.span().start <= span.start && span.start < value.span().end;
            holds.then(|| (key.get_ref().to_string(), key.span().start))
        })
    })
}

/// Returns what to do about the message of a parser.
pub(crate) fn help(layer: Layer, message: &str) -> Option<String> {
    // Of the shared files no key is refused because it is not known.
    let kind = if layer == Layer::Own { FileKind::Own } else { FileKind::Requirements };
    let (name, _) = nearest::unknown(message)?;
    if !message.starts_with("unknown field") {
        nearest::to_unknown(message)
    } else if Key::of(kind).any(|key| key.name == name) {
        Some(TO_THE_TOP.to_owned())
    } else if let Some(file) = home_of(name, kind) {
        Some(format!("it is a key of {file}"))
    } else {
        nearest::to_unknown(message)
    }
}

/// Returns the kind of file to which a key belongs that does not belong to `kind`.
fn home_of(name: &str, kind: FileKind) -> Option<FileKind> {
    let has =
        |file: &FileKind| Key::of(*file).any(|key| key.table.map_or(key.name == name, |table| table == name));
    [FileKind::Shared, FileKind::Own, FileKind::Requirements]
        .into_iter()
        .filter(|file| *file != kind)
        .find(has)
}

/// Says of a key that is none of its file what it may be.
fn stranger(kind: FileKind, name: &str, known: &[&str]) -> Option<(String, String)> {
    let home = home_of(name, kind);
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
