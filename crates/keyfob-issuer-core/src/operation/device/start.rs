//! A device asks for a code.

use crate::device_grant::{DeviceDialect, DeviceGrant, DeviceProgress, MatchNumber, UserCode, Waiting};
use crate::digest::{DeviceAuthDigest, DeviceAuthId};
use crate::issuer::{Fault, Issuer};
use crate::lifetime;
use crate::login_session::Origin;
use crate::operation::authorize::{device_scope, granted_scope};
use crate::storage::Transaction;
use crate::user::DeviceCodes;
use crate::workspace::AllowedWorkspaces;
use keyfob_oauth::{ClientId, Scope, Timestamp};

/// What a device brings along.
#[derive(Clone, Debug)]
pub struct DeviceRequest {
    /// Who asks.
    pub client_id: ClientId,
    /// Which messages the device understands.
    pub dialect: DeviceDialect,
    /// What it asks for, where its dialect can say so.
    pub scope: Option<String>,
    /// The resource, when one is named; the native gateway client names none here (RFC 8707).
    pub resource: Option<String>,
    /// For which workspaces it takes tokens.
    pub allowed: AllowedWorkspaces,
    /// Where it asks from, for whoever decides.
    pub origin: Origin,
    /// The network that it asks from, by which waiting codes are counted; nothing for this machine itself.
    pub network: Option<String>,
}

/// A device may poll.
#[derive(Clone, Debug)]
pub struct StartedDevice {
    /// What it polls with.
    pub device_auth_id: DeviceAuthId,
    /// What its person types.
    pub user_code: UserCode,
    /// The number that its person is asked for too.
    pub number: Option<MatchNumber>,
    /// When it began.
    pub requested_at: Timestamp,
    /// When both end.
    pub expires_at: Timestamp,
}

/// A device may not poll.
#[derive(Debug, thiserror::Error)]
pub enum StartDeviceError {
    /// No such client.
    #[error("the client is not registered here")]
    UnknownClient,
    /// The issuer offers this client no device codes (I-49).
    #[error("the client may not use device codes")]
    Off,
    /// No server that is known here.
    #[error("the resource is not known here")]
    WrongResource,
    /// Nothing would be granted: a person cannot agree to that (I-46).
    #[error("no word of the scope means anything here")]
    EmptyScope,
    /// So many codes wait that more would help nobody but who floods (I-51).
    #[error("too many device codes wait for a decision")]
    TooMany,
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::super::faults!(StartDeviceError);

/// How many codes may wait at once: of one network, of one client, of all.
///
/// An office behind one address has room; a flood from one network costs it alone, one of a client's leaves the others
/// room. What all may reach bounds what a start has to count.
const MOST_WAITING: Waiting = Waiting { network: 20, client: 60_000, all: 80_000 };

impl Issuer {
    /// Starts a device's sign-in.
    pub async fn start_device(&self, request: DeviceRequest) -> Result<StartedDevice, StartDeviceError> {
        let mut transaction = self.begin().await?;
        let client =
            transaction.find_client(&request.client_id).await?.ok_or(StartDeviceError::UnknownClient)?;
        match self.devices.offers(client.kind, request.dialect) {
            DeviceCodes::On => {}
            DeviceCodes::Off => return Err(StartDeviceError::Off),
        }
        if request.resource.as_deref().is_some_and(|resource| resource != self.audience.as_str()) {
            return Err(StartDeviceError::WrongResource);
        }
        let scope = requested_scope(&request)?;
        let now = self.now();
        self.admit_device(&mut *transaction, &request, now).await?;
        let device_auth_id = DeviceAuthId::from(self.entropy.token()?);
        let user_code = UserCode::generate(&*self.entropy)?;
        let grant = DeviceGrant {
            digest: DeviceAuthDigest::of(&device_auth_id),
            user_code: self.user_code_digest(&user_code)?,
            client_id: client.id,
            dialect: request.dialect,
            scope,
            allowed: request.allowed,
            origin: request.origin,
            network: request.network,
            requested_at: now,
            expires_at: now.plus(lifetime::USER_CODE),
            undo: None,
            progress: DeviceProgress::Pending,
        };
        transaction.insert_device_grant(&grant).await?;
        transaction.commit().await?;
        let number = self.match_number(&user_code)?;
        let (requested_at, expires_at) = (grant.requested_at, grant.expires_at);
        Ok(StartedDevice { device_auth_id, user_code, number, requested_at, expires_at })
    }

    /// Refuses a code too many.
    async fn admit_device(
        &self,
        transaction: &mut dyn Transaction,
        request: &DeviceRequest,
        now: Timestamp,
    ) -> Result<(), StartDeviceError> {
        let waiting =
            transaction.count_device_grants(&request.client_id, request.network.as_deref(), now).await?;
        if waiting.is_within(MOST_WAITING) { Ok(()) } else { Err(StartDeviceError::TooMany) }
    }
}

/// Returns what the device is granted on approval.
fn requested_scope(request: &DeviceRequest) -> Result<Scope, StartDeviceError> {
    match request.dialect {
        // Its request cannot name a scope.
        DeviceDialect::Codex => Ok(device_scope()),
        DeviceDialect::Standard => granted_scope(request.scope.as_deref())
            .ok()
            .filter(|scope| !scope.is_empty())
            .ok_or(StartDeviceError::EmptyScope),
    }
}
