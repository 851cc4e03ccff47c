//! A device signs in: it starts, a person decides on another machine, it polls (RFC 8628 in the Codex dialect).

use crate::audit::{Action, AuditEvent};
use crate::client::Client;
use crate::device_grant::{DeviceGrant, DeviceProgress, UserCode};
use crate::digest::{CodeDigest, DeviceAuthDigest, DeviceAuthId, SessionCookie};
use crate::grant::{Approval, AuthorizationGrant, Progress, WrongState};
use crate::issuer::{Fault, Issuer};
use crate::operation::authorize::device_scope;
use crate::operation::grantee::{Asked, GrantRefusal, Way, find_grantee};
use crate::operation::offer::{Asker, Choice, Offer, offers, selected, turn_on};
use crate::operation::retry::retried;
use crate::sign_in::{Demand, State};
use crate::storage::Transaction;
use crate::workspace::{AllowedWorkspaces, Workspace};
use crate::{GrantId, lifetime};
use keyfob_codex::client::DEVICE_CALLBACK_PATH;
use keyfob_oauth::{AuthorizationCode, ClientId, CodeVerifier, Timestamp, WorkspaceId};

/// A device may poll.
#[derive(Clone, Debug)]
pub struct StartedDevice {
    /// What it polls with.
    pub device_auth_id: DeviceAuthId,
    /// What it shows.
    pub user_code: UserCode,
    /// When both end.
    pub expires_at: Timestamp,
}

/// A device may not poll.
#[derive(Debug, thiserror::Error)]
pub enum StartDeviceError {
    /// No such client, or one that may not use device codes.
    #[error("the client may not use device codes")]
    ClientRefused,
    /// So many codes wait that guessing one would become likely (I-44, I-51).
    #[error("too many device codes wait for a decision")]
    TooMany,
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(StartDeviceError);

/// What a device learns by polling.
#[derive(Debug)]
pub enum Poll {
    /// Nobody has decided.
    Pending,
    /// A user said yes: redeem this code with this verifier. It is told once.
    Approved {
        /// The one-time value.
        code: AuthorizationCode,
        /// Its proof.
        verifier: CodeVerifier,
    },
}

/// Polling is over.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// Unknown, expired, denied or delivered; the device is not told which (I-37).
    #[error("the device code does not count")]
    Gone,
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(PollError);

impl From<WrongState> for PollError {
    fn from(_: WrongState) -> Self {
        Self::Gone
    }
}

/// What waits behind a user code.
#[derive(Clone, Debug)]
pub struct DeviceApplication {
    /// Who asks.
    pub client: Client,
    /// For which of the person's workspaces.
    pub offers: Vec<Offer>,
}

impl DeviceApplication {
    /// Returns the workspace that is meant: the one that `chosen` names, or the only one that can be.
    pub fn workspace(&self, chosen: Option<&WorkspaceId>) -> (Choice, Option<&Workspace>) {
        let (choice, offer) = selected(&self.offers, chosen);
        (choice, offer.map(|offer| &offer.workspace))
    }
}

/// A decision about a device does not count.
#[derive(Debug, thiserror::Error)]
pub enum DecideDeviceError {
    /// No device waits behind the code.
    #[error("no device waits behind the code")]
    NotWaiting,
    /// Another step of the sign-in comes first.
    #[error("another step of the sign-in comes first")]
    NotNow,
    /// Nothing may be granted to the person there.
    #[error(transparent)]
    NotGranted(#[from] GrantRefusal),
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(DecideDeviceError);

impl From<WrongState> for DecideDeviceError {
    fn from(_: WrongState) -> Self {
        Self::NotWaiting
    }
}

/// How many devices may wait at once.
const MOST_WAITING: u32 = 10_000;

impl Issuer {
    /// Starts a device's sign-in.
    ///
    /// Its person lets it in for one of the workspaces that are `allowed`.
    pub async fn start_device(
        &self,
        client_id: &ClientId,
        allowed: AllowedWorkspaces,
    ) -> Result<StartedDevice, StartDeviceError> {
        let mut transaction = self.begin().await?;
        let client = transaction
            .find_client(client_id)
            .await?
            .filter(|client| client.kind.may_use_device_codes())
            .ok_or(StartDeviceError::ClientRefused)?;
        let now = self.now();
        if transaction.count_device_grants(now).await? >= MOST_WAITING {
            return Err(StartDeviceError::TooMany);
        }
        let device_auth_id = DeviceAuthId::from(self.entropy.token()?);
        let user_code = UserCode::generate(&*self.entropy)?;
        let grant = DeviceGrant {
            digest: DeviceAuthDigest::of(&device_auth_id),
            user_code: self.user_code_digest(&user_code)?,
            client_id: client.id,
            allowed,
            expires_at: now.plus(lifetime::USER_CODE),
            progress: DeviceProgress::Pending,
        };
        transaction.insert_device_grant(&grant).await?;
        transaction.commit().await?;
        Ok(StartedDevice { device_auth_id, user_code, expires_at: grant.expires_at })
    }

    /// Tells a device what became of its sign-in; an approval is told once.
    ///
    /// Code and verifier are made here, so that neither rests before.
    pub async fn poll_device(
        &self,
        device_auth_id: &DeviceAuthId,
        user_code: &UserCode,
    ) -> Result<Poll, PollError> {
        retried(|| self.try_poll_device(device_auth_id, user_code)).await
    }

    async fn try_poll_device(
        &self,
        device_auth_id: &DeviceAuthId,
        user_code: &UserCode,
    ) -> Result<Poll, PollError> {
        let user_code = self.user_code_digest(user_code)?;
        let mut transaction = self.begin().await?;
        let now = self.now();
        let grant = transaction
            .find_device_grant(&DeviceAuthDigest::of(device_auth_id))
            .await?
            .filter(|grant| grant.user_code == user_code && now < grant.expires_at)
            .ok_or(PollError::Gone)?;
        if grant.progress == DeviceProgress::Pending {
            return Ok(Poll::Pending);
        }
        let (grant, approval) = grant.deliver()?;
        let scope = device_scope();
        let asked = Asked { amr: approval.amr, scope: &scope, allowed: &grant.allowed };
        find_grantee(&mut *transaction, &approval.subject, &approval.workspace_id)
            .await?
            .and_then(|grantee| grantee.check(Way::Device(asked), now))
            .map_err(|_| PollError::Gone)?;
        let code = AuthorizationCode::from(self.entropy.token()?);
        let verifier = CodeVerifier::generate(&*self.entropy)?;
        let authorization = AuthorizationGrant {
            id: GrantId::generate(now, &*self.entropy)?,
            client_id: grant.client_id.clone(),
            redirect_uri: self.url.join(DEVICE_CALLBACK_PATH),
            scope,
            state: None,
            nonce: None,
            code_challenge: verifier.challenge(),
            login_hint: None,
            allowed: grant.allowed.clone(),
            workspace: None,
            browser: None,
            expires_at: now.plus(lifetime::CODE),
            progress: Progress::Approved { approval, code: CodeDigest::of(&code) },
        };
        transaction.update_device_grant(&grant).await?;
        transaction.insert_grant(&authorization).await?;
        transaction.commit().await?;
        Ok(Poll::Approved { code, verifier })
    }

    /// Finds what waits behind a user code that the person of `session` typed.
    pub async fn find_device(
        &self,
        user_code: &UserCode,
        session: &SessionCookie,
    ) -> Result<Option<DeviceApplication>, Fault> {
        let mut transaction = self.begin().await?;
        let grant = match self.waiting_device(&mut *transaction, user_code).await {
            Ok(grant) => grant,
            Err(
                DecideDeviceError::NotWaiting | DecideDeviceError::NotNow | DecideDeviceError::NotGranted(_),
            ) => return Ok(None),
            Err(DecideDeviceError::Fault(fault)) => return Err(fault),
        };
        let client =
            transaction.find_client(&grant.client_id).await?.ok_or(Fault::Dangling("a device grant"))?;
        let Some(person) = self.person(&mut *transaction, Some(session)).await? else { return Ok(None) };
        let memberships = transaction.list_memberships(&person.user.subject).await?;
        let (scope, now) = (device_scope(), self.now());
        let offers = offers(&person, memberships, Asker::Device, &scope, &grant.allowed, now);
        Ok(Some(DeviceApplication { client, offers }))
    }

    /// A user who has just proven who they are says yes, for one of their workspaces; where the workspace leaves it to
    /// them, that enables device codes for them (design D11).
    pub async fn approve_device(
        &self,
        user_code: &UserCode,
        session: &SessionCookie,
        workspace: &WorkspaceId,
    ) -> Result<(), DecideDeviceError> {
        retried(|| self.try_approve_device(user_code, session, workspace)).await
    }

    async fn try_approve_device(
        &self,
        user_code: &UserCode,
        session: &SessionCookie,
        workspace: &WorkspaceId,
    ) -> Result<(), DecideDeviceError> {
        let mut transaction = self.begin().await?;
        let waiting = self.waiting_device(&mut *transaction, user_code).await?;
        let person = self.person(&mut *transaction, Some(session)).await?.ok_or(DecideDeviceError::NotNow)?;
        let now = self.now();
        let proof = person.session.proof;
        let mut grantee = find_grantee(&mut *transaction, &person.user.subject, workspace).await??;
        let before = grantee.user.device_codes;
        turn_on(&mut grantee);
        let scope = device_scope();
        let asked = Asked { amr: proof.amr(), scope: &scope, allowed: &waiting.allowed };
        grantee.check(Way::Device(asked), now)?;
        // Whatever the policy says, the proof must be of the last minutes (I-46).
        if person.sign_in().state(Demand::of_device(&scope, grantee.workspace.policy.mfa), now)
            != State::Proven
        {
            return Err(DecideDeviceError::NotNow);
        }
        let approval = Approval {
            subject: person.user.subject,
            workspace_id: grantee.workspace.id,
            auth_time: proof.password_at,
            amr: proof.amr(),
        };
        if grantee.user.device_codes != before {
            transaction.set_device_codes(&approval.subject, grantee.user.device_codes).await?;
        }
        let event =
            AuditEvent::done(Action::DecideDevice).by_owner(&approval.subject).through(&waiting.client_id);
        transaction.update_device_grant(&waiting.approve(approval)?).await?;
        Ok(self.commit(transaction, event).await?)
    }

    /// Somebody who sees the code says no.
    pub async fn deny_device(&self, user_code: &UserCode) -> Result<(), DecideDeviceError> {
        retried(|| self.try_deny_device(user_code)).await
    }

    async fn try_deny_device(&self, user_code: &UserCode) -> Result<(), DecideDeviceError> {
        let mut transaction = self.begin().await?;
        let waiting = self.waiting_device(&mut *transaction, user_code).await?;
        let event = AuditEvent::refused(Action::DecideDevice).through(&waiting.client_id);
        transaction.update_device_grant(&waiting.deny()?).await?;
        Ok(self.commit(transaction, event).await?)
    }

    async fn waiting_device(
        &self,
        transaction: &mut dyn Transaction,
        user_code: &UserCode,
    ) -> Result<DeviceGrant, DecideDeviceError> {
        let digest = self.user_code_digest(user_code)?;
        transaction
            .find_device_grant_by_user_code(&digest)
            .await?
            .filter(|grant| grant.is_undecided(self.now()))
            .ok_or(DecideDeviceError::NotWaiting)
    }
}
