//! A refresh token becomes the next one: rotation, a lost answer repeated, reuse punished (RFC 9700 §4.14.2).

use crate::attempt::RefreshAttempt;
use crate::audit::{Action, AuditEvent};
use crate::claims::IssuedTokens;
use crate::client::Client;
use crate::digest::{AttemptDigest, RefreshDigest};
use crate::failpoint::Failpoint;
use crate::issuer::{Fault, Issuer};
use crate::operation::grantee::{GrantRefusal, Grantee, Way, find_grantee};
use crate::operation::retry::retried;
use crate::refresh_family::{FamilyStatus, RefreshFamily, Verdict};
use crate::seal::Seal;
use crate::storage::{Rotated, Rotation, StorageError, Transaction};
use crate::workspace::AllowedWorkspaces;
use keyfob_codex::errors::RefreshRejection;
use keyfob_oauth::{ClientId, Entropy, EntropyError, RefreshToken, Secret, Timestamp};

/// What a client brings along.
#[derive(Clone, Debug)]
pub struct Refresh {
    /// Who asks.
    pub client_id: ClientId,
    /// The token that is spent.
    pub refresh_token: RefreshToken,
    /// The resource, when one is named.
    pub resource: Option<String>,
    /// For which workspaces the client takes tokens.
    pub allowed: AllowedWorkspaces,
    /// By which a retry is known to be one.
    pub attempt: Option<RefreshAttempt>,
}

/// A refresh token is not redeemed.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// No such client.
    #[error("the client is not registered here")]
    UnknownClient,
    /// The resource is not the one of the grant (RFC 8707 §2.2).
    #[error("the resource is not the audience")]
    WrongResource,
    /// The token does not count.
    #[error("the refresh token is refused: {}", .0.as_str())]
    Refused(RefreshRejection),
    /// Nothing may be granted to the user any more, there; the session is as it was.
    #[error("the session does not go on: {0}")]
    NotGranted(GrantRefusal),
    /// The token was spent a moment ago, and too many have asked for its successor.
    #[error("the successor was handed out too often")]
    SlowDown,
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(RefreshError);

/// What a presented token comes to, once that is durable.
enum Outcome {
    /// The next one, or the same once more.
    Redeemed(Box<Redeemed>),
    /// The end of its family.
    Reused(AuditEvent),
}

/// What tokens are made of.
struct Redeemed {
    client: Client,
    family: RefreshFamily,
    grantee: Grantee,
    refresh_token: RefreshToken,
}

impl Issuer {
    /// Redeems a refresh token.
    pub async fn refresh(&self, request: Refresh) -> Result<IssuedTokens, RefreshError> {
        retried(|| self.try_refresh(&request)).await
    }

    async fn try_refresh(&self, request: &Refresh) -> Result<IssuedTokens, RefreshError> {
        let mut transaction = self.storage.begin_shared().await?;
        Failpoint::Begun.reach();
        let outcome = match self.spend(&mut *transaction, request).await {
            Ok(outcome) => outcome,
            // Whoever comes next finds the family unlocked.
            Err(refusal) => {
                transaction.roll_back().await?;
                return Err(refusal);
            }
        };
        let redeemed = match outcome {
            Outcome::Redeemed(redeemed) => redeemed,
            Outcome::Reused(event) => {
                self.commit(transaction, event).await?;
                return Err(RefreshError::Refused(RefreshRejection::Reused));
            }
        };
        transaction.commit().await?;
        Failpoint::Committed.reach();
        let Redeemed { client, family, grantee, refresh_token } = *redeemed;
        // A nonce belongs to the first ID token alone (OpenID Connect Core §12.2).
        let tokens = self.sign_tokens(&client, &family, &grantee, refresh_token, None)?;
        Failpoint::Signed.reach();
        Ok(tokens)
    }

    /// Writes what follows from the presented token; an error is to be followed by nothing at all.
    async fn spend(
        &self,
        transaction: &mut dyn Transaction,
        request: &Refresh,
    ) -> Result<Outcome, RefreshError> {
        let client = transaction.find_client(&request.client_id).await?.ok_or(RefreshError::UnknownClient)?;
        if request.resource.as_deref().is_some_and(|resource| resource != self.audience.as_str()) {
            return Err(RefreshError::WrongResource);
        }
        let invalidated = || RefreshError::Refused(RefreshRejection::Invalidated);
        let presented = &request.refresh_token;
        let (token, family) = transaction
            .find_refresh_token(&RefreshDigest::of(presented))
            .await?
            // I-28: whoever presents another client's token cannot end its family.
            .filter(|(_, family)| family.client_id == client.id)
            .ok_or_else(invalidated)?;
        let now = self.now();
        let grantee = find_grantee(transaction, &family.subject, &family.workspace_id)
            .await?
            .map_err(RefreshError::NotGranted)?;
        let checked = grantee.check(Way::Session(&family, &request.allowed), now);
        let scope = checked.map_err(RefreshError::NotGranted)?;
        let attempt = request.attempt.as_ref().map(AttemptDigest::of);
        let verdict = family.judge(&token, attempt.as_ref(), self.grace, now);
        Failpoint::Judged.reach();
        let refresh_token = match verdict {
            Verdict::Rotate => {
                let next = self.rotate(transaction, &family, presented, attempt.as_ref(), now).await?;
                Failpoint::Written.reach();
                next
            }
            Verdict::Repeat(copy) => {
                transaction.count_replay(&token.digest).await?;
                self.watch_replay(transaction, &family, copy).await?;
                let seal = Seal::of_successor(presented, family.id, token.generation)?;
                RefreshToken::from(seal.open(&copy.sealed)?)
            }
            Verdict::SlowDown => return Err(RefreshError::SlowDown),
            Verdict::Reuse => {
                transaction.end_family(family.id, FamilyStatus::Reused, now).await?;
                let event = AuditEvent::refused(Action::ReuseToken).of(&family.subject).through(&client.id);
                return Ok(Outcome::Reused(event.about(&family.id)));
            }
            Verdict::Refuse(reason) => return Err(RefreshError::Refused(reason)),
        };
        let family = RefreshFamily { scope, ..family };
        Ok(Outcome::Redeemed(Box::new(Redeemed { client, family, grantee, refresh_token })))
    }

    /// Stores the successor of `presented`, and a copy that only `presented` opens.
    async fn rotate(
        &self,
        transaction: &mut dyn Transaction,
        family: &RefreshFamily,
        presented: &RefreshToken,
        attempt: Option<&AttemptDigest>,
        now: Timestamp,
    ) -> Result<RefreshToken, RefreshError> {
        let next = new_refresh_token(&*self.entropy)?;
        let seal = Seal::of_successor(presented, family.id, family.generation)?;
        let sealed = seal.close(&Secret::new(next.expose().to_owned()), &*self.entropy)?;
        let rotation = Rotation {
            family: family.id,
            generation: family.generation,
            next: &RefreshDigest::of(&next),
            sealed: &sealed,
            attempt,
            now,
        };
        transaction.decided();
        match transaction.rotate(&rotation).await? {
            Rotated::Done => Ok(next),
            Rotated::TooLate => Err(StorageError::Conflict.into()),
        }
    }
}

/// Makes a refresh token; the prefix lets scanners find a leaked one.
pub(crate) fn new_refresh_token(entropy: &dyn Entropy) -> Result<RefreshToken, EntropyError> {
    Ok(RefreshToken::new(format!("kfr_{}", entropy.token()?.expose())))
}
