//! The audit trail beside the requests.

use crate::audit::{Action, AuditEvent, SignedHead, VerifyingKey};
use crate::issuer::{Fault, Issuer};
use crate::operation::sign_in::Claim;
use keyfob_oauth::Subject;

impl Issuer {
    /// Records that the password which was tried for somebody, or for nobody, is wrong, and whether the next try has to wait.
    pub async fn record_wrong_password(&self, claim: &Claim) -> Result<(), Fault> {
        let event = claim.wait.told(AuditEvent::refused(Action::Password));
        let event = match &claim.subject {
            Some(subject) => event.of(subject),
            None => event,
        };
        Ok(self.commit(self.begin().await?, event).await?)
    }

    /// Records that somebody typed the last wrong user code of a budget: of theirs, of their network, or of everybody (I-44).
    pub async fn record_spent_guesses(&self, who: &Subject, of: &'static str) -> Result<(), Fault> {
        let event = AuditEvent::refused(Action::SpendGuesses).by_owner(who).saying(of);
        Ok(self.commit(self.begin().await?, event).await?)
    }

    /// Whether requests can be answered: the database is there, holds the trail, and a key is there to sign with.
    pub async fn probe(&self) -> Result<(), Fault> {
        self.begin().await?.audit_head().await?;
        self.ring().signing(self.now()).map(drop)
    }

    /// Signs the end of the audit trail, if it has moved since the last time.
    pub async fn sign_audit_head(&self) -> Result<Option<SignedHead>, Fault> {
        let mut transaction = self.begin().await?;
        let head = transaction.audit_head().await?;
        let signed = transaction.newest_signed_head().await?.map_or(0, |signed| signed.head.sequence);
        if head.sequence == signed {
            return Ok(None);
        }
        let signed = self.audit_key.sign(head, self.now());
        transaction.insert_signed_head(&signed).await?;
        transaction.commit().await?;
        Ok(Some(signed))
    }

    /// Returns what verifies the signatures of the audit trail.
    pub fn audit_verifying_key(&self) -> VerifyingKey {
        self.audit_key.verifying_key()
    }
}
