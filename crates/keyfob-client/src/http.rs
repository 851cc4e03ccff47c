//! Talking to an issuer: no redirects, limits on everything, errors without addresses.

use keyfob_oauth::IssuerUrl;
use std::time::Duration;

/// The HTTP client of a session.
#[derive(Clone, Debug)]
pub struct HttpClient(reqwest::Client);

/// A request got no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No client can be made; on a bare machine, for want of CA certificates.
    #[error("cannot set up HTTPS")]
    Setup(#[source] reqwest::Error),
    /// Nothing answered.
    #[error("no answer: {why}")]
    NoAnswer {
        /// The innermost reason, without an address.
        why: String,
    },
    /// The answer is longer than any that we expect.
    #[error("the answer is longer than {LARGEST_ANSWER} bytes")]
    TooLong,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const ANSWER_LIMIT: Duration = Duration::from_secs(20);
const LARGEST_ANSWER: usize = 256 * 1024;

impl HttpClient {
    /// Makes a client for requests to `issuer`; a proxy is never used for loopback.
    pub fn for_issuer(issuer: &IssuerUrl) -> Result<Self, HttpError> {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("keyfob/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_LIMIT)
            .timeout(ANSWER_LIMIT);
        let builder = if issuer.is_plain_http() { builder.no_proxy() } else { builder };
        builder.build().map(Self).map_err(HttpError::Setup)
    }

    pub(crate) async fn get(&self, url: &str) -> Result<Answer, HttpError> {
        read(self.0.get(url).send().await).await
    }

    pub(crate) async fn post_form(&self, url: &str, form: &[(&str, &str)]) -> Result<Answer, HttpError> {
        read(self.0.post(url).header("accept", "application/json").form(form).send().await).await
    }

    /// Posts within `limit`, for calls that somebody waits for.
    pub(crate) async fn post_form_within(
        &self,
        limit: Duration,
        url: &str,
        form: &[(&str, &str)],
    ) -> Result<Answer, HttpError> {
        read(self.0.post(url).timeout(limit).form(form).send().await).await
    }
}

async fn read(response: Result<reqwest::Response, reqwest::Error>) -> Result<Answer, HttpError> {
    let mut response = response.map_err(|error| no_answer(&error))?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| no_answer(&error))? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(HttpError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, body })
}

/// Says why in one phrase: the layers between us and the system's own reason add nothing for a person.
fn no_answer(error: &reqwest::Error) -> HttpError {
    if error.is_timeout() {
        return HttpError::NoAnswer { why: format!("it took longer than {} s", ANSWER_LIMIT.as_secs()) };
    }
    let mut reason: &dyn std::error::Error = error;
    while let Some(deeper) = reason.source() {
        reason = deeper;
    }
    HttpError::NoAnswer { why: reason.to_string() }
}
