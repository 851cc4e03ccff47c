//! The files of an issuer: where they are, and how they are written.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use keyfob_issuer_core::seal::SealKey;
use keyfob_oauth::Secret;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use zeroize::Zeroizing;

/// The name of the seal key's file.
pub const SEAL_KEY: &str = "seal.key";

/// A file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others than its owner and group can read it.
    #[error("{path} holds a secret, and everybody can read it")]
    Exposed {
        /// Which.
        path: String,
    },
    /// It holds no seal key.
    #[error("{path} holds no seal key: 32 bytes in base64 are expected")]
    NotASealKey {
        /// Which.
        path: String,
    },
}

/// Reads the seal key.
pub fn read_seal_key(data: &Path) -> Result<SealKey, FileError> {
    read_seal_key_file(&data.join(SEAL_KEY))
}

/// Reads the seal key in the file `path`.
pub fn read_seal_key_file(path: &Path) -> Result<SealKey, FileError> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|source| FileError::Read { path: shown.clone(), source })?;
    let bytes = STANDARD.decode(text.trim()).map(Zeroizing::new).ok();
    bytes.and_then(|bytes| SealKey::from_bytes(&bytes)).ok_or(FileError::NotASealKey { path: shown })
}

/// Reads a secret of one line, which not everybody may be able to read.
pub fn read_secret(path: &Path) -> Result<Secret, FileError> {
    let shown = path.display().to_string();
    let read = || {
        let is_exposed = std::fs::metadata(path)?.permissions().mode() & 0o007 != 0;
        Ok((is_exposed, std::fs::read_to_string(path).map(Zeroizing::new)?))
    };
    let (is_exposed, text) = read().map_err(|source| FileError::Read { path: shown.clone(), source })?;
    if is_exposed {
        return Err(FileError::Exposed { path: shown });
    }
    Ok(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Writes the seal key, readable by its owner alone.
pub fn write_seal_key(data: &Path, key: &SealKey) -> Result<(), FileError> {
    let text = Zeroizing::new(format!("{}\n", STANDARD.encode(key.expose())));
    write_new(&data.join(SEAL_KEY), text.as_bytes())
}

/// Writes a new file durably, readable by its owner alone.
pub fn write_new(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let write = || {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(|source| FileError::Write { path: path.display().to_string(), source })
}

/// Makes the names in a directory durable.
pub fn sync_directory(path: &Path) -> Result<(), FileError> {
    std::fs::File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(|source| FileError::Write { path: path.display().to_string(), source })
}
