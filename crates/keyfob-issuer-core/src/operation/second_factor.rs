//! A code of the second factor is tried.

use crate::audit::{Action, AuditEvent};
use crate::browser_session::BrowserSession;
use crate::digest::{SessionCookie, SessionDigest};
use crate::factor::{Enrolment, FactorKind, FactorRejected};
use crate::issuer::{Fault, Issuer};
use crate::operation::SignedIn;
use crate::operation::retry::retried;
use crate::operation::throttle::TryError;
use crate::sign_in::{Demand, Event, OutOfTurn};
use crate::storage::{Changed, Transaction};
use crate::throttle::{Counted, Throttled};
use crate::user::Email;
use keyfob_oauth::Secret;

/// A second factor was right.
#[derive(Clone, Debug)]
pub struct ProvenFactor {
    /// What the browser is given.
    pub signed_in: SignedIn,
    /// Which it was.
    pub by: FactorKind,
    /// Whose.
    pub email: Email,
}

/// A step of a sign-in is not taken; the page says what comes instead.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// Another step comes first, or there is no session.
    #[error("another step comes first")]
    OutOfTurn,
    /// The answer is wrong.
    #[error(transparent)]
    Rejected(#[from] FactorRejected),
    /// Too many answers were.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(StepError);

impl From<OutOfTurn> for StepError {
    fn from(_: OutOfTurn) -> Self {
        Self::OutOfTurn
    }
}

impl From<TryError> for StepError {
    fn from(error: TryError) -> Self {
        match error {
            TryError::Throttled(throttled) => Self::Throttled(throttled),
            TryError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl Issuer {
    /// Tries `answer` against each factor of the person at the browser; a right one gives the browser a new cookie.
    pub async fn prove_second_factor(
        &self,
        cookie: &SessionCookie,
        answer: &Secret,
    ) -> Result<ProvenFactor, StepError> {
        retried(|| self.try_prove_second_factor(cookie, answer)).await
    }

    async fn try_prove_second_factor(
        &self,
        cookie: &SessionCookie,
        answer: &Secret,
    ) -> Result<ProvenFactor, StepError> {
        let now = self.now();
        let mut transaction = self.begin().await?;
        let person = self.person(&mut *transaction, Some(cookie)).await?.ok_or(StepError::OutOfTurn)?;
        let after = person.sign_in().step(Event::SecondFactor, Demand::of_account(), now)?;
        let subject = person.session.subject.as_str();
        let counting = self.count_try(&mut *transaction, &[Counted::SecondFactor(subject)]).await?;
        for enrolment in &person.enrolments {
            if self.verify(&mut *transaction, enrolment, answer).await?.is_ok() {
                self.settle(&mut *transaction, &counting).await?;
                let event = AuditEvent::done(Action::SecondFactor).by_owner(&person.session.subject);
                let event = event.saying(enrolment.kind.as_str());
                let proof = after.proof.unwrap_or(person.session.proof);
                let signed_in = self
                    .replace_session(&mut *transaction, BrowserSession { proof, ..person.session })
                    .await?;
                self.commit(transaction, event).await?;
                let email = person.user.email;
                return Ok(ProvenFactor { signed_in, by: enrolment.kind, email });
            }
        }
        // The try counts.
        let event = AuditEvent::refused(Action::SecondFactor).of(&person.session.subject);
        self.commit(transaction, counting.wait.told(event)).await?;
        Err(FactorRejected.into())
    }

    /// Tries `answer` against one factor and stores what the factor keeps from then on.
    async fn verify(
        &self,
        transaction: &mut dyn Transaction,
        enrolment: &Enrolment,
        answer: &Secret,
    ) -> Result<Result<(), FactorRejected>, Fault> {
        let kept = self.open_enrolment(enrolment)?;
        let Ok(kept) = enrolment.kind.factor().verify(&kept, answer.expose(), self.now()) else {
            return Ok(Err(FactorRejected));
        };
        let seal = self.seal_key.enrolment_seal(enrolment.kind, &enrolment.subject)?;
        let sealed = seal.close(&kept, &*self.entropy)?;
        Ok(match transaction.update_enrolment(enrolment, &sealed).await? {
            Changed::Yes => Ok(()),
            // Somebody used this very answer in the same moment.
            Changed::No => Err(FactorRejected),
        })
    }

    /// Puts a session with a new cookie in the place of `session` (I-15).
    pub(crate) async fn replace_session(
        &self,
        transaction: &mut dyn Transaction,
        session: BrowserSession,
    ) -> Result<SignedIn, Fault> {
        let cookie = SessionCookie::from(self.entropy.token()?);
        transaction.delete_session(&session.digest).await?;
        let replaced = BrowserSession { digest: SessionDigest::of(&cookie), ..session };
        transaction.insert_session(&replaced).await?;
        self.keep_browser(transaction, &session.digest, &replaced.digest).await?;
        Ok(SignedIn { cookie })
    }
}
