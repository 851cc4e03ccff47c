//! What helps where the way to an issuer is the matter, whatever was being done.

use keyfob_client::HttpError;
use std::error::Error;

/// Returns what helps, if an HTTP call is among the causes and something does.
pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    match causes.find_map(|cause| cause.downcast_ref::<HttpError>())? {
        HttpError::Untrusted { .. } => Some(
            "where a company's own authority is trusted, `CODEX_CA_CERTIFICATE` names a file with its certificate in PEM",
        ),
        HttpError::Certificates(_) => Some(
            "`CODEX_CA_CERTIFICATE`, or `SSL_CERT_FILE` without it, names a file with certificates in PEM; take it out to \
             trust the system's authorities alone",
        ),
        HttpError::Setup(_)
        | HttpError::NoConnection { .. }
        | HttpError::NoAnswer { .. }
        | HttpError::TimedOut
        | HttpError::TooLong => None,
    }
}
