//! Signing in with a password, in three steps so that hashing never waits inside a transaction:
//! find the candidate, verify the password, begin the session.

use crate::audit::{Action, AuditEvent};
use crate::browser_session::{BrowserSession, Standing};
use crate::digest::{BrowserMark, SessionCookie, SessionDigest};
use crate::issuer::{Fault, Issuer};
use crate::operation::retry::retried;
use crate::operation::throttle::{NextWait, Try, TryError};
use crate::password::{Password, PasswordHash};
use crate::sign_in::Proof;
use crate::storage::Transaction;
use crate::throttle::Counted;
use crate::user::{Email, UserStatus};
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use keyfob_oauth::{Secret, Subject, Timestamp};

/// Where a try comes from, as far as it is known.
#[derive(Clone, Debug, Default)]
pub struct TryOrigin {
    /// The network; nothing for this machine itself.
    pub network: Option<String>,
    /// What an earlier sign-in left in the browser.
    pub mark: Option<BrowserMark>,
}

/// Whoever claims an address; perhaps nobody, which takes as long to find out (I-53).
#[derive(Clone, Debug)]
pub struct Candidate {
    email: String,
    subject: Option<Subject>,
    password: PasswordHash,
    counting: Try,
}

/// What is told of a try that goes wrong.
#[derive(Clone, Debug)]
pub struct Claim {
    pub(crate) subject: Option<Subject>,
    pub(crate) wait: NextWait,
}

/// Somebody who proved a moment ago who they are; made by [`Candidate::verify`] alone.
#[derive(Clone, Debug)]
pub struct ProvenUser {
    email: String,
    subject: Subject,
    at: Timestamp,
    counting: Try,
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

/// No session begins, though the password was right.
#[derive(Debug, thiserror::Error)]
pub enum BeginSessionError {
    /// The account is locked or disabled.
    #[error("the account may not sign in")]
    NotActive,
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(BeginSessionError);

impl Candidate {
    /// Returns what the audit trail tells of a wrong password.
    pub fn claim(&self) -> Claim {
        Claim { subject: self.subject.clone(), wait: self.counting.wait }
    }

    /// Tries `password`; takes tens of milliseconds of a core, so never on a runtime's thread.
    pub fn verify(self, password: &Password, now: Timestamp) -> Result<ProvenUser, WrongPassword> {
        let fits = self.password.fits(password);
        match self.subject {
            Some(subject) if fits => {
                Ok(ProvenUser { email: self.email, subject, at: now, counting: self.counting })
            }
            Some(_) | None => Err(WrongPassword),
        }
    }
}

impl Issuer {
    /// Finds who claims to be `email`, and counts the try (I-54).
    ///
    /// Everything is counted by what was typed, so that an unknown account is throttled like a known one (I-53).
    pub async fn candidate(&self, email: &str, origin: &TryOrigin) -> Result<Candidate, TryError> {
        retried(|| self.try_candidate(email, origin)).await
    }

    async fn try_candidate(&self, email: &str, origin: &TryOrigin) -> Result<Candidate, TryError> {
        let parsed = Email::parse(email).ok();
        let typed = parsed.as_ref().map_or_else(|| email.trim().to_lowercase(), ToString::to_string);
        let mark = origin.mark.as_ref().filter(|mark| self.is_mark_of(mark, &typed));
        let network = origin.network.as_deref();
        let mut counted = Vec::new();
        match (mark, network) {
            (Some(mark), _) => counted.push(Counted::AccountIn(&typed, mark.expose())),
            (None, Some(network)) => {
                counted.extend([Counted::AccountFrom(&typed, network), Counted::Account(&typed)]);
            }
            (None, None) => counted.push(Counted::AccountFrom(&typed, "")),
        }
        counted.extend(network.map(Counted::Network));
        if mark.is_none() {
            counted.push(Counted::Everybody);
        }
        let mut transaction = self.begin().await?;
        let counting = self.count_try(&mut *transaction, &counted).await?;
        let user = match &parsed {
            Some(email) => transaction.find_user_by_email(email).await?,
            None => None,
        };
        transaction.commit().await?;
        let (subject, password) = match user {
            Some(user) => (Some(user.subject), user.password),
            None => (None, PasswordHash::nobodys()),
        };
        Ok(Candidate { email: typed, subject, password, counting })
    }

    /// Begins a session for `user` in place of the one of `previous`: it has proven a password, and nothing else.
    pub async fn begin_session(
        &self,
        user: &ProvenUser,
        previous: Option<&SessionCookie>,
    ) -> Result<SignedIn, BeginSessionError> {
        retried(|| self.try_begin_session(user, previous)).await
    }

    async fn try_begin_session(
        &self,
        user: &ProvenUser,
        previous: Option<&SessionCookie>,
    ) -> Result<SignedIn, BeginSessionError> {
        let mut transaction = self.begin().await?;
        let found = transaction.find_user(&user.subject).await?;
        if found.is_none_or(|user| user.status != UserStatus::Active) {
            return Err(BeginSessionError::NotActive);
        }
        self.settle(&mut *transaction, &user.counting).await?;
        let (cookie, now) = (SessionCookie::from(self.entropy.token()?), self.now());
        let standing = Standing::of(&transaction.list_memberships(&user.subject).await?);
        let session = BrowserSession {
            digest: SessionDigest::of(&cookie),
            subject: user.subject.clone(),
            proof: Proof::of_password(user.at),
            began_at: now,
            expires_at: self.browser_sessions.end(standing, now, now),
        };
        if let Some(previous) = previous {
            self.end_previous(&mut *transaction, &SessionDigest::of(previous), &session).await?;
        }
        transaction.insert_session(&session).await?;
        self.commit(transaction, AuditEvent::done(Action::Password).by_owner(&user.subject)).await?;
        Ok(SignedIn { cookie })
    }

    /// Ends the session that `next` takes the place of: somebody else's was signed out by that.
    async fn end_previous(
        &self,
        transaction: &mut dyn Transaction,
        previous: &SessionDigest,
        next: &BrowserSession,
    ) -> Result<(), Fault> {
        let Some(found) = transaction.find_session(previous).await? else { return Ok(()) };
        transaction.delete_session(previous).await?;
        if found.subject == next.subject {
            self.keep_browser(transaction, previous, &next.digest).await
        } else {
            self.tell_of_browser(transaction, previous).await
        }
    }

    /// Returns what marks a browser as one in which `user` has signed in.
    pub fn mark(&self, user: &ProvenUser) -> Result<BrowserMark, Fault> {
        let nonce = self.entropy.token()?;
        let tag = self.mark_tag(&user.email, nonce.expose());
        Ok(Secret::new(format!("{}.{}", nonce.expose(), URL_SAFE_NO_PAD.encode(tag))).into())
    }

    /// Returns the moment, for [`Candidate::verify`].
    pub fn moment(&self) -> Timestamp {
        self.now()
    }

    fn is_mark_of(&self, mark: &BrowserMark, email: &str) -> bool {
        let Some((nonce, tag)) = mark.expose().split_once('.') else { return false };
        let message = mark_message(email, nonce);
        URL_SAFE_NO_PAD
            .decode(tag)
            .is_ok_and(|tag| hmac::verify(&self.keys.browser_mark, message.as_bytes(), &tag).is_ok())
    }

    fn mark_tag(&self, email: &str, nonce: &str) -> hmac::Tag {
        hmac::sign(&self.keys.browser_mark, mark_message(email, nonce).as_bytes())
    }
}

fn mark_message(email: &str, nonce: &str) -> String {
    format!("{email}\0{nonce}")
}
