//! Programs are told of sessions that ended (OpenID Connect Back-Channel Logout 1.0).
//!
//! What ends a session writes nothing for that: the revocation feed has it, and is followed here a moment later. So nobody
//! who signs out waits for a program, and a session ends though its program cannot be told.

use crate::back_channel::{EVENT, LOGOUT_TOKEN, LogoutNotice, ProgramSession};
use crate::delivery::{Attempted, Delivered, LEASE, judge};
use crate::digest::SessionDigest;
use crate::grant::AuthorizationGrant;
use crate::id;
use crate::issuer::{Fault, Issuer};
use crate::operation::retry::retried;
use crate::revocation::MOST_ENTRIES;
use crate::storage::Transaction;
use keyfob_jose::TokenType;
use keyfob_oauth::{ClientId, Secret, Timestamp};
use serde_json::json;

/// How many notices are taken at once.
const MOST_NOTICES: u32 = 8;

/// Whether the feed has more entries than were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// It may have.
    More,
    /// It has not.
    All,
}

impl Issuer {
    /// Notes in which browser a grant was approved, if its program is told of a sign-out there.
    pub(crate) async fn note_approval(
        &self,
        transaction: &mut dyn Transaction,
        grant: &AuthorizationGrant,
        browser: &SessionDigest,
    ) -> Result<(), Fault> {
        if self.told_of_logouts.contains(&grant.client_id) {
            transaction.note_approval(grant.id, browser, self.now()).await?;
        }
        Ok(())
    }

    /// The browser has another cookie for the same person.
    pub(crate) async fn keep_browser(
        &self,
        transaction: &mut dyn Transaction,
        from: &SessionDigest,
        to: &SessionDigest,
    ) -> Result<(), Fault> {
        if !self.told_of_logouts.is_empty() {
            transaction.move_browser(from, to).await?;
        }
        Ok(())
    }

    /// Lets programs be told that the browser is signed out in which their sessions were begun.
    pub(crate) async fn tell_of_browser(
        &self,
        transaction: &mut dyn Transaction,
        browser: &SessionDigest,
    ) -> Result<(), Fault> {
        if self.told_of_logouts.is_empty() {
            return Ok(());
        }
        let sessions = transaction.sessions_of_browser(browser).await?;
        self.insert_notices(transaction, sessions, self.now()).await
    }

    /// Follows the revocation feed: lets programs be told of the sessions that ended since the last time.
    pub async fn follow_ended_sessions(&self) -> Result<Followed, Fault> {
        if self.told_of_logouts.is_empty() {
            return Ok(Followed::All);
        }
        retried(|| self.try_follow_ended_sessions()).await
    }

    async fn try_follow_ended_sessions(&self) -> Result<Followed, Fault> {
        let mut transaction = self.begin().await?;
        let cursor = transaction.logout_cursor().await?;
        let feed = transaction.revocations_after(cursor, MOST_ENTRIES).await?;
        if feed.epoch == cursor {
            transaction.roll_back().await?;
            return Ok(Followed::All);
        }
        for entry in &feed.entries {
            let ended = transaction.sessions_ended_by(entry).await?;
            self.insert_notices(&mut *transaction, ended, entry.at).await?;
        }
        transaction.move_logout_cursor(feed.epoch).await?;
        transaction.commit().await?;
        let is_full = u32::try_from(feed.entries.len()).is_ok_and(|found| found >= MOST_ENTRIES);
        Ok(if is_full { Followed::More } else { Followed::All })
    }

    async fn insert_notices(
        &self,
        transaction: &mut dyn Transaction,
        sessions: Vec<ProgramSession>,
        at: Timestamp,
    ) -> Result<(), Fault> {
        let told = sessions.into_iter().filter(|session| self.told_of_logouts.contains(&session.client_id));
        for session in told {
            transaction.insert_logout_notice(&LogoutNotice { session, at, tries: 0 }).await?;
        }
        Ok(())
    }

    /// Takes some of what a program is to be told; whoever takes it settles it within a minute, or another one gets it.
    pub async fn claim_logout_notices(&self, client: &ClientId) -> Result<Vec<LogoutNotice>, Fault> {
        retried(|| self.try_claim_logout_notices(client)).await
    }

    async fn try_claim_logout_notices(&self, client: &ClientId) -> Result<Vec<LogoutNotice>, Fault> {
        let now = self.now();
        let mut transaction = self.begin().await?;
        let claimed = transaction.claim_logout_notices(client, now, now.plus(LEASE), MOST_NOTICES).await?;
        if claimed.is_empty() {
            transaction.roll_back().await?;
        } else {
            transaction.commit().await?;
        }
        Ok(claimed)
    }

    /// Signs the logout token of a notice (§2.4): one for each try, as a program may take each `jti` once.
    pub fn logout_token(&self, notice: &LogoutNotice) -> Result<Secret, Fault> {
        let now = self.now();
        let claims = json!({
            "iss": self.url.as_str(),
            "aud": notice.session.client_id,
            "sub": notice.session.subject,
            "sid": notice.session.id.to_string(),
            "iat": now,
            "exp": now.plus(LOGOUT_TOKEN),
            "jti": id::generate(now, &*self.entropy)?.to_string(),
            "events": { EVENT: {} },
        });
        Ok(Secret::new(self.sign(TokenType::Logout, &claims)?))
    }

    /// Says how a try to tell a program went; returns what becomes of it.
    pub async fn settle_logout_notice(
        &self,
        notice: &LogoutNotice,
        delivered: Delivered,
    ) -> Result<Attempted, Fault> {
        let (attempted, fate) = judge(notice.tries, delivered, self.now());
        let mut transaction = self.begin().await?;
        transaction.settle_logout_notice(notice.session.id, fate).await?;
        transaction.commit().await?;
        Ok(attempted)
    }
}
