//! Attempt ids: how the issuer tells a retry of ours from a thief's try (security §7.3).

use crate::home::Home;
use crate::store::StoreError;
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use keyfob_oauth::{Entropy, RefreshToken, Secret};
use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// The name of one spending of one refresh token: every process of this home derives the same for the same token, so
/// a retry is known as one, a week later too; who holds the token alone cannot derive it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptId(String);

impl AttemptId {
    /// Returns an id that no key derived.
    #[cfg(test)]
    pub(crate) fn named(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// Returns the value of the header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The header that carries an attempt id; an issuer that understands it sends it back.
pub(crate) const ATTEMPT_HEADER: &str = "x-refresh-attempt";

/// A random key of this home, in a file of its own that is never copied with the login.
pub(crate) struct DeviceKey(hmac::Key);

impl DeviceKey {
    /// Reads the key of `home`, or makes one; of processes that make one at once, one wins.
    pub(crate) fn of(home: &Home, entropy: &dyn Entropy) -> Result<Self, StoreError> {
        let path = home.device_key();
        if let Some(key) = read(&path)? {
            return Ok(key);
        }
        make(&path, entropy)?;
        read(&path)?.ok_or_else(|| unusable(&path))
    }

    /// Returns the attempt id of spending `token`: the first 16 bytes of HMAC-SHA-256 over it.
    pub(crate) fn attempt(&self, token: &RefreshToken) -> AttemptId {
        let tag = hmac::sign(&self.0, format!("refresh{}", token.expose()).as_bytes());
        AttemptId(URL_SAFE_NO_PAD.encode(tag.as_ref().first_chunk::<16>().unwrap_or(&[0; 16])))
    }
}

fn read(path: &Path) -> Result<Option<DeviceKey>, StoreError> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StoreError::Read { path: path.to_owned(), source }),
        Ok(text) => match URL_SAFE_NO_PAD.decode(Secret::new(text).expose()) {
            Ok(bytes) if bytes.len() == 32 => Ok(Some(DeviceKey(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))),
            Ok(_) | Err(_) => Err(unusable(path)),
        },
    }
}

fn unusable(path: &Path) -> StoreError {
    let source = io::Error::new(io::ErrorKind::InvalidData, "it is not 32 bytes in base64url");
    StoreError::Read { path: path.to_owned(), source }
}

fn make(path: &Path, entropy: &dyn Entropy) -> Result<(), StoreError> {
    let problem = |source| StoreError::Write { path: path.to_owned(), source };
    let key = entropy.token().map_err(|error| problem(io::Error::other(error)))?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::Builder::new()
        .prefix(".device-key-")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder)
        .map_err(problem)?;
    file.write_all(key.expose().as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(problem)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        // Another process was first; its key is the key.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(problem(error.error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    #[test]
    fn i_27_every_process_of_a_home_derives_the_same_id_for_the_same_token() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("home"));
        home.make().unwrap();
        let attempt =
            |token: &str| DeviceKey::of(&home, &SystemEntropy).unwrap().attempt(&RefreshToken::new(token));

        assert_eq!(attempt("rt"), attempt("rt"));
        assert_ne!(attempt("rt"), attempt("rt2"));
        assert_eq!(attempt("rt").as_str().len(), 22);
        let mode = std::fs::metadata(home.device_key()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn another_home_derives_another_id() {
        let folder = tempfile::tempdir().unwrap();
        let attempt = |name: &str| {
            let home = Home::new(folder.path().join(name));
            home.make().unwrap();
            DeviceKey::of(&home, &SystemEntropy).unwrap().attempt(&RefreshToken::new("rt"))
        };

        assert_ne!(attempt("one"), attempt("two"));
    }
}
