//! Who sits at a browser, and what they are asked before they get on.

use crate::browser_session::{BrowserSession, Standing};
use crate::digest::{SessionCookie, SessionDigest};
use crate::factor::{Enrolment, FactorKind, RecoveryCodes, TotpOffer};
use crate::issuer::{Fault, Issuer};
use crate::sign_in::{Demand, Enrolled, SignIn, State};
use crate::storage::{StorageError, Transaction};
use crate::user::{Email, User, UserStatus};
use crate::workspace::Membership;
use aws_lc_rs::hmac;
use keyfob_oauth::{Secret, Timestamp};

/// Somebody with a live session.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) session: BrowserSession,
    pub(crate) user: User,
    pub(crate) enrolments: Vec<Enrolment>,
}

/// What a person is asked before they get on.
#[derive(Clone, Debug)]
pub enum Prompt {
    /// Who they are.
    SignIn,
    /// A code of the second factor.
    SecondFactor {
        /// Whose.
        email: Email,
    },
    /// To set a second factor up.
    SetUp {
        /// Whose.
        email: Email,
        /// What the app takes up.
        offer: TotpOffer,
    },
}

/// What a person sees of their own account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Who.
    pub user: User,
    /// The workspaces that they are in.
    pub memberships: Vec<Membership>,
    /// Since when they have a second factor.
    pub totp_since: Option<Timestamp>,
    /// How many recovery codes they have left.
    pub recovery_codes: usize,
}

/// Whether somebody may get on.
#[derive(Clone, Debug)]
pub enum Admission {
    /// Not yet.
    Asked(Prompt),
    /// Yes.
    Granted(Box<Account>),
}

impl Person {
    /// Returns what this person has proven.
    pub(crate) fn sign_in(&self) -> SignIn {
        SignIn { enrolled: Enrolled::by(&self.enrolments), proof: Some(self.session.proof) }
    }

    /// Returns what this person has set up of one kind.
    pub(crate) fn enrolment(&self, kind: FactorKind) -> Option<&Enrolment> {
        self.enrolments.iter().find(|enrolment| enrolment.kind == kind)
    }
}

impl Issuer {
    /// Says whether the person at the browser may get on under `demand`, or what they are asked first.
    pub async fn admit(
        &self,
        session: Option<&SessionCookie>,
        demand: impl FnOnce(&[Membership]) -> Demand,
    ) -> Result<Admission, Fault> {
        let mut transaction = self.begin().await?;
        let Some(person) = self.person(&mut *transaction, session).await? else {
            return Ok(Admission::Asked(Prompt::SignIn));
        };
        let memberships = transaction.list_memberships(&person.user.subject).await?;
        let state = person.sign_in().state(demand(&memberships), self.now());
        self.note_use(transaction, &person, Standing::of(&memberships)).await?;
        Ok(match self.prompt(state, &person)? {
            Some(prompt) => Admission::Asked(prompt),
            None => Admission::Granted(Box::new(self.account(person, memberships)?)),
        })
    }

    /// Makes the session of somebody who looks at a page last from now on, if that is worth a write (I-62).
    pub(crate) async fn note_use(
        &self,
        mut transaction: Box<dyn Transaction>,
        person: &Person,
        standing: Standing,
    ) -> Result<(), Fault> {
        let end = person.session.prolonged(self.browser_sessions, standing, self.now());
        let Some(end) = end else { return Ok(()) };
        transaction.prolong_session(&person.session.digest, end).await?;
        match transaction.commit().await {
            // Somebody else wrote meanwhile: the next page notes it.
            Ok(()) | Err(StorageError::Conflict) => Ok(()),
            Err(other) => Err(other.into()),
        }
    }

    /// Finds who sits at the browser with this cookie; nobody who may not sign in.
    pub(crate) async fn person(
        &self,
        transaction: &mut dyn Transaction,
        cookie: Option<&SessionCookie>,
    ) -> Result<Option<Person>, Fault> {
        let Some(cookie) = cookie else { return Ok(None) };
        let session = transaction.find_session(&SessionDigest::of(cookie)).await?;
        let Some(session) = session.filter(|session| session.is_live(self.now())) else { return Ok(None) };
        let user = transaction.find_user(&session.subject).await?;
        let Some(user) = user.filter(|user| user.status == UserStatus::Active) else { return Ok(None) };
        let enrolments = transaction.find_enrolments(&session.subject).await?;
        Ok(Some(Person { session, user, enrolments }))
    }

    /// Returns what a person in `state` is asked.
    pub(crate) fn prompt(&self, state: State, person: &Person) -> Result<Option<Prompt>, Fault> {
        let email = person.user.email.clone();
        Ok(match state {
            State::Anonymous => Some(Prompt::SignIn),
            State::SecondFactor => Some(Prompt::SecondFactor { email }),
            State::SetUp => Some(Prompt::SetUp { email, offer: self.offer(&person.session)? }),
            State::Proven => None,
        })
    }

    /// Returns the secret that this session may take up.
    ///
    /// It follows from the session, so that showing it changes nothing; a session is replaced when it has taken it up.
    pub(crate) fn offer(&self, session: &BrowserSession) -> Result<TotpOffer, Fault> {
        let tag = hmac::sign(&self.keys.set_up, session.digest.as_bytes());
        let bytes = tag.as_ref().try_into().map_err(|_| crate::seal::SealError::Seal)?;
        Ok(TotpOffer::from_bytes(bytes))
    }

    /// Opens what a factor keeps.
    pub(crate) fn open_enrolment(&self, enrolment: &Enrolment) -> Result<Secret, Fault> {
        Ok(self.seal_key.enrolment_seal(enrolment.kind, &enrolment.subject)?.open(&enrolment.sealed)?)
    }

    fn account(&self, person: Person, memberships: Vec<Membership>) -> Result<Account, Fault> {
        let recovery = person.enrolment(FactorKind::Recovery).map(|codes| self.open_enrolment(codes));
        Ok(Account {
            recovery_codes: recovery.transpose()?.map_or(0, |kept| RecoveryCodes::left(&kept)),
            totp_since: person.enrolment(FactorKind::Totp).map(|totp| totp.enrolled_at),
            user: person.user,
            memberships,
        })
    }
}
