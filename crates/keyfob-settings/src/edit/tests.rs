use super::*;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

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

#[test]
fn a_key_is_set_where_it_stands_or_before_the_first_header() {
    let config = Config::holding(
        "# mine\nissuer = 'https://a.test' # ours\n\n# rules\n[[login_rule]]\npath = \"/w\"\n",
    );

    set(&config.1, "issuer", "\"https://b.test\"").unwrap();
    set(&config.1, "default_login", "\"work\"").unwrap();
    set(&config.1, "forced_chatgpt_workspace_id", "[\"a\", \"b\"]").unwrap();

    assert_eq!(
        config.text(),
        "# mine\nissuer = \"https://b.test\" # ours\ndefault_login = \"work\"\n\
         forced_chatgpt_workspace_id = [\"a\", \"b\"]\n\n# rules\n[[login_rule]]\npath = \"/w\"\n"
    );
    assert!(matches!(set(&config.1, "login_rule", "1"), Err(EditError::InTheWay { .. })));
    assert!(matches!(set(&config.1, "issuer", "= 1"), Err(EditError::Parse(_))));
}

#[test]
fn a_key_that_is_taken_away_leaves_all_other_lines() {
    let config = Config::holding("# mine\n\nlist = [ # of\n  1,\n] # two\n# next\nb = 2\n[t]\nlist = 3");

    assert!(unset(&config.1, "list").unwrap());
    assert!(!unset(&config.1, "list").unwrap());

    assert_eq!(config.text(), "# mine\n\n# next\nb = 2\n[t]\nlist = 3");
    assert!(matches!(unset(&config.1, "t"), Err(EditError::InTheWay { .. })));
    assert!(unset(&config.1, "b").unwrap());
    assert_eq!(config.text(), "# mine\n\n# next\n[t]\nlist = 3");
}

#[test]
fn a_file_that_does_not_change_is_not_written() {
    let config = Config::holding("b = 2\n");
    let before = fs::metadata(&config.1).unwrap();

    assert!(!unset(&config.1, "a").unwrap());
    assert!(!unset(&config.0.path().join("none.toml"), "a").unwrap());

    let after = fs::metadata(&config.1).unwrap();
    assert_eq!((before.ino(), fs::read_dir(config.0.path()).unwrap().count()), (after.ino(), 1));
}
