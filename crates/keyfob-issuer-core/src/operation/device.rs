//! A device signs in: it starts, a person decides on another machine, it polls (RFC 8628 in the Codex dialect).

use crate::client::Client;
use crate::device_grant::{DeviceGrant, DeviceProgress, UserCode};
use crate::digest::{CodeDigest, DeviceAuthDigest, DeviceAuthId, SessionCookie};
use crate::grant::{Approval, AuthorizationGrant, Progress, WrongState};
use crate::issuer::{Fault, Issuer};
use crate::operation::authorize::device_scope;
use crate::operation::grantee::find_grantee;
use crate::operation::retry::retried;
use crate::sign_in::{Demand, State};
use crate::storage::Transaction;
use crate::user::DeviceCodes;
use crate::workspace::AllowedWorkspaces;
use crate::{GrantId, lifetime};
use keyfob_codex::client::DEVICE_CALLBACK_PATH;
use keyfob_oauth::{AuthorizationCode, ClientId, CodeVerifier, Timestamp};

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
    pub async fn start_device(&self, client_id: &ClientId) -> Result<StartedDevice, StartDeviceError> {
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
            allowed: AllowedWorkspaces::Any,
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
        find_grantee(&mut *transaction, &approval.subject, &approval.workspace_id)
            .await?
            .ok_or(PollError::Gone)?;
        let code = AuthorizationCode::from(self.entropy.token()?);
        let verifier = CodeVerifier::generate(&*self.entropy)?;
        let authorization = AuthorizationGrant {
            id: GrantId::generate(now, &*self.entropy)?,
            client_id: grant.client_id.clone(),
            redirect_uri: self.url.join(DEVICE_CALLBACK_PATH),
            scope: device_scope(),
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

    /// Finds what waits behind a user code.
    pub async fn find_device(&self, user_code: &UserCode) -> Result<Option<DeviceApplication>, Fault> {
        let mut transaction = self.begin().await?;
        let grant = match self.waiting_device(&mut *transaction, user_code).await {
            Ok(grant) => grant,
            Err(DecideDeviceError::NotWaiting | DecideDeviceError::NotNow) => return Ok(None),
            Err(DecideDeviceError::Fault(fault)) => return Err(fault),
        };
        let client =
            transaction.find_client(&grant.client_id).await?.ok_or(Fault::Dangling("a device grant"))?;
        Ok(Some(DeviceApplication { client }))
    }

    /// A user who has just proven who they are says yes; that enables device codes for them (design D11).
    pub async fn approve_device(
        &self,
        user_code: &UserCode,
        session: &SessionCookie,
    ) -> Result<(), DecideDeviceError> {
        retried(|| self.try_approve_device(user_code, session)).await
    }

    async fn try_approve_device(
        &self,
        user_code: &UserCode,
        session: &SessionCookie,
    ) -> Result<(), DecideDeviceError> {
        let mut transaction = self.begin().await?;
        let waiting = self.waiting_device(&mut *transaction, user_code).await?;
        let person = self.person(&mut *transaction, Some(session)).await?.ok_or(DecideDeviceError::NotNow)?;
        let demand = Demand::of_device(&device_scope(), person.grantee.workspace.policy.mfa);
        if person.sign_in().state(demand, self.now()) != State::Proven {
            return Err(DecideDeviceError::NotNow);
        }
        let approval = Approval {
            subject: person.grantee.user.subject,
            workspace_id: person.grantee.workspace.id,
            auth_time: person.session.proof.password_at,
            amr: person.session.proof.amr(),
        };
        transaction.set_device_codes(&approval.subject, DeviceCodes::On).await?;
        transaction.update_device_grant(&waiting.approve(approval)?).await?;
        Ok(transaction.commit().await?)
    }

    /// Somebody who sees the code says no.
    pub async fn deny_device(&self, user_code: &UserCode) -> Result<(), DecideDeviceError> {
        retried(|| self.try_deny_device(user_code)).await
    }

    async fn try_deny_device(&self, user_code: &UserCode) -> Result<(), DecideDeviceError> {
        let mut transaction = self.begin().await?;
        let waiting = self.waiting_device(&mut *transaction, user_code).await?;
        transaction.update_device_grant(&waiting.deny()?).await?;
        Ok(transaction.commit().await?)
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
