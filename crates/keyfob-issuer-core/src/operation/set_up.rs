//! A second factor is set up, or an app takes the place of another.

use crate::audit::{Action, AuditEvent};
use crate::browser_session::BrowserSession;
use crate::digest::SessionCookie;
use crate::factor::{Enrolment, FactorKind, FactorRejected, RecoveryCode, RecoveryCodes, TotpOffer};
use crate::issuer::{Fault, Issuer};
use crate::operation::SignedIn;
use crate::operation::person::Person;
use crate::operation::retry::retried;
use crate::operation::second_factor::StepError;
use crate::sign_in::{Demand, Enrolled, Event, State};
use crate::storage::Transaction;
use crate::throttle::Counted;
use crate::user::Email;
use keyfob_oauth::Secret;

/// A second factor stands.
#[derive(Clone, Debug)]
pub struct SetUp {
    /// What the browser is given.
    pub signed_in: SignedIn,
    /// What the person is shown once; codes from before are worth nothing any more.
    pub recovery_codes: Vec<RecoveryCode>,
    /// Whose it is.
    pub email: Email,
}

impl Issuer {
    /// Returns the secret that may take the place of the app's, for somebody who has just proven the app.
    pub async fn offer_replacement(&self, cookie: &SessionCookie) -> Result<TotpOffer, StepError> {
        let mut transaction = self.begin().await?;
        let person = self.person(&mut *transaction, Some(cookie)).await?.ok_or(StepError::OutOfTurn)?;
        match person.sign_in().state(Demand::of_change(), self.now()) {
            State::Proven => Ok(self.offer(&person.session)?),
            State::Anonymous | State::SecondFactor | State::SetUp => Err(StepError::OutOfTurn),
        }
    }

    /// Takes the offered secret up if `code` is its app's, with new recovery codes. Where it takes the place of another
    /// one, everything else that its person is signed in with ends.
    pub async fn set_up_totp(&self, cookie: &SessionCookie, code: &Secret) -> Result<SetUp, StepError> {
        retried(|| self.try_set_up_totp(cookie, code)).await
    }

    async fn try_set_up_totp(&self, cookie: &SessionCookie, code: &Secret) -> Result<SetUp, StepError> {
        let now = self.now();
        let mut transaction = self.begin().await?;
        let person = self.person(&mut *transaction, Some(cookie)).await?.ok_or(StepError::OutOfTurn)?;
        let before = person.sign_in();
        let after = before.step(Event::SetUp, set_up_demand(before.enrolled), now)?;
        let subject = person.session.subject.as_str();
        let counting = self.count_try(&mut *transaction, &[Counted::SecondFactor(subject)]).await?;
        let Ok(kept) = self.offer(&person.session)?.accept(code.expose(), now) else {
            // The try counts.
            let event = AuditEvent::refused(Action::SetUpFactor).of(&person.session.subject);
            self.commit(transaction, counting.wait.told(event)).await?;
            return Err(FactorRejected.into());
        };
        self.settle(&mut *transaction, &counting).await?;
        match before.enrolled {
            Enrolled::Nothing => {}
            // What another app has let in does not outlive it (I-33).
            Enrolled::SecondFactor => {
                transaction.end_everything_of(&person.session.subject, None, now).await?;
            }
        }
        self.enrol(&mut *transaction, &person, FactorKind::Totp, &kept).await?;
        let recovery_codes = self.renew_codes(&mut *transaction, &person).await?;
        let event = AuditEvent::done(Action::SetUpFactor).by_owner(&person.session.subject);
        let event = event.saying(FactorKind::Totp.as_str());
        let proof = after.proof.unwrap_or(person.session.proof);
        let session = BrowserSession { proof, ..person.session };
        let signed_in = self.replace_session(&mut *transaction, session).await?;
        self.commit(transaction, event).await?;
        Ok(SetUp { signed_in, recovery_codes, email: person.user.email })
    }

    /// Makes new recovery codes for somebody with a second factor who has just proven it.
    pub async fn renew_recovery_codes(&self, cookie: &SessionCookie) -> Result<Vec<RecoveryCode>, StepError> {
        retried(|| self.try_renew_recovery_codes(cookie)).await
    }

    async fn try_renew_recovery_codes(&self, cookie: &SessionCookie) -> Result<Vec<RecoveryCode>, StepError> {
        let mut transaction = self.begin().await?;
        let person = self.person(&mut *transaction, Some(cookie)).await?.ok_or(StepError::OutOfTurn)?;
        let sign_in = person.sign_in();
        let proven = sign_in.state(Demand::of_change(), self.now()) == State::Proven;
        if !proven || sign_in.enrolled == Enrolled::Nothing {
            return Err(StepError::OutOfTurn);
        }
        let codes = self.renew_codes(&mut *transaction, &person).await?;
        self.commit(transaction, AuditEvent::done(Action::RenewCodes).by_owner(&person.session.subject))
            .await?;
        Ok(codes)
    }

    async fn renew_codes(
        &self,
        transaction: &mut dyn Transaction,
        person: &Person,
    ) -> Result<Vec<RecoveryCode>, Fault> {
        let (codes, kept) = RecoveryCodes::generate(&*self.entropy)?;
        self.enrol(transaction, person, FactorKind::Recovery, &kept).await?;
        Ok(codes)
    }

    async fn enrol(
        &self,
        transaction: &mut dyn Transaction,
        person: &Person,
        kind: FactorKind,
        kept: &Secret,
    ) -> Result<(), Fault> {
        let subject = person.session.subject.clone();
        let sealed = self.seal_key.enrolment_seal(kind, &subject)?.close(kept, &*self.entropy)?;
        let enrolment = Enrolment { subject, kind, sealed, version: 0, enrolled_at: self.now() };
        Ok(transaction.replace_enrolment(&enrolment).await?)
    }
}

/// What setting a factor up asks: of an account that has one, what any change asks.
fn set_up_demand(enrolled: Enrolled) -> Demand {
    match enrolled {
        Enrolled::Nothing => Demand::of_set_up(),
        Enrolled::SecondFactor => Demand::of_change(),
    }
}
