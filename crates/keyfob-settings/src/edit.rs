//! Changing a file of settings: comments, order and everything else in it stay.

use crate::logins::Which;
use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

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
    #[error("cannot understand {path}")]
    Parse {
        /// Which.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: Box<toml_edit::TomlError>,
    },
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

/// Puts `text` in the place of a value; comments beside it and before its key stay.
pub fn replace(table: &mut Table, key: &str, text: &str) {
    let mut new = toml_edit::Value::from(text);
    if let Some(old) = table.get_mut(key).and_then(Item::as_value_mut) {
        *new.decor_mut() = old.decor().clone();
        *old = new;
    } else {
        table.insert(key, Item::Value(new));
    }
}

/// Reads, changes and replaces the file in a folder that is there; what `change` says is in its way stays.
///
/// A new file can be read by its owner alone. Of two programs that change a file at once one is told so.
pub fn edit(
    path: &Path,
    change: impl FnOnce(&mut DocumentMut) -> Result<(), InTheWay>,
) -> Result<(), EditError> {
    let write = |source| EditError::Write { path: path.to_owned(), source };
    let folder = File::open(path.parent().unwrap_or(Path::new("/"))).map_err(write)?;
    match folder.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(EditError::Busy(path.to_owned())),
        Err(TryLockError::Error(source)) => return Err(write(source)),
    }
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(source) => return Err(EditError::Read { path: path.to_owned(), source }),
    };
    let mut document: DocumentMut = text
        .parse()
        .map_err(|source| EditError::Parse { path: path.to_owned(), source: Box::new(source) })?;
    change(&mut document).map_err(|InTheWay(key)| EditError::InTheWay { path: path.to_owned(), key })?;
    // A link that the user made, to where their settings are kept, stays one.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    replace_file(&target, &document.to_string()).map_err(write)
}

fn replace_file(target: &Path, text: &str) -> io::Result<()> {
    let folder = target.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::Builder::new()
        .prefix(".config-")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(target)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Config(tempfile::TempDir, PathBuf);

    impl Config {
        fn holding(text: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("config.toml");
            crate::on_disk::put(&path, text);
            Self(folder, path)
        }

        fn text(&self) -> String {
            fs::read_to_string(&self.1).unwrap()
        }
    }

    fn which(name: &str) -> Which {
        Which::parse(name).unwrap()
    }

    #[test]
    fn comments_order_and_what_else_is_there_stay() {
        let config = Config::holding(
            "# mine\ndefault_login = \"old\"   # for now\nissuer = \"https://id.test\" # ours\n\n\
             [[login_rule]] # first\nlogin = 'a'  # a\npath = \"/w\"\n",
        );

        set_default(&config.1, &which("work")).unwrap();
        set_rule(&config.1, "/w", &which("b")).unwrap();
        set_rule(&config.1, "/x y\"z", &which("shared")).unwrap();

        assert_eq!(
            config.text(),
            "# mine\ndefault_login = \"work\"   # for now\nissuer = \"https://id.test\" # ours\n\n\
             [[login_rule]] # first\nlogin = \"b\"  # a\npath = \"/w\"\n\n\
             [[login_rule]]\npath = '/x y\"z'\nlogin = \"shared\"\n"
        );
    }

    #[test]
    fn the_shared_login_as_default_is_no_default() {
        let config = Config::holding("issuer = \"https://id.test\"\ndefault_login = \"work\"\n");

        set_default(&config.1, &Which::Shared).unwrap();

        assert_eq!(config.text(), "issuer = \"https://id.test\"\n");
    }

    #[test]
    fn a_new_file_is_private_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");

        set_default(&path, &which("work")).unwrap();

        assert_eq!(fs::read_to_string(&path).unwrap(), "default_login = \"work\"\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn two_programs_do_not_change_the_file_at_once() {
        let config = Config::holding("issuer = \"https://id.test\"\n");
        let other = File::open(config.0.path()).unwrap();
        other.lock().unwrap();

        assert!(matches!(set_default(&config.1, &which("work")), Err(EditError::Busy(_))));
        drop(other);
        set_default(&config.1, &which("work")).unwrap();
    }

    #[test]
    fn a_file_that_is_no_toml_is_left_alone() {
        for text in ["default_login = ", "login_rule = 7\n"] {
            let config = Config::holding(text);

            assert!(set_rule(&config.1, "/w", &which("work")).is_err(), "{text}");

            assert_eq!(config.text(), text);
        }
    }

    #[test]
    fn a_link_to_where_settings_are_kept_stays_one() {
        let config = Config::holding("");
        let kept = config.0.path().join("dotfiles.toml");
        fs::rename(&config.1, &kept).unwrap();
        std::os::unix::fs::symlink(&kept, &config.1).unwrap();

        set_default(&config.1, &which("work")).unwrap();

        assert_eq!(fs::read_to_string(&kept).unwrap(), "default_login = \"work\"\n");
        assert!(fs::symlink_metadata(&config.1).unwrap().is_symlink());
    }
}
