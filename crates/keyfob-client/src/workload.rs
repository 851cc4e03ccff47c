//! A job or a pod that has no login, and shows where it runs instead (`docs/devices.md`, "Workloads").

use crate::endpoints::{DiscoveryError, Endpoints};
use crate::http::HttpError;
use crate::network::Network;
use crate::token_endpoint::{TokenError, redeem};
use keyfob_oauth::request::TokenRequest;
use keyfob_oauth::{AccessToken, ClientId, IdToken, IssuerUrl};
use reqwest::Method;
use serde::Deserialize;
use std::time::Duration;
use url::Url;

/// A workload got no access token.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    /// The platform gave no ID token.
    #[error("the platform that runs this gives no ID token")]
    Platform(#[source] PlatformError),
    /// The issuer cannot be used.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// The issuer gave no access token.
    #[error("{issuer} gives this workload no access token")]
    Refused {
        /// Which issuer.
        issuer: IssuerUrl,
        /// Why.
        #[source]
        source: TokenError,
    },
}

/// A platform gave no ID token.
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
    /// The address to ask at is not https.
    #[error("the address to ask it at must not be used")]
    Address,
    /// It did not answer.
    #[error(transparent)]
    Unreachable(#[from] HttpError),
    /// It answered with something else.
    #[error("it answered with status {0} and no token")]
    Answer(u16),
}

/// A person may wait for the job.
const LIMIT: Duration = Duration::from_secs(20);

/// Asks the platform's own endpoint for an ID token that is meant for `issuer`, as GitHub Actions has it.
pub async fn ask_platform(
    network: &Network,
    endpoint: &str,
    bearer: &AccessToken,
    issuer: &IssuerUrl,
) -> Result<IdToken, WorkloadError> {
    let asked = async {
        let mut url = Url::parse(endpoint).map_err(|_| PlatformError::Address)?;
        let host =
            IssuerUrl::parse(&url.origin().ascii_serialization()).map_err(|_| PlatformError::Address)?;
        url.query_pairs_mut().append_pair("audience", issuer.as_str());
        let http = network.client(&host)?;
        let answer = http.send_with_token(LIMIT, Method::GET, &url, bearer).await?;
        let Ok(Given { value }) = serde_json::from_slice(&answer.body) else {
            return Err(PlatformError::Answer(answer.status));
        };
        Ok(IdToken::new(value))
    };
    asked.await.map_err(WorkloadError::Platform)
}

#[derive(Deserialize)]
struct Given {
    value: String,
}

/// Exchanges an ID token of the platform for an access token at `issuer`; nothing is stored anywhere.
pub async fn exchange(
    network: &Network,
    issuer: &IssuerUrl,
    client_id: &ClientId,
    identity: &IdToken,
) -> Result<AccessToken, WorkloadError> {
    let unreachable = |source| DiscoveryError::Unreachable { issuer: issuer.clone(), source };
    let http = network.client(issuer).map_err(unreachable)?;
    let endpoints = Endpoints::discover(&http, issuer).await?;
    let request = TokenRequest::Workload { client_id: client_id.clone(), subject_token: identity.clone() };
    let redeemed = redeem(&http, endpoints.token.as_str(), &request, None).await;
    let refused = |source| WorkloadError::Refused { issuer: issuer.clone(), source };
    Ok(redeemed.map_err(refused)?.tokens.access_token)
}
