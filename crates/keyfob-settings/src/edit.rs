//! Changing a file of settings: comments, order and everything else in it stay.

use crate::locked::LockedFile;
use crate::logins::Which;
use crate::problem::Problem;
use std::io;
use std::path::{Path, PathBuf};
use toml_edit::{ArrayOfTables, Document, DocumentMut, Item, Table, TomlError, Value, value};

const DEFAULT: &str = "default_login";
const RULES: &str = "login_rule";

/// A file cannot be changed; it is as it was.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is no TOML.
    #[error("{0}")]
    Parse(Box<Problem>),
    /// A key has another kind of value than the one that is to be changed.
    #[error("`{key}` in {path} is something else than it is to be")]
    InTheWay {
        /// Which.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// Somebody else is at it.
    #[error("another program is changing {0}")]
    Busy(PathBuf),
}

/// What is in the way of a change: the key that is something else than it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InTheWay(pub String);

/// Makes `login` the one that is used where nothing else is chosen.
pub fn set_default(path: &Path, login: &Which) -> Result<(), EditError> {
    edit(path, |document| {
        match login {
            // Without a default it is the shared one.
            Which::Shared => drop(document.remove(DEFAULT)),
            Which::Beside(name) => replace(document.as_table_mut(), DEFAULT, name.as_str()),
        }
        Ok(())
    })
}

/// Makes `login` the one that is used in `folder` and below it.
pub fn set_rule(path: &Path, folder: &str, login: &Which) -> Result<(), EditError> {
    edit(path, |document| {
        let rules = document.entry(RULES).or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
        let rules = rules.as_array_of_tables_mut().ok_or_else(|| InTheWay(RULES.into()))?;
        let of_folder = |rule: &&mut Table| rule.get("path").and_then(Item::as_str) == Some(folder);
        // The last one counts.
        if let Some(rule) = rules.iter_mut().filter(of_folder).last() {
            replace(rule, "login", login.as_str());
        } else {
            let mut rule = Table::new();
            rule.insert("path", value(folder));
            rule.insert("login", value(login.as_str()));
            rules.push(rule);
        }
        Ok(())
    })
}

/// Sets a key at the top of the file to `text`, which is a value of TOML.
pub fn set(path: &Path, key: &str, text: &str) -> Result<(), EditError> {
    let value = text.parse::<Value>().map_err(|error| refused(Path::new("VALUE"), text, &error))?;
    edit(path, |document| {
        match document.get(key) {
            None | Some(Item::Value(_)) => replace(document.as_table_mut(), key, value),
            Some(_) => return Err(InTheWay(key.into())),
        }
        Ok(())
    })
}

/// Takes a key away from the top of the file, with its value and what is said beside it; says whether it was there.
///
/// What is written in the lines before it stays.
pub fn unset(path: &Path, key: &str) -> Result<bool, EditError> {
    let mut was_there = false;
    change(path, |text| {
        let document = parsed(path, text)?;
        let Some((start, end)) = line_of(text, &document, key) else {
            return match document.get(key) {
                None => Ok(text.to_owned()),
                Some(_) => Err(EditError::InTheWay { path: path.to_owned(), key: key.into() }),
            };
        };
        was_there = true;
        Ok([text.get(..start), text.get(end..)].into_iter().flatten().collect())
    })?;
    Ok(was_there)
}

/// Returns from where to where the lines of a key and its value go.
fn line_of(text: &str, document: &Document<&str>, key: &str) -> Option<(usize, usize)> {
    let (key, item) = document.get_key_value(key)?;
    let value = item.as_value()?;
    let start = text.get(..key.span()?.start)?.rfind('\n').map_or(0, |at| at + 1);
    let after = value.span()?.end;
    Some((start, text.get(after..)?.find('\n').map_or(text.len(), |at| after + at + 1)))
}

/// Puts a value in the place of another; comments beside it and before its key stay.
pub fn replace(table: &mut Table, key: &str, value: impl Into<Value>) {
    let mut new = value.into();
    if let Some(old) = table.get_mut(key).and_then(Item::as_value_mut) {
        *new.decor_mut() = old.decor().clone();
        *old = new;
    } else {
        table.insert(key, Item::Value(new));
    }
}

/// Reads, changes and replaces the file in a folder that is there; what `with` says is in its way stays.
///
/// Of two programs that change a file at once one is told so.
pub fn edit(
    path: &Path,
    with: impl FnOnce(&mut DocumentMut) -> Result<(), InTheWay>,
) -> Result<(), EditError> {
    change(path, |text| {
        let mut document = parsed(path, text)?.into_mut();
        with(&mut document).map_err(|InTheWay(key)| EditError::InTheWay { path: path.to_owned(), key })?;
        Ok(document.to_string())
    })
}

fn parsed<'a>(path: &Path, text: &'a str) -> Result<Document<&'a str>, EditError> {
    Document::parse(text).map_err(|error| refused(path, text, &error))
}

fn refused(path: &Path, text: &str, error: &TomlError) -> EditError {
    let span = error.span().unwrap_or_default();
    EditError::Parse(Box::new(Problem::new(path.to_owned(), text, span, error.message().trim_end())))
}

fn change(path: &Path, with: impl FnOnce(&str) -> Result<String, EditError>) -> Result<(), EditError> {
    let mut file = LockedFile::open(path)?;
    let present = file.text().unwrap_or_default();
    let changed = with(present)?;
    if changed == present {
        return Ok(());
    }
    file.replace(Some(&changed))
}

#[cfg(test)]
mod tests;
