//! What can be asked of the issuer; one file each.

mod acknowledge;
mod add_user;
mod authorize;
mod caller;
mod decide;
mod device;
mod exchange_code;
mod grantee;
mod initialize;
mod interact;
mod refresh;
mod retry;
mod revoke;
mod sessions;
mod sign_in;
mod sweep;

pub use acknowledge::{AcknowledgeError, Acknowledgement};
pub use add_user::{AddUserError, add_user};
pub use authorize::{
    AuthorizeError, PageReason, PendingGrant, RawAuthorizationRequest, Redirect, known_scope,
};
pub use caller::{Caller, CallerError};
pub use decide::{DecideError, Decision};
pub use device::{DecideDeviceError, DeviceApplication, Poll, PollError, StartDeviceError, StartedDevice};
pub use exchange_code::{CodeExchange, CodeRefusal, ExchangeError};
pub use grantee::Grantee;
pub use initialize::{Initial, initialize};
pub use interact::{InteractError, Page};
pub use refresh::{Refresh, RefreshError};
pub use revoke::{Revocation, RevokeError};
pub use sessions::{Ending, ListedSession, SessionError};
pub use sign_in::{Candidate, ProvenUser, SignedIn, WrongPassword};
pub use sweep::Swept;

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
