//! A person decides about a device.

use crate::audit::{Action, AuditEvent};
use crate::client::Client;
use crate::device_grant::{DeviceGrant, Elsewhere, Risk, Sign, UserCode};
use crate::digest::{SessionCookie, UndoDigest, UndoToken};
use crate::grant::{Approval, WrongState};
use crate::issuer::{Fault, Issuer};
use crate::operation::grantee::{Asked, GrantRefusal, Way, find_grantee};
use crate::operation::offer::{Asker, Choice, Offer, offers, selected, turn_on};
use crate::operation::retry::retried;
use crate::operation::throttle::TryError;
use crate::sign_in::{Demand, State};
use crate::storage::Transaction;
use crate::throttle::{Counted, Throttled};
use crate::user::{DeviceCodes, Email};
use crate::workspace::Workspace;
use keyfob_oauth::{Subject, WorkspaceId};
use std::time::Duration;

/// What waits behind a user code.
#[derive(Clone, Debug)]
pub struct DeviceApplication {
    /// Who asks.
    pub client: Client,
    /// For what, from where and since when.
    pub grant: DeviceGrant,
    /// For which of the person's workspaces.
    pub offers: Vec<Offer>,
}

/// What somebody brings along who says yes.
#[derive(Clone, Debug)]
pub struct DeviceApproval<'a> {
    /// The code.
    pub user_code: &'a UserCode,
    /// The number that they typed beside it.
    pub number: Option<&'a str>,
    /// Who they are.
    pub session: &'a SessionCookie,
    /// For which of their workspaces.
    pub workspace: &'a WorkspaceId,
    /// The network that they decide on; nothing for this machine itself.
    pub network: Option<&'a str>,
}

/// How somebody says no to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// They do not want it.
    No,
    /// They did not ask for it, and say so to whoever runs the issuer.
    Report,
}

/// A device was let in.
#[derive(Clone, Debug)]
pub struct ApprovedDevice {
    /// Who asked.
    pub client: Client,
    /// For what, from where and since when.
    pub grant: DeviceGrant,
    /// The address of whoever let it in.
    pub email: Email,
    /// What a link carries by which they take it back.
    pub undo: UndoToken,
}

/// A decision about a device does not count.
#[derive(Debug, thiserror::Error)]
pub enum DecideDeviceError {
    /// No device waits behind the code.
    #[error("no device waits behind the code")]
    NotWaiting,
    /// Another step of the sign-in comes first.
    #[error("another step of the sign-in comes first")]
    NotNow(State),
    /// Nothing may be granted to the person there.
    #[error(transparent)]
    NotGranted(#[from] GrantRefusal),
    /// The number is not the one that the device shows.
    #[error("the number is not the one that the device shows")]
    WrongNumber,
    /// The device asks from another network, which the settings do not allow (I-50).
    #[error("the device asks from another network")]
    Elsewhere,
    /// The workspace has let in as many devices as it may for now (I-50).
    #[error("the workspace has let in too many devices: {0}")]
    TooMany(Throttled),
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::super::faults!(DecideDeviceError);

impl From<WrongState> for DecideDeviceError {
    fn from(_: WrongState) -> Self {
        Self::NotWaiting
    }
}

impl From<TryError> for DecideDeviceError {
    fn from(error: TryError) -> Self {
        match error {
            TryError::Throttled(throttled) => Self::TooMany(throttled),
            TryError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl DeviceApplication {
    /// Whether it was asked for from another network than `network`.
    pub fn is_from_elsewhere(&self, network: Option<&str>) -> bool {
        self.grant.network.as_deref() != network
    }

    /// Returns the workspace that is meant: the one that `chosen` names, or the only one that can be.
    pub fn workspace(&self, chosen: Option<&WorkspaceId>) -> (Choice, Option<&Workspace>) {
        let (choice, offer) = selected(&self.offers, chosen);
        (choice, offer.map(|offer| &offer.workspace))
    }
}

/// From when on a code counts as old: who has started it themselves types it at once.
const OLD: Duration = Duration::from_mins(5);

impl Issuer {
    /// Finds what waits behind a user code that the person of `session` typed.
    pub async fn find_device(
        &self,
        user_code: &UserCode,
        session: &SessionCookie,
    ) -> Result<Option<DeviceApplication>, Fault> {
        let mut transaction = self.begin().await?;
        let Some((grant, client)) = self.waiting_device(&mut *transaction, user_code).await? else {
            return Ok(None);
        };
        let Some(person) = self.person(&mut *transaction, Some(session)).await? else { return Ok(None) };
        let memberships = transaction.list_memberships(&person.user.subject).await?;
        let now = self.now();
        let offers = offers(&person, memberships, Asker::Device, &grant.scope, &grant.allowed, now);
        Ok(Some(DeviceApplication { client, grant, offers }))
    }

    /// A user who has just proven who they are says yes, for one of their workspaces; where the workspace leaves it to
    /// them, that enables device codes for them (design D11).
    pub async fn approve_device(
        &self,
        approval: &DeviceApproval<'_>,
    ) -> Result<ApprovedDevice, DecideDeviceError> {
        retried(|| self.try_approve_device(approval)).await
    }

    async fn try_approve_device(
        &self,
        asked: &DeviceApproval<'_>,
    ) -> Result<ApprovedDevice, DecideDeviceError> {
        let mut transaction = self.begin().await?;
        let waiting = self.waiting_device(&mut *transaction, asked.user_code).await?;
        let (grant, client) = waiting.ok_or(DecideDeviceError::NotWaiting)?;
        let anonymous = DecideDeviceError::NotNow(State::Anonymous);
        let person = self.person(&mut *transaction, Some(asked.session)).await?.ok_or(anonymous)?;
        let (now, proof) = (self.now(), person.session.proof);
        let mut grantee = find_grantee(&mut *transaction, &person.user.subject, asked.workspace).await??;
        let before = grantee.user.device_codes;
        turn_on(&mut grantee);
        // Whatever the policy says, the proof must be of the last minutes (I-46).
        let demand = Demand::of_device(&grant.scope, grantee.workspace.policy.mfa);
        let state = person.sign_in().state(demand, now);
        let wish = Asked { amr: proof.amr(), scope: &grant.scope, allowed: &grant.allowed };
        match (grantee.check(Way::Device(wish), now), state) {
            (Ok(_), State::Proven) => {}
            // What is missing is asked for; whatever else is in the way, proving it does not cure.
            (
                Ok(_) | Err(GrantRefusal::SecondFactorMissing),
                State::Anonymous | State::SecondFactor | State::SetUp,
            ) => {
                return Err(DecideDeviceError::NotNow(state));
            }
            (Err(refusal), _) => return Err(refusal.into()),
        }
        self.check_device(asked, &grant)?;
        let most = self.devices.most_an_hour;
        let counted = Counted::Devices(grantee.workspace.id.as_str(), most);
        let number = self.count_try(&mut *transaction, &[counted]).await?.number;
        let risk = Risk::of(|sign| match sign {
            Sign::Elsewhere => grant.network.as_deref() != asked.network,
            Sign::OldCode => now.since(grant.requested_at) >= OLD,
            Sign::First => grantee.user.device_codes != before,
            Sign::ManyInWorkspace => number > most.get() / 2,
        });
        let undo = UndoToken::from(self.entropy.token()?);
        let subject = person.user.subject.clone();
        let approval = Approval {
            subject: person.user.subject,
            workspace_id: grantee.workspace.id,
            auth_time: proof.password_at,
            amr: proof.amr(),
        };
        if grantee.user.device_codes != before {
            transaction.set_device_codes(&approval.subject, grantee.user.device_codes).await?;
        }
        let workspace = approval.workspace_id.as_str().to_owned();
        let approved = grant.clone().approve(approval, UndoDigest::of(&undo))?;
        let event = AuditEvent::done(Action::DecideDevice).by_owner(&subject).through(&grant.client_id);
        let event = event.about(&workspace).saying(risk.to_string());
        transaction.update_device_grant(&approved).await?;
        self.watch_device(&mut *transaction, &subject).await?;
        self.commit(transaction, event).await?;
        Ok(ApprovedDevice { client, grant, email: grantee.user.email, undo })
    }

    /// Checks what the issuer's settings ask of a device that is let in.
    fn check_device(&self, asked: &DeviceApproval<'_>, grant: &DeviceGrant) -> Result<(), DecideDeviceError> {
        if let Some(number) = self.match_number(asked.user_code)?
            && !number.is(asked.number.unwrap_or_default())
        {
            return Err(DecideDeviceError::WrongNumber);
        }
        match self.devices.elsewhere {
            Elsewhere::Refuse if grant.network.as_deref() != asked.network => {
                Err(DecideDeviceError::Elsewhere)
            }
            Elsewhere::Refuse | Elsewhere::Warn => Ok(()),
        }
    }

    /// Somebody who sees the code says no.
    pub async fn deny_device(
        &self,
        user_code: &UserCode,
        denier: &Subject,
        denial: Denial,
    ) -> Result<(), DecideDeviceError> {
        retried(|| self.try_deny_device(user_code, denier, denial)).await
    }

    async fn try_deny_device(
        &self,
        user_code: &UserCode,
        denier: &Subject,
        denial: Denial,
    ) -> Result<(), DecideDeviceError> {
        let mut transaction = self.begin().await?;
        let waiting = self.waiting_device(&mut *transaction, user_code).await?;
        let (grant, _) = waiting.ok_or(DecideDeviceError::NotWaiting)?;
        let event = AuditEvent::refused(Action::DecideDevice).by_owner(denier).through(&grant.client_id);
        let event = match denial {
            Denial::No => event,
            Denial::Report => event.saying("reported"),
        };
        transaction.update_device_grant(&grant.deny()?).await?;
        Ok(self.commit(transaction, event).await?)
    }

    async fn waiting_device(
        &self,
        transaction: &mut dyn Transaction,
        user_code: &UserCode,
    ) -> Result<Option<(DeviceGrant, Client)>, Fault> {
        let digest = self.user_code_digest(user_code)?;
        let found = transaction.find_device_grant_by_user_code(&digest).await?;
        let Some(grant) = found.filter(|grant| grant.is_undecided(self.now())) else { return Ok(None) };
        let client =
            transaction.find_client(&grant.client_id).await?.ok_or(Fault::Dangling("a device grant"))?;
        Ok(match self.devices.offers(client.kind, grant.dialect) {
            DeviceCodes::On => Some((grant, client)),
            DeviceCodes::Off => None,
        })
    }
}
