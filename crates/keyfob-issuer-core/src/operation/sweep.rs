//! What has ended is forgotten, when nothing could follow from it any more (I-87).

use crate::delivery::KEPT;
use crate::failpoint::Failpoint;
use crate::issuer::{Fault, Issuer};
use crate::lifetime;
use crate::operation::retry::retried;
use crate::operation::signing_keys::forget_gone_keys;
use crate::throttle::FORGOTTEN_AFTER;
use keyfob_oauth::Timestamp;
use std::time::Duration;

/// How many rows of each kind were forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Refresh families, each with all its tokens.
    pub families: u64,
    /// Authorization grants with their codes.
    pub grants: u64,
    /// Device grants with their codes.
    pub device_grants: u64,
    /// Browser sessions.
    pub sessions: u64,
    /// Links to e-mail addresses.
    pub email_links: u64,
    /// Counters of tries.
    pub counters: u64,
    /// ID tokens that were exchanged for an API key.
    pub spent_id_tokens: u64,
    /// Invitations that nobody accepted.
    pub invitations: u64,
    /// Signing keys whose last token is over, with their private parts.
    pub signing_keys: u64,
    /// Entries of the revocation feed.
    pub revocations: u64,
    /// Notices of anomalies.
    pub notices: u64,
    /// Sessions that their programs were told of.
    pub logout_notices: u64,
    /// Browsers in which sessions of programs were begun.
    pub browser_logins: u64,
}

/// How many rows of a kind one transaction forgets: others wait for no more than that.
const AT_ONCE: u32 = 200;
/// A family takes its tokens along, some thousands when it was used to its end.
const FAMILIES_AT_ONCE: u32 = 10;
/// A browser in which a session was begun: longer than any stays signed in.
const BROWSER_LOGIN: Duration = lifetime::LONGEST_BROWSER_ABSOLUTE;
/// Two nodes' clocks differ by less.
const MARGIN: Duration = Duration::from_mins(10);

impl Swept {
    /// Whether there may be more to forget.
    pub fn is_full(&self) -> bool {
        let limit = u64::from(AT_ONCE);
        self.families >= u64::from(FAMILIES_AT_ONCE)
            || [
                self.grants,
                self.device_grants,
                self.sessions,
                self.email_links,
                self.counters,
                self.spent_id_tokens,
                self.invitations,
                self.revocations,
                self.notices,
                self.logout_notices,
                self.browser_logins,
            ]
            .iter()
            .any(|count| *count >= limit)
    }
}

impl Issuer {
    /// Forgets some of what has ended, in one short transaction.
    ///
    /// A spent refresh token goes with its family, at the end of the longest life that this could have had, whether it
    /// ended earlier or not: until then its reuse is recognised. A grant is kept for a day after its code, so that a
    /// code used twice is. A spent ID token is remembered as long, which is longer than it could be exchanged.
    pub async fn sweep(&self) -> Result<Swept, Fault> {
        retried(|| self.try_sweep()).await
    }

    async fn try_sweep(&self) -> Result<Swept, Fault> {
        let now = self.now();
        let finished = before(now, lifetime::FINISHED_GRANT);
        let mut transaction = self.begin().await?;
        let swept = Swept {
            families: transaction
                .forget_families(before(now, lifetime::REFRESH_ABSOLUTE + MARGIN), FAMILIES_AT_ONCE)
                .await?,
            grants: transaction.forget_grants(finished, AT_ONCE).await?,
            device_grants: transaction.forget_device_grants(finished, AT_ONCE).await?,
            sessions: transaction.forget_sessions(before(now, MARGIN), AT_ONCE).await?,
            email_links: transaction.forget_email_links(before(now, MARGIN), AT_ONCE).await?,
            counters: transaction.forget_counters(before(now, FORGOTTEN_AFTER + MARGIN), AT_ONCE).await?,
            spent_id_tokens: transaction.forget_spent_id_tokens(finished, AT_ONCE).await?,
            invitations: transaction.forget_invitations(before(now, MARGIN), AT_ONCE).await?,
            signing_keys: forget_gone_keys(&mut *transaction, now).await?,
            revocations: transaction.forget_revocations(before(now, lifetime::REVOCATION), AT_ONCE).await?,
            notices: transaction.forget_notices(before(now, KEPT), AT_ONCE).await?,
            logout_notices: transaction.forget_logout_notices(before(now, KEPT), AT_ONCE).await?,
            browser_logins: transaction.forget_browser_logins(before(now, BROWSER_LOGIN), AT_ONCE).await?,
        };
        Failpoint::Swept.reach();
        transaction.commit().await?;
        Ok(swept)
    }
}

pub(super) fn before(now: Timestamp, duration: Duration) -> Timestamp {
    let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_unix(now.as_unix().saturating_sub(seconds))
}
