//! Who calls: from the `Authorization` header to a [`Caller`], or a refusal.

use crate::cache::{TokenDigest, VerifiedTokens};
use crate::error::Refusal;
use crate::keys::Keys;
use crate::revocations::Revocations;
use http::{HeaderMap, header};
use keyfob_jose::{Claims, Expected, KeySet, TokenType, VerifyError};
use keyfob_oauth::{
    AccessToken, Audience, Capability, ClientId, Clock, Scope, Subject, Timestamp, WorkspaceId,
};
use std::sync::Arc;
use std::time::Duration;

/// The person or tool behind a request, as the issuer's signature vouches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Who signed in.
    pub(crate) subject: Subject,
    /// With which program.
    pub(crate) client: ClientId,
    /// For which workspace.
    pub(crate) workspace: WorkspaceId,
    /// What the token may be used for.
    pub(crate) scope: Scope,
    /// The session that the token belongs to, `sid`.
    pub(crate) session: Option<String>,
    /// When the token was made.
    pub(crate) issued: Timestamp,
    /// When the token ends.
    pub(crate) expires: Timestamp,
}

/// A token that lives longer than this was not made by an issuer in its right mind (security G-34).
pub(crate) const LONGEST_LIFE: Duration = Duration::from_hours(24);

impl Caller {
    /// Reads verified claims; nothing if one that RFC 9068 §2.2 requires is missing or absurd.
    fn from_claims(claims: &Claims) -> Option<Self> {
        let text = |name| claims.text(name).filter(|text| !text.is_empty());
        let (issued, expires) = (claims.time("iat")?, claims.time("exp")?);
        if expires > issued.plus(LONGEST_LIFE) {
            return None;
        }
        Some(Self {
            subject: Subject::new(text("sub")?),
            client: ClientId::new(text("client_id")?),
            workspace: WorkspaceId::new(text("workspace_id")?),
            scope: Scope::parse(claims.text("scope").unwrap_or_default()).ok()?,
            session: text("sid").map(str::to_owned),
            issued,
            expires,
        })
    }
}

/// How API keys begin, ours and those of other places.
const ANY_KEY: &str = "sk-";

/// Checks access tokens of one issuer that are meant for one audience.
#[derive(Debug)]
pub(crate) struct Authenticator {
    keys: Arc<Keys>,
    audience: Audience,
    verified: VerifiedTokens,
    /// What has ended, if that is followed.
    revocations: Option<Arc<Revocations>>,
    clock: Arc<dyn Clock>,
}

impl Authenticator {
    pub(crate) fn new(
        keys: Arc<Keys>,
        audience: Audience,
        revocations: Option<Arc<Revocations>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { keys, audience, verified: VerifiedTokens::new(), revocations, clock }
    }

    /// Refuses a key where an account must have signed in; whose key it is matters to nobody then.
    pub(crate) fn refuse_keys(headers: &HeaderMap, capability: Capability) -> Result<(), Refusal> {
        let is_key = |token: AccessToken| token.expose().starts_with(ANY_KEY);
        if bearer(headers).is_ok_and(is_key) { Err(Refusal::KeyForCapability(capability)) } else { Ok(()) }
    }

    /// Returns who sent these headers, and the token that says so.
    pub(crate) async fn authenticate(
        &self,
        headers: &HeaderMap,
    ) -> Result<(Arc<Caller>, AccessToken), Refusal> {
        let token = bearer(headers)?;
        let now = self.clock.now();
        let digest = TokenDigest::of(token.expose());
        let caller = if let Some(caller) = self.verified.find(&digest, now) {
            caller
        } else {
            let claims = self.verify(&token, now).await?;
            let caller = Arc::new(Caller::from_claims(&claims).ok_or(Refusal::InvalidToken)?);
            self.verified.insert(digest, &caller, now);
            caller
        };
        // Asked of what was verified a moment ago too: what has ended since is refused at once.
        if let Some(revocations) = &self.revocations {
            revocations.check(&caller)?;
        }
        Ok((caller, token))
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

/// Returns the one bearer token (RFC 6750 §2.1).
fn bearer(headers: &HeaderMap) -> Result<AccessToken, Refusal> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let only = values.next().ok_or(Refusal::MissingToken)?;
    if values.next().is_some() {
        return Err(Refusal::InvalidToken);
    }
    let text = only.to_str().map_err(|_| Refusal::InvalidToken)?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() => {
            Ok(AccessToken::new(token))
        }
        _ => Err(Refusal::InvalidToken),
    }
}
