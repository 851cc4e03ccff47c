//! A home in which secrets go further than this machine: a git work tree, or a folder that a program copies elsewhere
//! (security C-75).

use keyfob_client::Home;
use std::fmt;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Where what is in the home goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Exposure {
    /// Into a repository, with the next `git add`.
    GitWorkTree(PathBuf),
    /// To wherever this program copies the folder.
    Synced(PathBuf, &'static str),
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GitWorkTree(tree) => write!(f, "the home is in the git work tree {}", tree.display()),
            Self::Synced(folder, by) => {
                write!(f, "the home is in {}, which {by} copies elsewhere", folder.display())
            }
        }
    }
}

/// What programs that copy folders call theirs, or leave in them.
const SYNCED: [(&str, &str); 8] = [
    ("Dropbox", "Dropbox"),
    ("OneDrive", "OneDrive"),
    ("Google Drive", "Google Drive"),
    ("GoogleDrive", "Google Drive"),
    ("Nextcloud", "Nextcloud"),
    ("ownCloud", "ownCloud"),
    ("Mobile Documents", "iCloud"),
    (".stfolder", "Syncthing"),
];
/// Keeps the login, what is beside it, and our folder out of a repository.
const IGNORED: &str = "# Written by keyfob: a login is no part of a repository.\nauth.json*\n/keyfob/\n";

/// Returns where what is in `home` goes, unless it is kept out of there.
pub(crate) fn of(home: &Home) -> Vec<Exposure> {
    let path = std::fs::canonicalize(home.path()).unwrap_or_else(|_| home.path().to_owned());
    let tree = path.ancestors().find(|folder| folder.join(".git").exists());
    let tree = tree.filter(|tree| !is_ignored(tree, &path.join("auth.json")));
    let synced = path.ancestors().find_map(|folder| Some((folder, synced_by(folder)?)));
    let tree = tree.map(|tree| Exposure::GitWorkTree(tree.to_owned()));
    tree.into_iter().chain(synced.map(|(folder, by)| Exposure::Synced(folder.to_owned(), by))).collect()
}

/// Whether a `.gitignore` of the tree names `file` or a folder that it is in, in the plain ways of doing so.
///
/// `git` itself is not asked: it does what the settings of a repository say.
fn is_ignored(tree: &Path, file: &Path) -> bool {
    let within = |folder: &&Path| folder.starts_with(tree);
    file.ancestors().skip(1).take_while(within).any(|folder| {
        let Ok(rest) = file.strip_prefix(folder) else { return false };
        let lines = std::fs::read_to_string(folder.join(".gitignore")).unwrap_or_default();
        lines.lines().any(|line| names(line.trim(), rest))
    })
}

fn names(pattern: &str, rest: &Path) -> bool {
    let plain = pattern.trim_end_matches('/');
    match plain.strip_prefix('/') {
        Some(anchored) => rest.starts_with(anchored),
        None if plain.is_empty() || plain.starts_with(['#', '!']) => false,
        None if plain.contains('/') => rest.starts_with(plain),
        None => {
            let is_it = |part: &std::ffi::OsStr| {
                let part = part.to_string_lossy();
                plain.strip_suffix('*').map_or(part == plain, |start| part.starts_with(start))
            };
            rest.iter().any(is_it)
        }
    }
}

fn synced_by(folder: &Path) -> Option<&'static str> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let is_its = |(mark, _): &&(&str, &'static str)| {
        if mark.starts_with('.') { folder.join(mark).exists() } else { name.starts_with(mark) }
    };
    SYNCED.iter().find(is_its).map(|(_, by)| *by)
}

impl Exposure {
    /// Keeps the home out of a repository, where nobody has said yet what is; returns whether it was done now.
    pub(crate) fn shield(&self, home: &Home) -> io::Result<bool> {
        match self {
            Self::GitWorkTree(_) => ignore(home),
            Self::Synced(..) => Ok(false),
        }
    }
}

fn ignore(home: &Home) -> io::Result<bool> {
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(home.shared().path().join(".gitignore"))
        .and_then(|mut file| file.write_all(IGNORED.as_bytes()));
    match made {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_75_a_file_that_a_repository_leaves_out_is_found_by_the_plain_patterns() {
        let rest = Path::new("target/build/codex/auth.json");
        for pattern in [
            "target",
            "/target",
            "target/",
            "/target/build",
            "codex/",
            "auth.json",
            "auth.json*",
            "*",
            "target/build",
        ] {
            assert!(names(pattern, rest), "{pattern}");
        }
        for pattern in ["", "#target", "!auth.json", "/build", "build/codex", "auth", "tar", "*.json"] {
            assert!(!names(pattern, rest), "{pattern}");
        }
    }
}
