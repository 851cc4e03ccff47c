//! Changing our own `config.toml`: comments, order and everything else in it stay.

use super::SettingsError;
use keyfob_client::Home;
use keyfob_client::logins::Which;
use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

const DEFAULT: &str = "default_login";
const RULES: &str = "login_rule";

/// Makes `login` the one that is used where nothing else is chosen.
pub(crate) fn set_default(home: &Home, login: &Which) -> Result<(), SettingsError> {
    edit(home, |document| {
        match login {
            // Without a default it is the shared one.
            Which::Shared => drop(document.remove(DEFAULT)),
            Which::Beside(name) => replace(document.as_table_mut(), DEFAULT, name.as_str()),
        }
        Ok(())
    })
}

/// Makes `login` the one that is used in `folder` and below it.
pub(crate) fn set_rule(home: &Home, folder: &str, login: &Which) -> Result<(), SettingsError> {
    edit(home, |document| {
        let rules = document.entry(RULES).or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
        let rules = rules.as_array_of_tables_mut().ok_or(RULES)?;
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
fn replace(table: &mut Table, key: &str, text: &str) {
    let mut new = toml_edit::Value::from(text);
    if let Some(old) = table.get_mut(key).and_then(Item::as_value_mut) {
        *new.decor_mut() = old.decor().clone();
        *old = new;
    } else {
        table.insert(key, Item::Value(new));
    }
}

/// Reads, changes and replaces the file; what `change` answers with is the key that is in its way.
fn edit(
    home: &Home,
    change: impl FnOnce(&mut DocumentMut) -> Result<(), &'static str>,
) -> Result<(), SettingsError> {
    home.make()?;
    let path = home.config_file();
    let write = |source| SettingsError::Write { path: path.clone(), source };
    let folder = path.parent().unwrap_or(Path::new("/"));
    let folder = File::open(folder).map_err(write)?;
    match folder.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(SettingsError::Busy(path)),
        Err(TryLockError::Error(source)) => return Err(write(source)),
    }
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(source) => return Err(SettingsError::Read { path, source }),
    };
    let mut document: DocumentMut = text
        .parse()
        .map_err(|source| SettingsError::Edit { path: path.clone(), source: Box::new(source) })?;
    change(&mut document).map_err(|key| SettingsError::InTheWay { path: path.clone(), key })?;
    // A link that the user made, to where their settings are kept, stays one.
    let target = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
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

    struct Config(tempfile::TempDir, Home);

    impl Config {
        fn holding(text: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let home = Home::new(folder.path().join("home"));
            home.make().unwrap();
            File::create(home.config_file()).unwrap().write_all(text.as_bytes()).unwrap();
            Self(folder, home)
        }

        fn text(&self) -> String {
            fs::read_to_string(self.1.config_file()).unwrap()
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
        let home = Home::new(folder.path().join("home"));

        set_default(&home, &which("work")).unwrap();

        assert_eq!(fs::read_to_string(home.config_file()).unwrap(), "default_login = \"work\"\n");
        assert_eq!(fs::metadata(home.config_file()).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(home.own_folder()).unwrap().count(), 2, "and the marker for backups");
    }

    #[test]
    fn two_programs_do_not_change_the_file_at_once() {
        let config = Config::holding("issuer = \"https://id.test\"\n");
        let other = File::open(config.1.own_folder()).unwrap();
        other.lock().unwrap();

        assert!(matches!(set_default(&config.1, &which("work")), Err(SettingsError::Busy(_))));
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
        fs::rename(config.1.config_file(), &kept).unwrap();
        std::os::unix::fs::symlink(&kept, config.1.config_file()).unwrap();

        set_default(&config.1, &which("work")).unwrap();

        assert_eq!(fs::read_to_string(&kept).unwrap(), "default_login = \"work\"\n");
        assert!(fs::symlink_metadata(config.1.config_file()).unwrap().is_symlink());
    }
}
