//! A session of its own for a program that is given a login: it may do less, is listed under its name, and ends with the
//! program (users' F4; `docs/sessions.md`).

use crate::endpoints::{DiscoveryError, Endpoints};
use crate::handoff::{HandOverError, Handoff};
use crate::http::HttpError;
use crate::logout::revoke;
use crate::network::Network;
use crate::session::Session;
use crate::token_endpoint::{TokenError, redeem};
use keyfob_oauth::request::{RevocationRequest, TokenRequest};
use keyfob_oauth::{AccessToken, ClientId, Clock, Entropy, IssuerUrl, RefreshToken};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use zeroize::Zeroizing;

/// A session that was begun for a program.
#[derive(Clone, Debug)]
pub struct Child {
    /// What the program gets: it opens nothing of its person at the issuer, and makes no children.
    pub token: AccessToken,
    /// How long it lives; nothing lives longer than the issuer allows.
    pub life: Option<Duration>,
    /// What ends the session.
    pub end: End,
}

/// What ends a session: kept in memory alone.
#[derive(Clone, Debug)]
pub struct End {
    issuer: IssuerUrl,
    client_id: ClientId,
    refresh_token: RefreshToken,
}

/// What is wanted for a program.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    /// What the session is called in the person's list.
    pub name: &'a str,
    /// For how long; the issuer's own measure, if nothing is said.
    pub life: Option<Duration>,
    /// For which server (RFC 8707); the issuer's usual one, if none is named.
    pub resource: Option<&'a str>,
}

/// No session could be begun.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// The login hands nothing over.
    #[error(transparent)]
    HandOver(#[from] HandOverError),
    /// The issuer cannot be asked.
    #[error("cannot reach the issuer {issuer}")]
    Unreachable {
        /// Which.
        issuer: IssuerUrl,
        /// Why.
        #[source]
        source: HttpError,
    },
    /// Its endpoints cannot be found.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// The issuer gives no session.
    #[error("{issuer} gives no session to the command")]
    Refused {
        /// Which.
        issuer: IssuerUrl,
        /// Why.
        #[source]
        source: TokenError,
    },
}

#[derive(Serialize, Deserialize)]
struct Wire {
    issuer: String,
    client_id: String,
    refresh_token: String,
}

/// Begins a session for a program, on the word of the login in `session`, which must be fresh and stays as it is.
///
/// Returns nothing where the issuer gives no second session. Dropped before the end, a session that was begun is never
/// used and ends by its time.
pub async fn begin(
    session: &Session,
    wish: &Wish<'_>,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<Option<Child>, ChildError> {
    let handoff = match session.hand_over(wish.name, clock, entropy).await {
        Ok(handoff) => handoff,
        Err(HandOverError::NoIssuer | HandOverError::NotASession(_) | HandOverError::NotOffered(_)) => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let network = session.network();
    let Handoff { issuer, client_id, code, .. } = handoff;
    let http = network
        .client(&issuer)
        .map_err(|source| ChildError::Unreachable { issuer: issuer.clone(), source })?;
    let endpoints = Endpoints::discover(&http, &issuer).await?;
    let refused = |source| ChildError::Refused { issuer: issuer.clone(), source };
    let take_over = TokenRequest::TakeOver { client_id: client_id.clone(), code };
    let began = redeem(&http, endpoints.token.as_str(), &take_over, None).await.map_err(refused)?.tokens;
    let Some(refresh_token) = began.refresh_token else { return Ok(None) };
    let end = End { issuer: issuer.clone(), client_id: client_id.clone(), refresh_token };
    let request = TokenRequest::Child {
        client_id,
        subject_token: began.access_token,
        resource: wish.resource.map(str::to_owned),
        life: wish.life.map(|life| life.as_secs().to_string()),
    };
    match redeem(&http, endpoints.token.as_str(), &request, None).await {
        Ok(redeemed) => {
            let tokens = redeemed.tokens;
            Ok(Some(Child { token: tokens.access_token, life: tokens.expires_in, end }))
        }
        Err(error) => {
            // Nobody will use it; what cannot be ended now ends by its time.
            let _unconfirmed = end.now(network).await;
            Err(refused(error))
        }
    }
}

impl End {
    /// Ends the session at its issuer.
    pub async fn now(&self, network: &Network) -> Result<(), TokenError> {
        let request =
            RevocationRequest { client_id: self.client_id.clone(), token: self.refresh_token.clone() };
        revoke(network, &self.issuer, &request).await
    }

    /// Writes it on one line, for the process that waits for the program's end.
    pub fn to_line(&self) -> Zeroizing<String> {
        let wire = Wire {
            issuer: self.issuer.as_str().to_owned(),
            client_id: self.client_id.as_str().to_owned(),
            refresh_token: self.refresh_token.expose().to_owned(),
        };
        Zeroizing::new(serde_json::json!(wire).to_string())
    }

    /// Reads what [`End::to_line`] has written.
    pub fn parse(line: &str) -> Option<Self> {
        let wire: Wire = serde_json::from_str(line).ok()?;
        Some(Self {
            issuer: IssuerUrl::parse(&wire.issuer).ok()?,
            client_id: ClientId::new(wire.client_id),
            refresh_token: RefreshToken::new(wire.refresh_token),
        })
    }
}
