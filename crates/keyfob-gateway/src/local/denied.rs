//! Answers of the local gateway that are not the provider's; like those of `edge`, each says whose fault it is and what helps.

use super::person::Unusable;
use crate::body::Body;
use crate::error::{Refusal, answer};
use http::{HeaderValue, Response, StatusCode, header};
use std::time::Duration;

/// Why a request was not served.
#[derive(Debug, thiserror::Error)]
pub(super) enum Denied {
    /// As at the edge.
    #[error("{0}")]
    AsAtTheEdge(#[from] Refusal),
    #[error("This gateway answers to 127.0.0.1, localhost and [::1] with its own port, and to no other host")]
    OtherName,
    #[error("A web page sent this, and this gateway is for programs alone")]
    Page,
    #[error("The body must be JSON, with `Content-Type: application/json`")]
    NotJson,
    #[error(
        "This gateway needs the key of a tool as `Authorization: Bearer KEY`; `keyfob-gateway local key create NAME` makes \
         one"
    )]
    NoKey,
    #[error(
        "The key is not known to this gateway, or was revoked; `keyfob-gateway local key create NAME` makes another one"
    )]
    UnknownKey,
    #[error("The quota of this tool is used up; it opens again in {} s", .0.as_secs().max(1))]
    OverQuota(Duration),
    #[error("The keys of this gateway cannot be read")]
    KeysUnreadable,
    #[error("{}", .0.advice())]
    Credential(#[from] Unusable),
    #[error(
        "The provider of models refused the credential that it is sent. `keyfob why` says which one that is, and `keyfob \
         login` signs in again"
    )]
    CredentialRefused,
    #[error(
        "The provider of models refused the credential, which was renewed; the request is larger than what is kept to be \
         sent again (1 MiB), so send it again"
    )]
    SendAgain,
}

const CHALLENGE: HeaderValue = HeaderValue::from_static(r#"Bearer realm="keyfob-gateway local""#);

impl Denied {
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::AsAtTheEdge(refusal) => refusal.status(),
            Self::OtherName => StatusCode::MISDIRECTED_REQUEST,
            Self::Page | Self::CredentialRefused => StatusCode::FORBIDDEN,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NoKey | Self::UnknownKey => StatusCode::UNAUTHORIZED,
            Self::OverQuota(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::KeysUnreadable => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Credential(unusable) => unusable.status(),
            Self::SendAgain => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    const fn code(&self) -> &'static str {
        match self {
            Self::AsAtTheEdge(refusal) => refusal.code(),
            Self::OtherName => "other_host",
            Self::Page => "page_refused",
            Self::NotJson => "not_json",
            Self::NoKey => "missing_tool_key",
            Self::UnknownKey => "unknown_tool_key",
            Self::OverQuota(_) => "tool_quota_exceeded",
            Self::KeysUnreadable => "tool_keys_unreadable",
            Self::Credential(unusable) => unusable.code(),
            Self::CredentialRefused => "provider_refused_credential",
            Self::SendAgain => "credential_renewed",
        }
    }

    /// Returns the answer, in the shape that clients of the API read.
    pub(super) fn into_response(self) -> Response<Body> {
        let denied = match self {
            Self::AsAtTheEdge(refusal) => return refusal.into_response(),
            denied => denied,
        };
        let mut response = answer(denied.status(), denied.code(), &denied.to_string());
        let headers = response.headers_mut();
        match &denied {
            Self::NoKey | Self::UnknownKey => drop(headers.insert(header::WWW_AUTHENTICATE, CHALLENGE)),
            Self::OverQuota(wait) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
            }
            // What follows on a connection that a page may use is nobody's business.
            Self::OtherName | Self::Page | Self::NotJson => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Self::AsAtTheEdge(_)
            | Self::KeysUnreadable
            | Self::Credential(_)
            | Self::CredentialRefused
            | Self::SendAgain => {}
        }
        response
    }
}
