//! TLS toward callers: one certificate, read again when its files change.

use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, ServerConfig};
use serde::Deserialize;
use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// Where the certificate and its key are: the section `[tls]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The certificate and those between it and a root, in PEM, in this order.
    pub certificate: PathBuf,
    /// Its key, in PEM.
    pub key: PathBuf,
}

impl TlsFiles {
    /// Returns the same files, where relative names are of `folder`.
    pub(crate) fn within(self, folder: &Path) -> Self {
        Self { certificate: folder.join(self.certificate), key: folder.join(self.key) }
    }
}

/// A pair of certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// There is no such file, or it may not be read.
    #[error("cannot read {0}")]
    Read(PathBuf, #[source] io::Error),
    /// A file is not what it should be.
    #[error("{0} holds no {1} in PEM")]
    Pem(PathBuf, &'static str, #[source] pem::Error),
    /// The key is of a kind that TLS does not know, or the certificate is broken.
    #[error("the certificate or its key is of no use for TLS")]
    Unusable(#[source] rustls::Error),
    /// They are not of one pair.
    #[error("the key in {0} does not belong to the certificate")]
    NotAPair(PathBuf),
}

/// What TLS connections are made with; shared by all listeners.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    pair: Arc<Pair>,
    config: Arc<ServerConfig>,
    asked: Notify,
}

/// The pair of the moment, for handshakes that begin.
#[derive(Debug)]
struct Pair(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Pair {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);

impl Tls {
    /// Reads the pair.
    pub fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let pair = Arc::new(Pair(ArcSwap::from_pointee(read(&files)?)));
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Unusable)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Pair>::clone(&pair));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { files, pair, config: Arc::new(config), asked: Notify::new() })
    }

    /// Asks for the files to be read again, whether or not they have changed.
    pub fn reload(&self) {
        self.asked.notify_one();
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }

    /// Reads the pair again whenever it has changed or that is asked for, until the future is dropped.
    ///
    /// A pair that cannot be used is said aloud, and the one before it stays. Connections that stand keep theirs.
    pub(crate) async fn follow_files(&self) -> Infallible {
        let mut known = stamps(&self.files).await;
        loop {
            let is_asked = tokio::time::timeout(LOOK, self.asked.notified()).await.is_ok();
            let found = stamps(&self.files).await;
            if !is_asked && found == known {
                continue;
            }
            known = found;
            let files = self.files.clone();
            match tokio::task::spawn_blocking(move || read(&files)).await {
                Ok(Ok(pair)) => {
                    self.pair.0.store(Arc::new(pair));
                    tracing::info!(certificate = %self.files.certificate.display(), "certificate read");
                }
                Ok(Err(error)) => {
                    let cause = std::error::Error::source(&error).map(tracing::field::display);
                    tracing::error!(%error, cause, "the new certificate is not used, the one before it stays");
                }
                Err(error) => tracing::error!(%error, "the certificate was not read"),
            }
        }
    }
}

/// What tells that a file has changed: its time, its length and which one it is.
type Stamp = Option<(std::time::SystemTime, u64, u64)>;

async fn stamps(files: &TlsFiles) -> (Stamp, Stamp) {
    (stamp(&files.certificate).await, stamp(&files.key).await)
}

async fn stamp(path: &Path) -> Stamp {
    let metadata = tokio::fs::metadata(path).await.ok()?;
    Some((metadata.modified().ok()?, metadata.len(), std::os::unix::fs::MetadataExt::ino(&metadata)))
}

fn read(files: &TlsFiles) -> Result<CertifiedKey, TlsError> {
    let of = |path: &Path, what: &'static str| {
        let path = path.to_owned();
        move |error| match error {
            pem::Error::Io(error) => TlsError::Read(path, error),
            error => TlsError::Pem(path, what, error),
        }
    };
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(&files.certificate)
        .map_err(of(&files.certificate, "certificate"))?
        .collect();
    let certificates = certificates.map_err(of(&files.certificate, "certificate"))?;
    if certificates.is_empty() {
        return Err(of(&files.certificate, "certificate")(pem::Error::NoItemsFound));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(of(&files.key, "key"))?;
    let key = aws_lc_rs::sign::any_supported_type(&key).map_err(TlsError::Unusable)?;
    let pair = CertifiedKey::new(certificates, key);
    match pair.keys_match() {
        // A key that cannot tell is taken at its word.
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(pair),
        Err(rustls::Error::InconsistentKeys(_)) => Err(TlsError::NotAPair(files.key.clone())),
        Err(error) => Err(TlsError::Unusable(error)),
    }
}
