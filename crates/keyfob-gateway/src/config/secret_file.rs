//! Files that hold one secret.

use crate::resource_server::{InvalidResourceServer, ResourceServer};
use crate::upstream::{InvalidUpstreamKey, UpstreamKey};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// No secret is longer.
const MOST_BYTES: u64 = 16 * 1024;

/// A file holds no secret that can be used. No message repeats what is in it.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// It cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It holds no key.
    #[error("{path} holds no usable key")]
    Key {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: InvalidUpstreamKey,
    },
    /// It holds no name and secret.
    #[error("{path} holds no NAME:SECRET")]
    ResourceServer {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: InvalidResourceServer,
    },
}

/// Reads the key of an upstream.
pub fn upstream_key(path: &Path) -> Result<UpstreamKey, SecretFileError> {
    let text = read(path, "the upstream's key")?;
    UpstreamKey::parse(&text)
        .map_err(|source| SecretFileError::Key { path: path.display().to_string(), source })
}

/// Reads the gateway's name and secret at its issuer.
pub fn resource_server(path: &Path) -> Result<ResourceServer, SecretFileError> {
    let text = read(path, "the secret of this gateway")?;
    ResourceServer::parse(&text)
        .map_err(|source| SecretFileError::ResourceServer { path: path.display().to_string(), source })
}

/// Reads a file with a secret, and warns if it is everybody's.
fn read(path: &Path, what: &str) -> Result<String, SecretFileError> {
    let failed = |source| SecretFileError::Read { path: path.display().to_string(), source };
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        let mode = format!("{:o}", mode & 0o777);
        tracing::warn!(file = %path.display(), mode, "others can read {what}");
    }
    let mut text = String::new();
    file.take(MOST_BYTES).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}
