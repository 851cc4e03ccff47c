//! The network as this process uses it: whom it trusts beside the system's certificate authorities.

use crate::http::{HttpClient, HttpError};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use keyfob_oauth::IssuerUrl;
use reqwest::Certificate;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What connections are made with; cheap to clone. Nothing is read before the first connection to a server with TLS.
#[derive(Clone, Debug, Default)]
pub struct Network(Option<Arc<CertificateFile>>);

/// A file with certificates of authorities, in PEM (RFC 7468).
///
/// They are trusted as well as the system's; those of `SSL_CERT_FILE` alone, since the system's own way to its authorities
/// heeds that variable. As the Codex CLI and OpenSSL do, `TRUSTED CERTIFICATE` counts as one, without what
/// it says of uses, and revocation lists are passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFile {
    /// The variable by which it was named.
    pub variable: &'static str,
    /// Where it is.
    pub path: PathBuf,
}

/// The file of certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificatesError {
    /// It cannot be read.
    #[error("cannot read {path}, which `{variable}` names")]
    Read {
        /// The variable.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It has no certificate.
    #[error("{path}, which `{variable}` names, holds no certificate in PEM")]
    Empty {
        /// The variable.
        variable: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// One of its certificates is none.
    #[error("certificate {number} in {path}, which `{variable}` names, is damaged")]
    Damaged {
        /// The variable.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        number: usize,
    },
}

const BEGIN: [&str; 2] = ["-----BEGIN CERTIFICATE-----", "-----BEGIN TRUSTED CERTIFICATE-----"];
/// The lists of systems have a quarter of a MiB.
const MOST_BYTES: u64 = 8 * 1024 * 1024;
const END: &str = "-----END ";

impl Network {
    /// Trusts the authorities in `file` as well as the system's.
    pub fn trusting(file: CertificateFile) -> Self {
        Self(Some(Arc::new(file)))
    }

    /// Makes a client for requests to `issuer`.
    pub(crate) fn client(&self, issuer: &IssuerUrl) -> Result<HttpClient, HttpError> {
        // Where there is no TLS there is nobody to trust.
        let file = self.0.as_deref().filter(|_| issuer.as_str().starts_with("https:"));
        let certificates = file.map(CertificateFile::read).transpose()?.unwrap_or_default();
        HttpClient::for_issuer(issuer, certificates)
    }
}

impl CertificateFile {
    fn read(&self) -> Result<Vec<Certificate>, CertificatesError> {
        let Self { variable, path } = self.clone();
        let bytes = match read_regular(&path) {
            Ok(bytes) => bytes,
            Err(source) => return Err(CertificatesError::Read { variable, path, source }),
        };
        let mut certificates = Vec::new();
        for (number, body) in (1..).zip(bodies(&String::from_utf8_lossy(&bytes))) {
            let certificate = STANDARD.decode(body).ok().and_then(|mut der| {
                der.truncate(length_of_first(&der)?);
                Certificate::from_der(&der).ok()
            });
            let damaged = || CertificatesError::Damaged { variable, path: path.clone(), number };
            certificates.push(certificate.ok_or_else(damaged)?);
        }
        if certificates.is_empty() {
            return Err(CertificatesError::Empty { variable, path });
        }
        Ok(certificates)
    }
}

/// Reads a file that waits for nobody and has an end.
fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than any list of authorities"));
    }
    Ok(bytes)
}

/// Returns what is between the lines of each certificate, without white space.
fn bodies(text: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    let mut body: Option<String> = None;
    for line in text.lines().map(str::trim) {
        if BEGIN.contains(&line) {
            body = Some(String::new());
        } else if line.starts_with(END) {
            bodies.extend(body.take());
        } else if let Some(body) = &mut body {
            body.extend(line.split_whitespace());
        }
    }
    // One that is cut off counts, and is damaged.
    bodies.extend(body.map(|cut| cut + "="));
    bodies
}

/// Returns the length of the first value of `der` (X.690 §8.1.3): in a `TRUSTED CERTIFICATE` another follows.
fn length_of_first(der: &[u8]) -> Option<usize> {
    let (&first, rest) = der.get(1..)?.split_first()?;
    let (length, header) = match usize::from(first) {
        short @ 0..0x80 => (short, 2),
        long => {
            let count = long - 0x80;
            let bytes = rest.get(..count).filter(|bytes| (1..=4).contains(&bytes.len()))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), 2 + count)
        }
    };
    Some(header + length).filter(|end| *end <= der.len())
}

#[cfg(test)]
mod tests;
