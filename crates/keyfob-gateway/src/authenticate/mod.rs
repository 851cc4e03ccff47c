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
        let now = self.clock.now();
        let (token, known) = self.recognize(delivery, headers, now)?;
        let caller = match known {
            Some(caller) => caller,
            // What is seldom is large, and would be part of every request.
            None => Box::pin(self.introduce(&token, now)).await?,
        };
        // Asked of what was verified a moment ago too: what has ended since is refused at once.
        if let Some(revocations) = &self.revocations {
            revocations.check(&caller)?;
        }
        Ok((caller, token))
    }

    /// Returns the credential that these headers show, and whose it is if it is an access token that was verified a moment ago.
    ///
    /// A function of its own, since this is most of what a request pays for being verified: `scripts/bench` tells its share.
    #[inline(never)]
    fn recognize(
        &self,
        delivery: &Delivery,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<(AccessToken, Option<Arc<Caller>>), Refusal> {
        let token = delivery.find(headers)?;
        let known = match self.introspection_for(&token) {
            // It keeps what it was told itself.
            Some(_) => None,
            None => self.verified.find(&TokenDigest::of(token.expose()), now),
        };
        Ok((token, known))
    }

    /// Finds out whose credential it is.
    async fn introduce(&self, token: &AccessToken, now: Timestamp) -> Result<Arc<Caller>, Refusal> {
        if let Some(introspection) = self.introspection_for(token) {
            return introspection.caller(token, now).await;
        }
        let claims = self.verify(token, now).await?;
        let caller = Arc::new(Caller::from_claims(&claims).ok_or(Refusal::InvalidToken)?);
        self.verified.insert(TokenDigest::of(token.expose()), &caller, now);
        Ok(caller)
    }

    /// Returns who is asked about this credential, if it may be a key.
    fn introspection_for(&self, token: &AccessToken) -> Option<&Introspection> {
        self.introspection.as_ref().filter(|_| Introspection::is_key(token))
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
