//! Watching for what a person hardly does, and handing on what is to be told of it (security I-88).
//!
//! A login that refreshes as it should passes none of this: replays are counted where the same answer is handed out again,
//! logins where one begins, devices where one is let in.

use crate::anomaly::{Notice, Pattern, WINDOW, Watch, networks};
use crate::delivery::{Attempted, Delivered, LEASE, judge};
use crate::issuer::{Fault, Issuer};
use crate::operation::retry::retried;
use crate::operation::sweep::before;
use crate::refresh_family::{RefreshFamily, SealedCopy};
use crate::storage::Transaction;
use crate::{FamilyId, NoticeId};
use keyfob_oauth::Subject;

/// How many logins are looked at.
const MOST_LOGINS: u32 = 1_000;
/// How many notices are taken at once.
const MOST_NOTICES: u32 = 8;

impl Issuer {
    /// Watches an answer to a refresh that is handed out again; `copy` is what it was before that.
    pub(crate) async fn watch_replay(
        &self,
        transaction: &mut dyn Transaction,
        family: &RefreshFamily,
        copy: &SealedCopy,
    ) -> Result<(), Fault> {
        let Watch::On(limits) = self.watch else { return Ok(()) };
        let count = copy.replays.saturating_add(1);
        // Once, however often it goes on.
        if count != limits.replays.saturating_add(1) {
            return Ok(());
        }
        self.tell(transaction, Pattern::Replays, &family.subject, Some(family.id), count).await
    }

    /// Watches a login that has begun.
    pub(crate) async fn watch_login(
        &self,
        transaction: &mut dyn Transaction,
        subject: &Subject,
    ) -> Result<(), Fault> {
        let Watch::On(limits) = self.watch else { return Ok(()) };
        let since = before(self.now(), WINDOW);
        let places = transaction.places_of_logins(subject, since, MOST_LOGINS).await?;
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let (logins, networks) = (count(places.len()), count(networks(&places)));
        if logins > limits.logins {
            self.tell(transaction, Pattern::Logins, subject, None, logins).await?;
        }
        if networks > limits.networks {
            self.tell(transaction, Pattern::Networks, subject, None, networks).await?;
        }
        Ok(())
    }

    /// Watches a device that was let in.
    pub(crate) async fn watch_device(
        &self,
        transaction: &mut dyn Transaction,
        subject: &Subject,
    ) -> Result<(), Fault> {
        let Watch::On(limits) = self.watch else { return Ok(()) };
        let devices = transaction.count_devices_let_in(subject, before(self.now(), WINDOW)).await?;
        if devices > limits.devices {
            self.tell(transaction, Pattern::Devices, subject, None, devices).await?;
        }
        Ok(())
    }

    async fn tell(
        &self,
        transaction: &mut dyn Transaction,
        pattern: Pattern,
        subject: &Subject,
        session: Option<FamilyId>,
        count: u32,
    ) -> Result<(), Fault> {
        let at = self.now();
        let id = NoticeId::generate(at, &*self.entropy)?;
        let notice = Notice { id, pattern, subject: subject.clone(), session, count, at, tries: 0 };
        Ok(transaction.insert_notice(&notice).await?)
    }

    /// Takes some of what is to be told; whoever takes it settles it within a minute, or another one gets it.
    pub async fn claim_notices(&self) -> Result<Vec<Notice>, Fault> {
        retried(|| self.try_claim_notices()).await
    }

    async fn try_claim_notices(&self) -> Result<Vec<Notice>, Fault> {
        let now = self.now();
        let mut transaction = self.begin().await?;
        let claimed = transaction.claim_notices(now, now.plus(LEASE), MOST_NOTICES).await?;
        if claimed.is_empty() {
            transaction.roll_back().await?;
        } else {
            transaction.commit().await?;
        }
        Ok(claimed)
    }

    /// Says how a try to deliver a notice went; returns what becomes of it.
    pub async fn settle_notice(&self, notice: &Notice, delivered: Delivered) -> Result<Attempted, Fault> {
        let (attempted, fate) = judge(notice.tries, delivered, self.now());
        let mut transaction = self.begin().await?;
        transaction.settle_notice(notice.id, fate).await?;
        transaction.commit().await?;
        Ok(attempted)
    }
}
