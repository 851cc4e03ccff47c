//! Passwords that were seen in breaches: a directory as Have I Been Pwned's downloader makes it, if there is one.
//!
//! Nothing leaves the machine. For each of the 1,048,576 beginnings of five hexadecimal digits of a SHA-1 there is a file
//! `BEGIN.txt`, whose lines are `REST:COUNT`.

use keyfob_issuer_core::password::Password;
use std::io;
use std::path::PathBuf;

/// Where the lists are.
#[derive(Clone, Debug)]
pub(crate) struct BreachLists(Option<PathBuf>);

/// A list cannot be read, so nobody knows.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the list of breached passwords {path}")]
pub(crate) struct BreachListError {
    path: String,
    #[source]
    source: io::Error,
}

/// How many digits name the file.
const NAME_DIGITS: usize = 5;

impl BreachLists {
    pub(crate) fn new(directory: Option<PathBuf>) -> Self {
        Self(directory)
    }

    /// Whether `password` was seen; reads a file, so not on a runtime's thread.
    pub(crate) fn hold(&self, password: &Password) -> Result<bool, BreachListError> {
        let Some(directory) = &self.0 else { return Ok(false) };
        let digest = password.breach_name();
        let Some((name, rest)) = digest.expose().split_at_checked(NAME_DIGITS) else { return Ok(false) };
        let path = directory.join(format!("{name}.txt"));
        let list = std::fs::read_to_string(&path)
            .map_err(|source| BreachListError { path: path.display().to_string(), source })?;
        Ok(list.lines().filter_map(|line| line.split(':').next()).any(|seen| seen.eq_ignore_ascii_case(rest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i_52_a_breached_password_is_found_by_its_digest_and_an_absent_list_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let list = "0018A45C4D1DEF81644B54AB7F969B88D65:3\r\n1E4C9B93F3F0682250B6CF8331B7EE68FD8:9545824\r\n";
        std::fs::File::create(directory.path().join("5BAA6.txt"))
            .and_then(|mut file| io::Write::write_all(&mut file, list.as_bytes()))
            .unwrap();
        let lists = BreachLists::new(Some(directory.path().to_owned()));

        assert!(lists.hold(&Password::typed("password".into())).unwrap());
        assert!(lists.hold(&Password::typed("another".into())).is_err());
        assert!(!BreachLists::new(None).hold(&Password::typed("password".into())).unwrap());
    }
}
