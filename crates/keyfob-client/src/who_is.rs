//! Whose a personal access token is.

use crate::http::HttpError;
use crate::network::Network;
use keyfob_codex::who_am_i::{PATH, WhoAmI};
use keyfob_oauth::{AccessToken, IssuerUrl};
use reqwest::Method;
use std::time::Duration;
use url::Url;

/// Nobody said whose it is.
#[derive(Debug, thiserror::Error)]
pub enum WhoIsError {
    /// The issuer did not answer.
    #[error("cannot ask {issuer} whose token it is")]
    Unreachable {
        /// Which issuer.
        issuer: IssuerUrl,
        /// Why.
        #[source]
        source: HttpError,
    },
    /// The issuer knows no such token, or it has ended.
    #[error("{issuer} does not accept the token (status {status})")]
    Refused {
        /// Which issuer.
        issuer: IssuerUrl,
        /// What it answered.
        status: u16,
    },
    /// The answer says nobody.
    #[error("{0} does not say whose token it is")]
    Unusable(IssuerUrl),
}

/// A person waits.
const LIMIT: Duration = Duration::from_secs(20);

/// Asks `issuer` whose `token` is.
pub async fn who_is(
    network: &Network,
    issuer: &IssuerUrl,
    token: &AccessToken,
) -> Result<WhoAmI, WhoIsError> {
    let unreachable = |source| WhoIsError::Unreachable { issuer: issuer.clone(), source };
    let url = Url::parse(&issuer.join(PATH)).map_err(|_| WhoIsError::Unusable(issuer.clone()))?;
    let http = network.client(issuer).map_err(unreachable)?;
    let answer = http.send_with_token(LIMIT, Method::GET, &url, token).await.map_err(unreachable)?;
    if answer.status != 200 {
        return Err(WhoIsError::Refused { issuer: issuer.clone(), status: answer.status });
    }
    serde_json::from_slice(&answer.body).map_err(|_| WhoIsError::Unusable(issuer.clone()))
}
