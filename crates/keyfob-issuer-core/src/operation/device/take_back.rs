//! A person takes back that they let a device in, by the link of the letter that told them (I-50).

use crate::FamilyId;
use crate::audit::{Action, AuditEvent};
use crate::device_grant::{Began, DeviceProgress};
use crate::digest::{UndoDigest, UndoToken};
use crate::grant::Progress;
use crate::issuer::{Fault, Issuer};
use crate::operation::retry::retried;
use crate::refresh_family::FamilyStatus;
use crate::storage::Transaction;

/// What a link was worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenBack {
    /// What the device got has ended, now or before.
    Ended,
    /// Nobody made it, or too long ago.
    Unknown,
}

impl Issuer {
    /// Ends what a device was given, and nothing else; whoever has the link may, signed in or not.
    pub async fn take_back_device(&self, undo: &UndoToken) -> Result<TakenBack, Fault> {
        retried(|| self.try_take_back_device(undo)).await
    }

    /// Whether the link is known.
    pub async fn knows_undo(&self, undo: &UndoToken) -> Result<bool, Fault> {
        let mut transaction = self.begin().await?;
        Ok(transaction.find_device_grant_by_undo(&UndoDigest::of(undo)).await?.is_some())
    }

    async fn try_take_back_device(&self, undo: &UndoToken) -> Result<TakenBack, Fault> {
        let mut transaction = self.begin().await?;
        let Some(grant) = transaction.find_device_grant_by_undo(&UndoDigest::of(undo)).await? else {
            return Ok(TakenBack::Unknown);
        };
        let session = match &grant.progress {
            DeviceProgress::Pending | DeviceProgress::Denied => None,
            DeviceProgress::Approved(_) => {
                transaction.withdraw_device_grant(&grant.digest).await?;
                None
            }
            DeviceProgress::Delivered(delivered) => match delivered.began {
                Began::Session(id) => Some(id),
                Began::Grant(id) => {
                    transaction.withdraw_grant(id).await?;
                    match transaction.find_grant(id).await?.map(|grant| grant.progress) {
                        Some(Progress::Exchanged { family, .. }) => Some(family),
                        Some(Progress::Pending | Progress::Approved { .. } | Progress::Denied) | None => None,
                    }
                }
            },
        };
        self.end(&mut *transaction, session).await?;
        let event = AuditEvent::done(Action::TakeBackDevice).through(&grant.client_id);
        let event = session.iter().fold(event, AuditEvent::about);
        self.commit(transaction, event).await?;
        Ok(TakenBack::Ended)
    }

    async fn end(&self, transaction: &mut dyn Transaction, session: Option<FamilyId>) -> Result<(), Fault> {
        if let Some(session) = session {
            transaction.end_family(session, FamilyStatus::Revoked, self.now()).await?;
        }
        Ok(())
    }
}
