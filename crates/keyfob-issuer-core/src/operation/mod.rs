//! What can be asked of the issuer; one file each.

mod access_keys;
mod acknowledge;
mod add_user;
mod administer;
mod administrator;
mod audit;
mod authorize;
mod back_channel;
mod by;
mod caller;
mod choose_workspace;
mod decide;
mod device;
mod email;
mod exchange_code;
mod exchange_token;
mod exchange_workload;
mod feed;
mod grantee;
mod hand_over;
mod initialize;
mod interact;
mod introspect;
mod invitations;
mod offer;
mod own_workspaces;
mod password;
mod person;
pub(crate) mod presented;
mod refresh;
mod resource_servers;
mod restore;
mod retry;
mod revoke;
mod second_factor;
mod sessions;
mod set_up;
mod settings;
mod sign_in;
mod sign_out;
mod signing_keys;
mod sweep;
mod throttle;
mod watch;
mod who_am_i;
mod workspaces;

pub use access_keys::{EndKeyError, MadeKey, MakeKeyError, NewKey, end_key_on_host, make_key_for};
pub use acknowledge::{AcknowledgeError, Acknowledgement};
pub use add_user::{AddUserError, add_user};
pub use administer::{
    AdministerError, make_reset_link, recover, set_mfa_policy, set_user_status, take_factors,
};
pub use administrator::{Administrator, AdministratorError};
pub use authorize::{
    AuthorizeError, PageReason, PendingGrant, RawAuthorizationRequest, Redirect, device_scope, known_scope,
};
pub use back_channel::Followed;
pub use by::{Actor, By};
pub use caller::{Caller, CallerError};
pub use choose_workspace::ChooseError;
pub use decide::{DecideError, Decision};
pub use device::{
    AnsweredDevice, ApprovedDevice, DecideDeviceError, Denial, DeviceAnswer, DeviceApplication,
    DeviceApproval, DeviceError, DeviceRequest, DeviceTokenError, DeviceTokenRequest, StartDeviceError,
    StartedDevice, TakenBack,
};
pub use email::{EmailLetter, EmailLinkError, EmailSettled, vouch_for_email};
pub use exchange_code::{CodeExchange, CodeRefusal, ExchangeError};
pub use exchange_token::{ApiKeyExchange, ChildExchange, ChildToken, ExchangeTokenError, SubjectRefusal};
pub use exchange_workload::WorkloadExchange;
pub use grantee::{GrantRefusal, Grantee};
pub use hand_over::{HandOver, HandedOver, TakeOver};
pub use initialize::{Initial, initialize};
pub use interact::{Consent, InteractError, Page};
pub use introspect::Introspected;
pub use invitations::{AcceptError, InvitationStep, SeenInvitation};
pub use offer::{Choice, Offer};
pub use password::{OtherSessions, PasswordOwner};
pub use person::{Account, Admission, Prompt};
pub use refresh::{Refresh, RefreshError};
pub use resource_servers::{RegisterServerError, register_resource_server, remove_resource_server};
pub use restore::{Fate, Settled, settle_restored};
pub use revoke::{Revocation, RevokeError};
pub use second_factor::{ProvenFactor, StepError};
pub use sessions::{Ending, ListedSession, SessionError};
pub use set_up::SetUp;
pub use sign_in::{BeginSessionError, Candidate, Claim, ProvenUser, SignedIn, TryOrigin, WrongPassword};
pub use sign_out::LogoutHint;
pub use signing_keys::{SigningKeyError, Start, drop_signing_key, list_signing_keys, rotate_signing_key};
pub use sweep::Swept;
pub use throttle::TryError;
pub use who_am_i::KeyHolder;
pub use workspaces::{
    Invited, WorkspaceError, WorkspaceView, add_workspace, change_role, change_settings, enrol_member,
    invite, remove_member, take_back, view_workspace,
};

/// Lets `?` turn what can break inside into an operation's `Fault` variant, and a conflict be told from the rest.
macro_rules! faults {
    ($error:ty) => {
        $crate::operation::faults!($error: $crate::storage::StorageError, $crate::seal::SealError,
            keyfob_oauth::EntropyError);
    };
    ($error:ty: $($cause:ty),+) => {
        $(impl From<$cause> for $error {
            fn from(cause: $cause) -> Self {
                Self::Fault(cause.into())
            }
        })+

        impl $crate::operation::retry::OperationError for $error {
            fn fault(&self) -> Option<&$crate::issuer::Fault> {
                if let Self::Fault(fault) = self { Some(fault) } else { None }
            }
        }
    };
}
use faults;
