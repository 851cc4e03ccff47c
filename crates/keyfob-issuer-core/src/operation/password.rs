//! A password changes: its owner asks for it, or follows a link that was made for them.
//!
//! As in signing in, hashing never waits inside a transaction: what may become the password is checked first, then hashed,
//! then stored if the one who asked still may.

use crate::audit::{Action, AuditEvent};
use crate::browser_session::BrowserSession;
use crate::digest::{ResetDigest, ResetToken, SessionCookie};
use crate::issuer::{Fault, Issuer};
use crate::operation::administer::{AdministerError, replace_reset_link};
use crate::operation::retry::retried;
use crate::operation::second_factor::StepError;
use crate::operation::{SignedIn, TryError, TryOrigin};
use crate::password::PasswordHash;
use crate::sign_in::{Demand, Enrolled, Proof, State};
use crate::storage::Transaction;
use crate::throttle::Counted;
use crate::user::Email;
use keyfob_oauth::{Secret, Subject};

/// Whose password may change.
#[derive(Clone, Debug)]
pub struct PasswordOwner {
    /// What they type to sign in.
    pub email: Email,
    /// Whether a second factor stands beside it, so that it may be shorter.
    pub enrolled: Enrolled,
}

/// What becomes of the other places where somebody is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherSessions {
    /// They go on.
    Keep,
    /// They end: browsers, and the logins of every program.
    End,
}

impl Issuer {
    /// Returns whose password the person at the browser may change, if they have just proven who they are.
    pub async fn password_owner(&self, cookie: &SessionCookie) -> Result<PasswordOwner, StepError> {
        let mut transaction = self.begin().await?;
        let person = self.person(&mut *transaction, Some(cookie)).await?.ok_or(StepError::OutOfTurn)?;
        let sign_in = person.sign_in();
        if sign_in.state(Demand::of_change(), self.now()) != State::Proven {
            return Err(StepError::OutOfTurn);
        }
        Ok(PasswordOwner { email: person.user.email, enrolled: sign_in.enrolled })
    }

    /// Stores the password that the person at the browser chose; the browser gets a new cookie.
    pub async fn change_password(
        &self,
        cookie: &SessionCookie,
        password: &PasswordHash,
        others: OtherSessions,
    ) -> Result<SignedIn, StepError> {
        retried(|| self.try_change_password(cookie, password, others)).await
    }

    async fn try_change_password(
        &self,
        cookie: &SessionCookie,
        password: &PasswordHash,
        others: OtherSessions,
    ) -> Result<SignedIn, StepError> {
        let now = self.now();
        let mut transaction = self.begin().await?;
        let person = self.person(&mut *transaction, Some(cookie)).await?.ok_or(StepError::OutOfTurn)?;
        if person.sign_in().state(Demand::of_change(), now) != State::Proven {
            return Err(StepError::OutOfTurn);
        }
        transaction.set_password(&person.session.subject, password).await?;
        match others {
            OtherSessions::Keep => {}
            OtherSessions::End => {
                transaction.end_everything_of(&person.session.subject, None, now).await?;
            }
        }
        let event = AuditEvent::done(Action::ChangePassword).by_owner(&person.session.subject);
        let proof = Proof { password_at: now, ..person.session.proof };
        let session = BrowserSession { proof, ..person.session };
        let signed_in = self.replace_session(&mut *transaction, session).await?;
        self.commit(transaction, event).await?;
        Ok(signed_in)
    }

    /// Returns whose password a link resets, while it does.
    pub async fn reset_owner(&self, token: &ResetToken) -> Result<Option<PasswordOwner>, Fault> {
        let mut transaction = self.begin().await?;
        Ok(self.linked(&mut *transaction, token).await?.map(|(_, owner)| owner))
    }

    /// Stores the password that whoever followed a link chose, once, and ends everything that they were signed in with.
    ///
    /// It signs nobody in: a second factor is asked for as ever (I-60).
    pub async fn reset_password(&self, token: &ResetToken, password: &PasswordHash) -> Result<(), StepError> {
        retried(|| self.try_reset_password(token, password)).await
    }

    async fn try_reset_password(&self, token: &ResetToken, password: &PasswordHash) -> Result<(), StepError> {
        let mut transaction = self.begin().await?;
        let (subject, _) = self.linked(&mut *transaction, token).await?.ok_or(StepError::OutOfTurn)?;
        transaction.set_password(&subject, password).await?;
        transaction.end_everything_of(&subject, None, self.now()).await?;
        Ok(self.commit(transaction, AuditEvent::done(Action::ResetPassword).of(&subject)).await?)
    }

    /// Counts a request for a letter that resets the password of `typed`, whether there is such an account or not.
    pub async fn count_letter(&self, typed: &str, origin: &TryOrigin) -> Result<(), TryError> {
        retried(|| self.try_count_letter(typed, origin)).await
    }

    async fn try_count_letter(&self, typed: &str, origin: &TryOrigin) -> Result<(), TryError> {
        let typed = typed.trim().to_lowercase();
        let mut counted = vec![Counted::Letters(&typed)];
        counted.extend(origin.network.as_deref().map(Counted::Network));
        let mut transaction = self.begin().await?;
        self.count_try(&mut *transaction, &counted).await?;
        Ok(transaction.commit().await?)
    }

    /// Makes the address that a letter to `email` carries.
    pub async fn reset_address(&self, email: &Email) -> Result<Secret, AdministerError> {
        let mut transaction = self.begin().await?;
        let (user, token) = replace_reset_link(&mut *transaction, self.now(), &*self.entropy, email).await?;
        self.commit(transaction, AuditEvent::done(Action::MakeResetLink).of(&user.subject)).await?;
        Ok(Secret::new(self.url.join(&format!("/reset/{}", token.expose()))))
    }

    async fn linked(
        &self,
        transaction: &mut dyn Transaction,
        token: &ResetToken,
    ) -> Result<Option<(Subject, PasswordOwner)>, Fault> {
        let link = transaction.find_reset_link(&ResetDigest::of(token), self.now()).await?;
        let Some(subject) = link else { return Ok(None) };
        let Some(user) = transaction.find_user(&subject).await? else { return Ok(None) };
        let enrolments = transaction.find_enrolments(&subject).await?;
        let enrolled = Enrolled::by(&enrolments);
        Ok(Some((subject, PasswordOwner { email: user.email, enrolled })))
    }
}
