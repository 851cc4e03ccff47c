//! Configurations that cannot be used, one by one: what is said is in `bad.txt`.

use crate::Home;
use crate::managed::Managed;
use crate::signed_in::{FAR, signed_in};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};

/// `== TITLE`, then `@ FILE [what it is]` with its text or `@ -c KEY=VALUE`, then `@ exit CODE` with the message.
const CASES: &str = include_str!("bad.txt");

struct Case<'a> {
    title: &'a str,
    files: Vec<(&'a str, String)>,
    flags: Vec<&'a str>,
    code: i32,
    message: String,
}

impl<'a> Case<'a> {
    fn parse(text: &'a str) -> Self {
        let (title, rest) = text.split_once('\n').unwrap();
        let (setup, end) = rest.split_once("@ exit ").unwrap();
        let (code, message) = end.split_once('\n').unwrap();
        let mut case = Self {
            title,
            files: Vec::new(),
            flags: Vec::new(),
            code: code.parse().unwrap(),
            message: format!("{}\n", message.trim_end()),
        };
        for line in setup.lines() {
            if let Some(flag) = line.strip_prefix("@ -c ") {
                case.flags.push(flag);
            } else if let Some(file) = line.strip_prefix("@ ") {
                case.files.push((file, String::new()));
            } else if let Some((_, text)) = case.files.last_mut() {
                text.push_str(line);
                text.push('\n');
            }
        }
        case
    }

    /// Puts its files in place.
    fn set_up(&self, home: &Home, managed: &Managed) {
        for (file, text) in &self.files {
            let (path, kinds) = file.split_once(' ').unwrap_or((file, ""));
            let path = match path.strip_prefix("/etc/codex") {
                Some(name) => managed.path().join(name.trim_start_matches('/')),
                None => home.path().join(path.strip_prefix("$HOME/").unwrap()),
            };
            put(&path, text, kinds);
        }
    }
}

fn put(path: &PathBuf, text: &str, kinds: &str) {
    let has = |kind: &str| kinds.split(' ').any(|word| word == kind);
    let number = |name: &str| kinds.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    if has("folder") {
        fs::create_dir_all(path).unwrap();
    } else if has("link") {
        return symlink("/etc/passwd", path).unwrap();
    } else if has("huge") {
        fs::write(path, "#".repeat(1024 * 1024 + 1)).unwrap();
    } else if has("bytes") {
        fs::write(path, bytes(text)).unwrap();
    } else {
        fs::write(path, text).unwrap();
    }
    let mode = number("mode").map_or(0o755, |mode| u32::from_str_radix(mode, 8).unwrap());
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    chown(path, number("owner").map(|owner| owner.parse().unwrap()), None).unwrap();
}

/// Makes bytes of `\xNN`.
fn bytes(text: &str) -> Vec<u8> {
    let mut parts = text.split("\\x");
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        let (number, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(number, 16).unwrap());
        bytes.extend(rest.as_bytes());
    }
    bytes
}

fn stored(folder: &Path) -> Vec<u8> {
    fs::read(folder.join("auth.json")).unwrap()
}

#[test]
fn s_18_c_53_c_55_each_bad_configuration_stops_with_one_message_and_no_login_is_lost() {
    let cases: Vec<Case<'_>> = CASES.split("== ").skip(1).map(Case::parse).collect();
    assert!(cases.len() >= 40, "{}", cases.len());
    for case in cases {
        let (home, _) = signed_in(FAR, "rt-secret");
        let managed = Managed::empty();
        case.set_up(&home, &managed);
        let before = stored(home.path());
        let flags: Vec<&str> = case.flags.iter().flat_map(|flag| ["-c", flag]).collect();

        let told = managed.run(&home, &[&["token"], &flags[..]].concat());
        let checked = managed.run(&home, &[&["config", "check"], &flags[..]].concat());

        assert_eq!((told.stdout, told.stderr), (String::new(), case.message), "{}", case.title);
        assert_eq!((told.code, checked.code), (Some(case.code), Some(case.code)), "{}", case.title);
        assert!(super::is_readable(&checked.stdout), "{}: {}", case.title, checked.stdout);
        assert_eq!(stored(home.path()), before, "{}", case.title);
    }
}
