//! Signing in with a password, in three steps so that hashing never waits inside a transaction:
//! find the candidate, verify the password, begin the session.

use crate::browser_session::BrowserSession;
use crate::digest::{SessionCookie, SessionDigest};
use crate::issuer::{Fault, Issuer};
use crate::lifetime;
use crate::password::{Password, PasswordHash};
use crate::user::Email;
use keyfob_oauth::{Subject, Timestamp};

/// Whoever claims an address; perhaps nobody, which takes as long to find out (I-53).
#[derive(Clone, Debug)]
pub struct Candidate {
    subject: Option<Subject>,
    password: PasswordHash,
}

/// Somebody who proved a moment ago who they are; made by [`Candidate::verify`] alone.
#[derive(Clone, Debug)]
pub struct ProvenUser {
    pub(crate) subject: Subject,
    pub(crate) at: Timestamp,
}

/// No user has this address and this password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no user has this address and this password")]
pub struct WrongPassword;

/// A session has begun; the cookie that was there before is worth nothing any more (I-15).
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// What the browser is given.
    pub cookie: SessionCookie,
}

impl Candidate {
    /// Tries `password`; takes tens of milliseconds of a core, so never on a runtime's thread.
    pub fn verify(self, password: &Password, now: Timestamp) -> Result<ProvenUser, WrongPassword> {
        let fits = self.password.fits(password);
        match self.subject {
            Some(subject) if fits => Ok(ProvenUser { subject, at: now }),
            Some(_) | None => Err(WrongPassword),
        }
    }
}

impl Issuer {
    /// Finds who claims to be `email`.
    pub async fn candidate(&self, email: &str) -> Result<Candidate, Fault> {
        let user = match Email::parse(email) {
            Ok(email) => self.begin().await?.find_user_by_email(&email).await?,
            Err(_no_address) => None,
        };
        Ok(match user {
            Some(user) => Candidate { subject: Some(user.subject), password: user.password },
            None => Candidate { subject: None, password: PasswordHash::nobodys() },
        })
    }

    /// Begins a session for `user` in place of the one of `previous`.
    pub async fn begin_session(
        &self,
        user: &ProvenUser,
        previous: Option<&SessionCookie>,
    ) -> Result<SignedIn, Fault> {
        let now = self.now();
        let cookie = SessionCookie::from(self.entropy.token()?);
        let session = BrowserSession {
            digest: SessionDigest::of(&cookie),
            subject: user.subject.clone(),
            signed_in_at: user.at,
            expires_at: now.plus(lifetime::BROWSER_SESSION),
        };
        let mut transaction = self.begin().await?;
        if let Some(previous) = previous {
            transaction.delete_session(&SessionDigest::of(previous)).await?;
        }
        transaction.insert_session(&session).await?;
        transaction.commit().await?;
        Ok(SignedIn { cookie })
    }

    /// Returns the moment, for [`Candidate::verify`].
    pub fn moment(&self) -> Timestamp {
        self.now()
    }
}
