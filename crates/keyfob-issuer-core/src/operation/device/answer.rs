//! A device asks what became of its sign-in.
//!
//! Its answer is made here, so that nothing that could be redeemed rests before; and it follows from what only the device
//! knows, so that one that was lost is told again, for a short time and until it was used (I-45).

use crate::audit::{Action, AuditEvent};
use crate::claims::IssuedTokens;
use crate::client::Client;
use crate::device_grant::{Began, Delivered, DeviceDialect, DeviceGrant, DeviceVerdict, UserCode};
use crate::digest::{CodeDigest, DeviceAuthDigest, DeviceAuthId, RefreshDigest};
use crate::grant::{Approval, AuthorizationGrant, Progress, WrongState};
use crate::issuer::{Fault, Issuer};
use crate::login_session::Origin;
use crate::misuse::Misused;
use crate::operation::exchange_code::NewSession;
use crate::operation::grantee::{Asked, Grantee, Way, find_grantee};
use crate::operation::retry::retried;
use crate::refresh_family::{FamilyStatus, RefreshFamily};
use crate::seal::SealError;
use crate::storage::Transaction;
use crate::user::DeviceCodes;
use crate::workspace::AllowedWorkspaces;
use crate::{GrantId, lifetime};
use keyfob_codex::client::DEVICE_CALLBACK_PATH;
use keyfob_oauth::{AuthorizationCode, ClientId, CodeVerifier, RefreshToken};

/// What a device of the Codex dialect is told.
#[derive(Debug)]
pub enum DeviceAnswer {
    /// Nobody has decided.
    Pending,
    /// A user said yes: redeem this code with this verifier.
    Approved(AnsweredDevice),
}

/// A code that a device redeems.
#[derive(Debug)]
pub struct AnsweredDevice {
    /// The one-time value.
    pub code: AuthorizationCode,
    /// Its proof.
    pub verifier: CodeVerifier,
}

/// Polling is over.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// Unknown, expired, denied or delivered; the device is not told which (I-37).
    #[error("the device code does not count")]
    Gone,
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::super::faults!(DeviceError);

impl From<WrongState> for DeviceError {
    fn from(_: WrongState) -> Self {
        Self::Gone
    }
}

/// What a device of RFC 8628 brings to the token endpoint (§3.4).
#[derive(Clone, Debug)]
pub struct DeviceTokenRequest {
    /// Who asks.
    pub client_id: ClientId,
    /// What it was given at the start.
    pub device_code: DeviceAuthId,
    /// The resource, when one is named; the native gateway client names none here (RFC 8707).
    pub resource: Option<String>,
    /// Where the request came from.
    pub origin: Origin,
}

/// A device gets no tokens, or not yet (RFC 8628 §3.5).
#[derive(Debug, thiserror::Error)]
pub enum DeviceTokenError {
    /// No such client.
    #[error("the client is not registered here")]
    UnknownClient,
    /// The resource is not the audience.
    #[error("the resource is not the audience")]
    WrongResource,
    /// Nobody has decided.
    #[error("nobody has decided")]
    Pending,
    /// Somebody said no.
    #[error("somebody said no")]
    Denied,
    /// Unknown, another client's, expired or used up; the device is not told which (I-37), and begins anew in any case.
    #[error("the device code does not count")]
    Over,
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::super::faults!(DeviceTokenError);

impl From<WrongState> for DeviceTokenError {
    fn from(_: WrongState) -> Self {
        Self::Over
    }
}

impl Issuer {
    /// Tells a device of the Codex dialect what became of its sign-in.
    pub async fn poll_device(
        &self,
        device_auth_id: &DeviceAuthId,
        user_code: &UserCode,
    ) -> Result<DeviceAnswer, DeviceError> {
        retried(|| self.try_poll_device(device_auth_id, user_code)).await
    }

    async fn try_poll_device(
        &self,
        device_auth_id: &DeviceAuthId,
        user_code: &UserCode,
    ) -> Result<DeviceAnswer, DeviceError> {
        let user_code = self.user_code_digest(user_code)?;
        let mut transaction = self.begin().await?;
        let (grant, _) = self
            .polled(&mut *transaction, device_auth_id, DeviceDialect::Codex)
            .await?
            .filter(|(grant, _)| grant.user_code == user_code)
            .ok_or(DeviceError::Gone)?;
        let verifier = CodeVerifier::parse(self.device_answer("verifier", device_auth_id).expose())
            .map_err(|_| SealError::Seal)?;
        let code = AuthorizationCode::from(self.device_answer("code", device_auth_id));
        match grant.judge(self.now()) {
            DeviceVerdict::Wait => return Ok(DeviceAnswer::Pending),
            DeviceVerdict::Denied | DeviceVerdict::Over | DeviceVerdict::Repeat(Began::Session(_)) => {
                return Err(DeviceError::Gone);
            }
            DeviceVerdict::Repeat(Began::Grant(id)) => {
                let begun = transaction.find_grant(id).await?;
                // Whoever has the code and redeems it twice is a thief; so it is told to nobody once it was redeemed.
                let is_unused =
                    begun.is_some_and(|grant| matches!(grant.progress, Progress::Approved { .. }));
                if !is_unused {
                    return Err(DeviceError::Gone);
                }
            }
            DeviceVerdict::Deliver(approval) => {
                let asked = Asked { amr: approval.amr, scope: &grant.scope, allowed: &grant.allowed };
                find_grantee(&mut *transaction, &approval.subject, &approval.workspace_id)
                    .await?
                    .and_then(|grantee| grantee.check(Way::Device(asked), self.now()))
                    .map_err(|_| DeviceError::Gone)?;
                let begun = self.device_authorization(&grant, approval, &code, &verifier)?;
                let delivered = Delivered { at: self.now(), began: Began::Grant(begun.id) };
                transaction.update_device_grant(&grant.deliver(delivered)?).await?;
                transaction.insert_grant(&begun).await?;
                transaction.commit().await?;
            }
        }
        Ok(DeviceAnswer::Approved(AnsweredDevice { code, verifier }))
    }

    /// Returns the grant whose code a device redeems: for its own client and address alone (I-48).
    fn device_authorization(
        &self,
        grant: &DeviceGrant,
        approval: Approval,
        code: &AuthorizationCode,
        verifier: &CodeVerifier,
    ) -> Result<AuthorizationGrant, Fault> {
        let now = self.now();
        Ok(AuthorizationGrant {
            id: GrantId::generate(now, &*self.entropy)?,
            client_id: grant.client_id.clone(),
            redirect_uri: self.url.join(DEVICE_CALLBACK_PATH),
            scope: grant.scope.clone(),
            state: None,
            nonce: None,
            signed_in_since: None,
            code_challenge: verifier.challenge(),
            login_hint: None,
            allowed: grant.allowed.clone(),
            workspace: None,
            browser: None,
            expires_at: now.plus(lifetime::CODE),
            progress: Progress::Approved { approval, code: CodeDigest::of(code) },
        })
    }

    /// Gives a device of RFC 8628 its tokens, or says why not yet.
    pub async fn redeem_device(
        &self,
        request: &DeviceTokenRequest,
    ) -> Result<IssuedTokens, DeviceTokenError> {
        retried(|| self.try_redeem_device(request)).await
    }

    async fn try_redeem_device(
        &self,
        request: &DeviceTokenRequest,
    ) -> Result<IssuedTokens, DeviceTokenError> {
        let mut transaction = self.begin().await?;
        transaction.find_client(&request.client_id).await?.ok_or(DeviceTokenError::UnknownClient)?;
        if request.resource.as_deref().is_some_and(|resource| resource != self.audience.as_str()) {
            return Err(DeviceTokenError::WrongResource);
        }
        let (grant, client) = self
            .polled(&mut *transaction, &request.device_code, DeviceDialect::Standard)
            .await?
            .ok_or(DeviceTokenError::Over)?;
        if client.id != request.client_id {
            let event = AuditEvent::refused(Action::BeginSession).through(&request.client_id);
            let event = event.saying(format!("device code of another client, {}", client.id.as_str()));
            let code = Misused::Device(grant.digest, request.client_id.clone());
            self.misuses.note(code, self.now(), self.circumstances.present(), event);
            return Err(DeviceTokenError::Over);
        }
        let answer = self.device_answer("refresh-token", &request.device_code);
        let refresh_token = RefreshToken::new(format!("kfr_{}", answer.expose()));
        let (family, grantee) = match grant.judge(self.now()) {
            DeviceVerdict::Wait => return Err(DeviceTokenError::Pending),
            DeviceVerdict::Denied => return Err(DeviceTokenError::Denied),
            DeviceVerdict::Over | DeviceVerdict::Repeat(Began::Grant(_)) => {
                return Err(DeviceTokenError::Over);
            }
            DeviceVerdict::Repeat(Began::Session(_)) => {
                let begun = self.begun_session(&mut *transaction, &refresh_token, &grant.allowed).await?;
                begun.ok_or(DeviceTokenError::Over)?
            }
            DeviceVerdict::Deliver(approval) => {
                let grantee = find_grantee(&mut *transaction, &approval.subject, &approval.workspace_id)
                    .await?
                    .map_err(|_| DeviceTokenError::Over)?;
                let asked = Asked { amr: approval.amr, scope: &grant.scope, allowed: &grant.allowed };
                let scope =
                    grantee.check(Way::Device(asked), self.now()).map_err(|_| DeviceTokenError::Over)?;
                let session = NewSession {
                    client_id: &client.id,
                    approval,
                    scope,
                    origin: &request.origin,
                    refresh_token: &refresh_token,
                };
                let family = self.begin_session_of(&mut *transaction, session).await?;
                let delivered = Delivered { at: self.now(), began: Began::Session(family.id) };
                let event = AuditEvent::done(Action::BeginSession).of(&family.subject).through(&client.id);
                transaction.update_device_grant(&grant.deliver(delivered)?).await?;
                self.commit(transaction, event.about(&family.id)).await?;
                (family, grantee)
            }
        };
        Ok(self.sign_tokens(&client, &family, &grantee, refresh_token, None)?)
    }

    /// Returns the session that the first answer began, while its refresh token was not used.
    async fn begun_session(
        &self,
        transaction: &mut dyn Transaction,
        refresh_token: &RefreshToken,
        allowed: &AllowedWorkspaces,
    ) -> Result<Option<(RefreshFamily, Grantee)>, Fault> {
        let found = transaction.find_refresh_token(&RefreshDigest::of(refresh_token)).await?;
        let is_unused =
            |family: &RefreshFamily| family.status == FamilyStatus::Live && family.generation == 0;
        let Some((_, family)) = found.filter(|(_, family)| is_unused(family)) else { return Ok(None) };
        let grantee = find_grantee(transaction, &family.subject, &family.workspace_id).await?;
        let is_granted =
            |grantee: &Grantee| grantee.check(Way::Session(&family, allowed), self.now()).is_ok();
        Ok(grantee.ok().filter(is_granted).map(|grantee| (family, grantee)))
    }

    /// Finds the grant that a device polls for in its own dialect, while the issuer offers that (I-06, I-49).
    async fn polled(
        &self,
        transaction: &mut dyn Transaction,
        device_auth_id: &DeviceAuthId,
        dialect: DeviceDialect,
    ) -> Result<Option<(DeviceGrant, Client)>, Fault> {
        let found = transaction.find_device_grant(&DeviceAuthDigest::of(device_auth_id)).await?;
        let Some(grant) = found.filter(|grant| grant.dialect == dialect) else { return Ok(None) };
        let client =
            transaction.find_client(&grant.client_id).await?.ok_or(Fault::Dangling("a device grant"))?;
        Ok(match self.devices.offers(client.kind, dialect) {
            DeviceCodes::On => Some((grant, client)),
            DeviceCodes::Off => None,
        })
    }
}
