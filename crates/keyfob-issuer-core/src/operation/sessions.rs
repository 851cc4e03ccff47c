//! A person looks at their sessions, names them and ends them.
//!
//! Whose sessions are meant is said by the token or the browser alone; the session of somebody else is as unknown as one that never was
//! (I-69).

use crate::FamilyId;
use crate::audit::{Action, AuditEvent};
use crate::client::Client;
use crate::issuer::{Fault, Issuer};
use crate::login_session::{LoginSession, SessionName};
use crate::operation::Caller;
use crate::refresh_family::FamilyStatus;
use crate::storage::Transaction;
use keyfob_oauth::Timestamp;

/// A session as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSession {
    /// The session.
    pub session: LoginSession,
    /// The application that signed in.
    pub client: Client,
    /// Whether it is the one through which the person asks.
    pub is_current: bool,
}

/// Which sessions end together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Every one.
    All,
    /// Every one but that through which the person asks.
    Others,
}

/// Nothing is changed.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// No such session of this person goes on.
    #[error("there is no such session")]
    NotFound,
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(SessionError);

impl Issuer {
    /// Returns the person's sessions that can go on, the newest first.
    pub async fn sessions(&self, caller: &Caller) -> Result<Vec<ListedSession>, Fault> {
        let mut transaction = self.begin().await?;
        let now = self.now();
        let mut listed = Vec::new();
        for session in transaction.list_login_sessions(&caller.grantee.user.subject).await? {
            if session.is_alive(now) {
                listed.push(listed_session(&mut *transaction, session, caller).await?);
            }
        }
        Ok(listed)
    }

    /// Calls a session by `name`, or by none, and returns it.
    pub async fn name_session(
        &self,
        caller: &Caller,
        id: FamilyId,
        name: Option<SessionName>,
    ) -> Result<ListedSession, SessionError> {
        let mut transaction = self.begin().await?;
        let found = own(&mut *transaction, caller, id, self.now()).await?;
        transaction.name_login_session(id, name.as_ref()).await?;
        let listed = listed_session(&mut *transaction, LoginSession { name, ..found }, caller).await?;
        transaction.commit().await?;
        Ok(listed)
    }

    /// Ends a session.
    pub async fn end_session(&self, caller: &Caller, id: FamilyId) -> Result<(), SessionError> {
        let mut transaction = self.begin().await?;
        let now = self.now();
        own(&mut *transaction, caller, id, now).await?;
        transaction.end_family(id, FamilyStatus::Revoked, now).await?;
        let event = AuditEvent::done(Action::EndSession).by_owner(&caller.grantee.user.subject);
        Ok(self.commit(transaction, event.about(&id)).await?)
    }

    /// Ends the person's sessions at once, with their signed-in browsers (I-33); returns how many sessions ended.
    pub async fn end_sessions(&self, caller: &Caller, which: Ending) -> Result<u64, Fault> {
        let spared = match which {
            Ending::All => None,
            Ending::Others => caller.session,
        };
        let mut transaction = self.begin().await?;
        let ended = transaction.end_everything_of(&caller.grantee.user.subject, spared, self.now()).await?;
        let event = AuditEvent::done(Action::EndSessions).by_owner(&caller.grantee.user.subject);
        self.commit(transaction, event.saying(ended.to_string())).await?;
        Ok(ended)
    }
}

/// Finds a session of the person that goes on.
async fn own(
    transaction: &mut dyn Transaction,
    caller: &Caller,
    id: FamilyId,
    now: Timestamp,
) -> Result<LoginSession, SessionError> {
    let found = transaction.find_login_session(id, &caller.grantee.user.subject).await?;
    found.filter(|session| session.is_alive(now)).ok_or(SessionError::NotFound)
}

async fn listed_session(
    transaction: &mut dyn Transaction,
    session: LoginSession,
    caller: &Caller,
) -> Result<ListedSession, Fault> {
    let client = transaction.find_client(&session.family.client_id).await?;
    let is_current = caller.session == Some(session.family.id);
    Ok(ListedSession { client: client.ok_or(Fault::Dangling("a session"))?, is_current, session })
}
