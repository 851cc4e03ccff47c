//! What an upstream is told about who calls: nothing, a pseudonym, or the subject (security G-39).

use crate::policy::Who;
use crate::upstreams::Identity;
use aws_lc_rs::hmac;
use http::{HeaderMap, HeaderName, HeaderValue};
use keyfob_oauth::{Entropy, EntropyError};
use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The one header in which it is told; what callers write into it, or into anything like it, stays behind.
const USER: HeaderName = HeaderName::from_static("keyfob-user");
/// The file of the key in the data folder.
const FILE: &str = "pseudonyms.key";
const KEY_BYTES: usize = 32;
/// How many bytes of the MAC are told: enough that two people never share a name.
const TOLD: usize = 16;

/// Makes names that are the same at every time, and that only who has the key can lead back to a person.
pub(crate) struct Pseudonyms(hmac::Key);

/// The key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PseudonymError {
    /// The file cannot be read or made.
    #[error("cannot keep {path}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is another's.
    #[error("{0} does not hold 32 bytes")]
    Length(PathBuf),
    /// There is no randomness.
    #[error("cannot make a key")]
    Entropy(#[from] EntropyError),
    /// There is no place for the key.
    #[error("`identity = \"pseudonym\"` needs a data folder, where its key is kept")]
    NoFolder,
}

impl Pseudonyms {
    /// Reads the key in the data folder, made there at the first start.
    pub(crate) fn open(folder: &Path, entropy: &dyn Entropy) -> Result<Self, PseudonymError> {
        let path = folder.join(FILE);
        let failed = |source| PseudonymError::File { path: path.clone(), source };
        match File::open(&path) {
            Ok(file) => Self::read(file, &path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key: [u8; KEY_BYTES] = entropy.bytes()?;
                // Linked into place whole: of two that start at once, both read the key of one.
                let draft = folder.join(format!("{FILE}.{}", std::process::id()));
                let written =
                    write_new(&draft, &key).and_then(|()| match std::fs::hard_link(&draft, &path) {
                        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                        Ok(()) | Err(_) => Ok(()),
                    });
                let removed = std::fs::remove_file(&draft);
                written.and(removed).map_err(failed)?;
                Self::read(File::open(&path).map_err(failed)?, &path)
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn read(file: File, path: &Path) -> Result<Self, PseudonymError> {
        let mut key = Vec::new();
        file.take(KEY_BYTES as u64 + 1)
            .read_to_end(&mut key)
            .map_err(|source| PseudonymError::File { path: path.to_owned(), source })?;
        if key.len() != KEY_BYTES {
            return Err(PseudonymError::Length(path.to_owned()));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &key)))
    }

    /// Returns the name of a person of a workspace.
    fn of(&self, who: &Who<'_>) -> String {
        let mut mac = hmac::Context::with_key(&self.0);
        // The length keeps two pairs apart that are written alike one after the other.
        mac.update(&(who.workspace.len() as u64).to_be_bytes());
        mac.update(who.workspace.as_bytes());
        mac.update(who.subject.as_bytes());
        let tag = mac.sign();
        tag.as_ref().iter().take(TOLD).fold(String::new(), |mut name, byte| {
            // A text takes everything that is written into it.
            write!(name, "{byte:02x}").ok();
            name
        })
    }
}

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonyms(..)")
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Tells an upstream who calls, as far as it is to know.
pub(crate) fn tell(
    headers: &mut HeaderMap,
    identity: Identity,
    who: &Who<'_>,
    pseudonyms: Option<&Pseudonyms>,
) {
    let name = match identity {
        Identity::None => None,
        Identity::Subject => Some(who.subject.to_owned()),
        Identity::Pseudonym => pseudonyms.map(|pseudonyms| pseudonyms.of(who)),
    };
    // A subject that fits into no header is told to nobody.
    if let Some(value) = name.and_then(|name| HeaderValue::from_str(&name).ok()) {
        headers.insert(USER, value);
    }
}
