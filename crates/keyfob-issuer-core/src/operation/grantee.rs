//! Whether somebody may be granted anything: the one door of every grant (I-32, I-72, I-73).
//!
//! Whoever redeems a code, refreshes, lets a device in, exchanges a token or presents a key comes through
//! [`Grantee::check`], with what the database says at that moment.

use crate::access_key::KeyKind;
use crate::amr::Amr;
use crate::refresh_family::RefreshFamily;
use crate::storage::{StorageError, Transaction};
use crate::user::{DeviceCodes, User, UserStatus};
use crate::workspace::{
    AllowedWorkspaces, ApiKeyPolicy, DevicePolicy, Membership, Policy, Role, SignInMethod, Word as _,
    Workspace,
};
use keyfob_oauth::{Scope, Subject, Timestamp, WorkspaceId};

/// A user, and the workspace that tokens are bound to, of which they are a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grantee {
    /// Who.
    pub user: User,
    /// For which workspace.
    pub workspace: Workspace,
    /// As what they are in it.
    pub role: Role,
}

/// How somebody comes to the door.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way<'a> {
    /// By a program that a browser lets in, or has let in.
    Browser(Asked<'a>),
    /// By a device that a code lets in, or has let in.
    Device(Asked<'a>),
    /// By a session that goes on.
    Session(&'a RefreshFamily, &'a AllowedWorkspaces),
    /// By a key.
    Key(KeyKind, &'a Scope),
    /// By the word of where a workload runs, for a client that takes tokens for these workspaces.
    Workload(&'a Scope, &'a AllowedWorkspaces),
}

/// What a program asks for, and on whose word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// By what the person proved who they are.
    pub(crate) amr: Amr,
    /// What it asks for.
    pub(crate) scope: &'a Scope,
    /// For which workspaces it takes tokens.
    pub(crate) allowed: &'a AllowedWorkspaces,
}

/// Why somebody is granted nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantRefusal {
    /// The user or the workspace does not exist, or the one is not in the other.
    #[error("the account is not a member of the workspace")]
    NotAMember,
    /// An administrator has locked the account.
    #[error("the account is locked")]
    Locked,
    /// The account was ended.
    #[error("the account is disabled")]
    Disabled,
    /// The client takes no tokens for the workspace.
    #[error("the program may not use this workspace")]
    OtherWorkspace,
    /// The workspace does not take this way to sign in.
    #[error("the workspace does not let people sign in with {}", .0.as_str())]
    MethodRefused(SignInMethod),
    /// The workspace lets no devices in by code.
    #[error("sign-in with device codes is off in the workspace; its administrators can turn it on")]
    DeviceCodesOffInWorkspace,
    /// The person lets no devices in by code.
    #[error("sign-in with device codes is off for the account")]
    DeviceCodesOffForPerson,
    /// The session has lasted as long as one may in the workspace.
    #[error("the session has lasted as long as one may in the workspace")]
    SessionOver,
    /// There are no API keys in the workspace.
    #[error("the workspace has no API keys")]
    KeysRefused,
    /// The workspace wants a second factor, which was not proven.
    #[error("the workspace wants a second factor")]
    SecondFactorMissing,
}

impl Grantee {
    /// Returns what of the scope this grantee may be granted at `now`, having come by `way`, or why nothing.
    ///
    /// That a second factor is missing is said last: all else that could be in the way, proving one does not cure.
    pub(crate) fn check(&self, way: Way<'_>, now: Timestamp) -> Result<Scope, GrantRefusal> {
        match self.user.status {
            UserStatus::Active => {}
            UserStatus::Locked => return Err(GrantRefusal::Locked),
            UserStatus::Disabled => return Err(GrantRefusal::Disabled),
        }
        let policy = &self.workspace.policy;
        match way {
            Way::Browser(asked) => self.check_asked(asked),
            Way::Device(asked) => {
                self.check_device_codes()?;
                self.check_asked(asked)
            }
            Way::Session(family, allowed) => {
                // How long any session lasts, the family itself knows.
                if policy.session_length.is_some() && now >= self.session_end(family) {
                    return Err(GrantRefusal::SessionOver);
                }
                self.check_asked(Asked { amr: family.amr, scope: &family.scope, allowed })
            }
            Way::Workload(_, allowed) if !allowed.contains(&self.workspace.id) => {
                Err(GrantRefusal::OtherWorkspace)
            }
            Way::Workload(scope, _) => Ok(policy.narrow(scope)),
            Way::Key(kind, scope) => match (kind, policy.api_keys) {
                (KeyKind::Api, ApiKeyPolicy::Refused) => Err(GrantRefusal::KeysRefused),
                (KeyKind::Api, ApiKeyPolicy::Allowed) | (KeyKind::Personal, _) => Ok(policy.narrow(scope)),
            },
        }
    }

    /// Returns when `family` ends at the latest, by the policy of its workspace.
    pub(crate) fn session_end(&self, family: &RefreshFamily) -> Timestamp {
        family.created_at.plus(self.workspace.policy.longest_session())
    }

    fn check_device_codes(&self) -> Result<(), GrantRefusal> {
        match (self.workspace.policy.device_codes, self.user.device_codes) {
            (DevicePolicy::On, _) | (DevicePolicy::ByPerson, DeviceCodes::On) => Ok(()),
            (DevicePolicy::ByPerson, DeviceCodes::Off) => Err(GrantRefusal::DeviceCodesOffForPerson),
            (DevicePolicy::Off, _) => Err(GrantRefusal::DeviceCodesOffInWorkspace),
        }
    }

    fn check_asked(&self, asked: Asked<'_>) -> Result<Scope, GrantRefusal> {
        let Policy { methods, mfa, .. } = &self.workspace.policy;
        if !asked.allowed.contains(&self.workspace.id) {
            return Err(GrantRefusal::OtherWorkspace);
        }
        let method = asked.amr.method();
        if !methods.contains(method) {
            return Err(GrantRefusal::MethodRefused(method));
        }
        let scope = self.workspace.policy.narrow(asked.scope);
        if mfa.wants_second_factor(&scope) && !asked.amr.has_second_factor() {
            return Err(GrantRefusal::SecondFactorMissing);
        }
        Ok(scope)
    }
}

/// Returns the user and the workspace if both exist and the one is in the other.
pub(crate) async fn find_grantee(
    transaction: &mut dyn Transaction,
    subject: &Subject,
    workspace_id: &WorkspaceId,
) -> Result<Result<Grantee, GrantRefusal>, StorageError> {
    let user = transaction.find_user(subject).await?;
    let membership = transaction.find_membership(workspace_id, subject).await?;
    let found = user.zip(membership);
    Ok(found
        .map(|(user, Membership { workspace, role })| Grantee { user, workspace, role })
        .ok_or(GrantRefusal::NotAMember))
}

#[cfg(test)]
mod tests;
