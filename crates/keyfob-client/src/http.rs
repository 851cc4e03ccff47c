//! Talking to an issuer: no redirects, limits on everything, errors without addresses.

use crate::network::CertificatesError;
use keyfob_oauth::{AccessToken, IssuerUrl, Secret};
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Certificate, Method};
use std::error::Error;
use std::io;
use std::time::Duration;
use url::Url;

/// The HTTP client of a session.
#[derive(Clone, Debug)]
pub struct HttpClient(reqwest::Client);

/// A request got no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No client can be made; on a bare machine, for want of CA certificates.
    #[error("cannot set up HTTPS")]
    Setup(#[source] reqwest::Error),
    /// The certificates that are to be trusted cannot be.
    #[error("cannot set up HTTPS")]
    Certificates(#[from] CertificatesError),
    /// No connection could be made, so nothing was sent.
    #[error("no connection: {why}")]
    NoConnection {
        /// The innermost reason, without an address.
        why: String,
    },
    /// The other side's certificate is of nobody that is trusted here; nothing was sent.
    #[error("no connection: {why}")]
    Untrusted {
        /// What is wrong with it.
        why: String,
    },
    /// The connection broke before the answer was read; the request may have been worked on.
    #[error("no answer: {why}")]
    NoAnswer {
        /// The innermost reason, without an address.
        why: String,
    },
    /// Nothing answered in time; the request may still be worked on.
    #[error("no answer within {} s", ANSWER_LIMIT.as_secs())]
    TimedOut,
    /// The answer is longer than any that we expect.
    #[error("the answer is longer than {LARGEST_ANSWER} bytes")]
    TooLong,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Returns how long the issuer asks us to wait, if it says so in seconds (RFC 9110 §10.2.3).
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let seconds = self.headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds))
    }
}

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const ANSWER_LIMIT: Duration = Duration::from_secs(20);
const LARGEST_ANSWER: usize = 256 * 1024;

impl HttpClient {
    /// Makes a client for requests to `issuer` that trusts `certificates` as well as the system's; a proxy is never used for
    /// loopback.
    pub(crate) fn for_issuer(issuer: &IssuerUrl, certificates: Vec<Certificate>) -> Result<Self, HttpError> {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("keyfob/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_LIMIT)
            .timeout(ANSWER_LIMIT)
            .tls_certs_merge(certificates);
        let builder = if issuer.is_loopback() { builder.no_proxy() } else { builder };
        builder.build().map(Self).map_err(HttpError::Setup)
    }

    pub(crate) async fn get(&self, url: &str) -> Result<Answer, HttpError> {
        read(url, self.0.get(url).send().await).await
    }

    pub(crate) async fn post_form(
        &self,
        url: &str,
        form: &[(&str, &str)],
        header: Option<(&'static str, &str)>,
    ) -> Result<Answer, HttpError> {
        let request = self.0.post(url).header(header::ACCEPT, "application/json").form(form);
        let request = match header {
            Some((name, value)) => request.header(name, value),
            None => request,
        };
        read(url, request.send().await).await
    }

    pub(crate) async fn post_json(&self, url: &str, body: &serde_json::Value) -> Result<Answer, HttpError> {
        read(url, self.0.post(url).header(header::ACCEPT, "application/json").json(body).send().await).await
    }

    /// Sends a request without a body, with an access token, within `limit`.
    pub(crate) async fn send_with_token(
        &self,
        limit: Duration,
        method: Method,
        url: &Url,
        token: &AccessToken,
    ) -> Result<Answer, HttpError> {
        let request = self.0.request(method, url.clone()).bearer_auth(token.expose());
        read(url.as_str(), request.timeout(limit).send().await).await
    }

    /// Gets `url` within `limit` with a credential that was bound to its server, and headers beside it.
    pub(crate) async fn get_with(
        &self,
        limit: Duration,
        url: &Url,
        secret: &Secret,
        beside: &[(String, Secret)],
    ) -> Result<Answer, HttpError> {
        let request = self.0.get(url.clone()).bearer_auth(secret.expose()).timeout(limit);
        let request = request.header(header::ACCEPT, "application/json");
        let request = beside.iter().fold(request, |request, (name, value)| {
            match HeaderValue::from_str(value.expose()) {
                Ok(mut value) => {
                    value.set_sensitive(true);
                    request.header(name, value)
                }
                // As with every request there, what no header has is left out.
                Err(_) => request,
            }
        });
        read(url.as_str(), request.send().await).await
    }

    /// As [`Self::send_with_token`], with a body.
    pub(crate) async fn send_json_with_token(
        &self,
        limit: Duration,
        method: Method,
        url: &Url,
        token: &AccessToken,
        body: &serde_json::Value,
    ) -> Result<Answer, HttpError> {
        let request = self.0.request(method, url.clone()).bearer_auth(token.expose()).json(body);
        read(url.as_str(), request.timeout(limit).send().await).await
    }

    /// Posts within `limit`, for calls that somebody waits for.
    pub(crate) async fn post_form_within(
        &self,
        limit: Duration,
        url: &str,
        form: &[(&str, &str)],
    ) -> Result<Answer, HttpError> {
        read(url, self.0.post(url).timeout(limit).form(form).send().await).await
    }
}

/// Reads an answer whole; `url` is one of an issuer's endpoints, none of which has anything secret in it.
async fn read(url: &str, response: Result<reqwest::Response, reqwest::Error>) -> Result<Answer, HttpError> {
    let mut response = response.map_err(|error| {
        let error = no_answer(&error);
        tracing::trace!(url, %error, "no answer");
        error
    })?;
    let status = response.status().as_u16();
    tracing::trace!(url, status, "answer");
    let headers = response.headers().clone();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| no_answer(&error))? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(HttpError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body })
}

/// Says why in one phrase: the layers between us and the system's own reason add nothing for a person.
fn no_answer(error: &reqwest::Error) -> HttpError {
    if error.is_timeout() {
        return HttpError::TimedOut;
    }
    let mut reason: &(dyn Error + 'static) = error;
    while let Some(deeper) = reason.source() {
        reason = deeper;
    }
    let why = reason.to_string();
    match (error.is_connect(), is_distrust(reason)) {
        (true, true) => HttpError::Untrusted { why },
        (true, false) => HttpError::NoConnection { why },
        (false, _) => HttpError::NoAnswer { why },
    }
}

/// An error of TLS travels inside one of the system's, which tells that it has it and not that it comes from it.
fn is_distrust(reason: &(dyn Error + 'static)) -> bool {
    let inner = reason.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    inner.and_then(|inner| inner.downcast_ref()).is_some_and(|error| {
        matches!(error, rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer))
    })
}
