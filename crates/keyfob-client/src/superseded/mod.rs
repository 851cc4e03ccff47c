//! Sessions that a new login took the place of: remembered before it is stored, until their issuer has ended them
//! (security C-64).
//!
//! A crash may come between the two, and only the old refresh token can end the old session. It is kept beside the login
//! as safely as the login, for [`LONGEST`] at most, and never after signing out.

mod run;

pub(crate) use run::{end_all, finish, forget, note, noted};

use crate::store::Slot;
use keyfob_codex::auth_file::Login;
use keyfob_oauth::request::RevocationRequest;
use keyfob_oauth::{ClientId, IssuerUrl, RefreshToken, Timestamp};
use std::time::Duration;

/// A session that a new login takes the place of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldSession {
    /// Who issued it.
    pub issuer: IssuerUrl,
    /// To which client.
    pub client_id: ClientId,
    /// What ends it.
    pub refresh_token: RefreshToken,
    /// The name of its login, which stays over refreshes, if it has one.
    pub login: Option<String>,
    /// The name of the login that takes its place.
    pub replaced_by: String,
}

/// An issuer that did not end a session in this time is not asked any more.
const LONGEST: Duration = Duration::from_hours(7 * 24);

/// What is to become of an old session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is ended.
    End,
    /// Nobody can tell yet.
    Wait,
    /// It is left alone.
    Forget,
}

impl OldSession {
    /// Returns how to end it.
    pub fn revocation(&self) -> RevocationRequest {
        RevocationRequest { client_id: self.client_id.clone(), token: self.refresh_token.clone() }
    }

    /// Decides by what is stored, under the lock.
    ///
    /// If the new login was never stored, the old session is the login: ending it would sign the person out. Its token
    /// may have been rotated since by another program, so the name of the login decides.
    fn fate(&self, since: Timestamp, slot: &Slot, now: Timestamp) -> Fate {
        if now.since(since) > LONGEST {
            return Fate::Forget;
        }
        let record = match slot {
            Slot::Empty => return Fate::End,
            Slot::Corrupt { .. } => return Fate::Wait,
            Slot::Holds { record, .. } => record,
        };
        let tokens = match record.login() {
            Login::ApiKey | Login::AccessToken(_) | Login::Foreign(_) => return Fate::End,
            Login::Account(tokens) => tokens,
        };
        if tokens.refresh_token.as_ref() == Some(&self.refresh_token) {
            return Fate::Forget;
        }
        match (record.login_owner_id(), &self.login) {
            (Some(stored), _) if stored == self.replaced_by => Fate::End,
            (Some(stored), Some(old)) if stored != *old => Fate::End,
            (Some(_) | None, _) => Fate::Forget,
        }
    }
}

#[cfg(test)]
mod tests;
