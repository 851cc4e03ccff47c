//! An address is verified, or another takes its place: whoever reads the letters to it says so, by a link.
//!
//! Until then the address before goes on to be the account's (I-61), and for a day after it can take the change back
//! (I-58).

use crate::audit::{self, Action, AuditEvent};
use crate::digest::{EmailLinkDigest, EmailToken, SessionCookie};
use crate::email_link::{EmailLink, EmailPurpose};
use crate::issuer::{Fault, Issuer};
use crate::operation::administer::{AdministerError, find};
use crate::operation::person::Person;
use crate::operation::retry::retried;
use crate::operation::second_factor::StepError;
use crate::sign_in::{Demand, State};
use crate::storage::{Storage, StorageError, Transaction};
use crate::user::{Email, User};
use keyfob_oauth::{Clock, Secret, Subject, Timestamp};

/// A link was made, for a letter to the address that it is about.
#[derive(Clone, Debug)]
pub struct EmailLetter {
    /// Where the letter goes.
    pub to: Email,
    /// What it carries.
    pub link: Secret,
}

/// An address became an account's.
#[derive(Clone, Debug)]
pub struct EmailSettled {
    /// The address.
    pub email: Email,
    /// For a letter to the address before, if it was another: the link that takes the change back.
    pub undo: Option<EmailLetter>,
}

/// A link changes nothing.
#[derive(Debug, thiserror::Error)]
pub enum EmailLinkError {
    /// It is unknown, was used, or its time is over; or the address is somebody else's meanwhile.
    #[error("the link does not count")]
    Over,
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(EmailLinkError);

impl Issuer {
    /// Makes a link for a letter to `email`, for somebody who has just proven who they are; earlier ones are over.
    ///
    /// Whether somebody else has the address is not told: then the link will do nothing (I-53).
    pub async fn ask_for_email(
        &self,
        cookie: &SessionCookie,
        email: &Email,
    ) -> Result<EmailLetter, StepError> {
        retried(|| self.try_ask_for_email(cookie, email)).await
    }

    async fn try_ask_for_email(
        &self,
        cookie: &SessionCookie,
        email: &Email,
    ) -> Result<EmailLetter, StepError> {
        let mut transaction = self.begin().await?;
        let person: Person =
            self.person(&mut *transaction, Some(cookie)).await?.ok_or(StepError::OutOfTurn)?;
        if person.sign_in().state(Demand::of_change(), self.now()) != State::Proven {
            return Err(StepError::OutOfTurn);
        }
        let subject = &person.session.subject;
        transaction.delete_email_links(subject, EmailPurpose::Verify).await?;
        let letter = self.email_letter(&mut *transaction, EmailPurpose::Verify, subject, email).await?;
        self.commit(transaction, AuditEvent::done(Action::AskEmail).by_owner(subject)).await?;
        Ok(letter)
    }

    /// Returns which address a link would make the account's, while it does.
    pub async fn linked_email(
        &self,
        token: &EmailToken,
        purpose: EmailPurpose,
    ) -> Result<Option<Email>, Fault> {
        let mut transaction = self.begin().await?;
        let link = transaction.find_email_link(&EmailLinkDigest::of(token), purpose, self.now()).await?;
        Ok(link.map(|link| link.email))
    }

    /// Makes the address of a link the account's, verified; links that reset the password are over.
    pub async fn verify_email(&self, token: &EmailToken) -> Result<EmailSettled, EmailLinkError> {
        retried(|| self.try_verify_email(token)).await
    }

    async fn try_verify_email(&self, token: &EmailToken) -> Result<EmailSettled, EmailLinkError> {
        let mut transaction = self.begin().await?;
        let (link, user) = self.link(&mut *transaction, token, EmailPurpose::Verify).await?;
        settle(&mut *transaction, &link, self.now()).await?;
        transaction.delete_email_links(&link.subject, EmailPurpose::Verify).await?;
        let undo = if user.email == link.email {
            None
        } else {
            let subject = &link.subject;
            Some(self.email_letter(&mut *transaction, EmailPurpose::Undo, subject, &user.email).await?)
        };
        let event = AuditEvent::done(Action::VerifyEmail).of(&link.subject);
        self.commit(transaction, event.saying(if undo.is_some() { "changed" } else { "same" })).await?;
        Ok(EmailSettled { email: link.email, undo })
    }

    /// Makes the address before the account's again, and ends everything that is signed in to it: whoever changed it may
    /// not have been its person.
    pub async fn undo_email(&self, token: &EmailToken) -> Result<Email, EmailLinkError> {
        retried(|| self.try_undo_email(token)).await
    }

    async fn try_undo_email(&self, token: &EmailToken) -> Result<Email, EmailLinkError> {
        let now = self.now();
        let mut transaction = self.begin().await?;
        let (link, _) = self.link(&mut *transaction, token, EmailPurpose::Undo).await?;
        settle(&mut *transaction, &link, now).await?;
        for purpose in EmailPurpose::ALL {
            transaction.delete_email_links(&link.subject, purpose).await?;
        }
        transaction.end_everything_of(&link.subject, None, now).await?;
        self.commit(transaction, AuditEvent::done(Action::UndoEmail).of(&link.subject)).await?;
        Ok(link.email)
    }

    async fn link(
        &self,
        transaction: &mut dyn Transaction,
        token: &EmailToken,
        purpose: EmailPurpose,
    ) -> Result<(EmailLink, User), EmailLinkError> {
        let digest = EmailLinkDigest::of(token);
        let link = transaction.find_email_link(&digest, purpose, self.now()).await?;
        let link = link.ok_or(EmailLinkError::Over)?;
        let user = transaction.find_user(&link.subject).await?.ok_or(EmailLinkError::Over)?;
        Ok((link, user))
    }

    async fn email_letter(
        &self,
        transaction: &mut dyn Transaction,
        purpose: EmailPurpose,
        subject: &Subject,
        email: &Email,
    ) -> Result<EmailLetter, Fault> {
        let token = EmailToken::from(self.entropy.token()?);
        let link = EmailLink {
            digest: EmailLinkDigest::of(&token),
            purpose,
            subject: subject.clone(),
            email: email.clone(),
            expires_at: self.now().plus(purpose.life()),
        };
        transaction.insert_email_link(&link).await?;
        Ok(EmailLetter { to: email.clone(), link: Secret::new(self.url.join(&path(purpose, &token))) })
    }
}

/// Verifies an address on the administrator's word.
pub async fn vouch_for_email(
    storage: &dyn Storage,
    clock: &dyn Clock,
    email: &Email,
) -> Result<(), AdministerError> {
    let mut transaction = storage.begin().await?;
    let user = find(&mut *transaction, email).await?;
    let now = clock.now();
    transaction.set_email(&user.subject, email, now).await?;
    let event = AuditEvent::done(Action::VouchForEmail).of(&user.subject);
    Ok(audit::commit_on_host(transaction, now, event).await?)
}

/// Returns where a link leads.
fn path(purpose: EmailPurpose, token: &EmailToken) -> String {
    match purpose {
        EmailPurpose::Verify => format!("/email/{}", token.expose()),
        EmailPurpose::Undo => format!("/email-undo/{}", token.expose()),
    }
}

async fn settle(
    transaction: &mut dyn Transaction,
    link: &EmailLink,
    now: Timestamp,
) -> Result<(), EmailLinkError> {
    match transaction.set_email(&link.subject, &link.email, now).await {
        Ok(()) => {}
        Err(StorageError::Exists) => return Err(EmailLinkError::Over),
        Err(other) => return Err(other.into()),
    }
    Ok(transaction.delete_reset_link(&link.subject).await?)
}
