//! Who calls: from the credential that a request shows to a `Caller`, or a refusal.

mod cache;
pub(crate) mod caller;
pub mod delivery;
mod introspection;

use crate::error::Refusal;
use crate::keys::Keys;
use crate::revocations::Revocations;
use cache::TokenDigest;
pub(crate) use cache::VerifiedTokens;
pub(crate) use caller::{Caller, CredentialKind, LONGEST_LIFE};
use delivery::Delivery;
use http::HeaderMap;
pub(crate) use introspection::Introspection;
use keyfob_jose::{Claims, Expected, KeySet, TokenType, VerifyError};
use keyfob_oauth::{AccessToken, Audience, Capability, Clock, Timestamp};
use std::sync::Arc;

/// How API keys begin, ours and those of other places.
const ANY_KEY: &str = "sk-";

/// Believes the credentials of one issuer that are meant for one audience.
#[derive(Debug)]
pub(crate) struct Authenticator {
    pub(crate) keys: Arc<Keys>,
    pub(crate) audience: Audience,
    pub(crate) verified: VerifiedTokens,
    /// Who is asked about keys, if they are taken.
    pub(crate) introspection: Option<Introspection>,
    /// What has ended, if that is followed.
    pub(crate) revocations: Option<Arc<Revocations>>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Authenticator {
    /// Refuses a key where an account must have signed in; whose key it is matters to nobody then.
    pub(crate) fn refuse_keys(
        delivery: &Delivery,
        headers: &HeaderMap,
        capability: Capability,
    ) -> Result<(), Refusal> {
        let is_key = |token: AccessToken| token.expose().starts_with(ANY_KEY);
        if delivery.find(headers).is_ok_and(is_key) {
            Err(Refusal::KeyForCapability(capability))
        } else {
            Ok(())
        }
    }

    /// Returns who sent these headers, and the credential that says so.
    pub(crate) async fn authenticate(
        &self,
        delivery: &Delivery,
        headers: &HeaderMap,
    ) -> Result<(Arc<Caller>, AccessToken), Refusal> {
        let token = delivery.find(headers)?;
        let now = self.clock.now();
        let caller = match &self.introspection {
            // What is seldom is large, and would be part of every request.
            Some(introspection) if Introspection::is_key(&token) => {
                Box::pin(introspection.caller(&token, now)).await?
            }
            Some(_) | None => self.verified(&token, now).await?,
        };
        // Asked of what was verified a moment ago too: what has ended since is refused at once.
        if let Some(revocations) = &self.revocations {
            revocations.check(&caller)?;
        }
        Ok((caller, token))
    }

    /// Returns whose access token it is, verified now or a moment ago.
    async fn verified(&self, token: &AccessToken, now: Timestamp) -> Result<Arc<Caller>, Refusal> {
        let digest = TokenDigest::of(token.expose());
        if let Some(caller) = self.verified.find(&digest, now) {
            return Ok(caller);
        }
        let claims = Box::pin(self.verify(token, now)).await?;
        let caller = Arc::new(Caller::from_claims(&claims).ok_or(Refusal::InvalidToken)?);
        self.verified.insert(digest, &caller, now);
        Ok(caller)
    }

    /// Verifies with the keys at hand; a token that names another key is worth one look at the issuer's present ones.
    async fn verify(&self, token: &AccessToken, now: Timestamp) -> Result<Claims, Refusal> {
        let keys = self.keys.any().await.ok_or(Refusal::KeysUnavailable)?;
        let outcome = match self.verify_with(&keys, token, now) {
            Err(VerifyError::UnknownKey) => match self.keys.after(&keys).await {
                Some(newer) => self.verify_with(&newer, token, now),
                None => Err(VerifyError::UnknownKey),
            },
            outcome => outcome,
        };
        outcome.map_err(|reason| {
            tracing::debug!(%reason, "token refused");
            Refusal::InvalidToken
        })
    }

    fn verify_with(&self, keys: &KeySet, token: &AccessToken, now: Timestamp) -> Result<Claims, VerifyError> {
        let expected = Expected {
            token_type: TokenType::AccessToken,
            issuer: self.keys.issuer().as_str(),
            audience: self.audience.as_str(),
        };
        keys.verify(token.expose(), &expected, now)
    }
}
