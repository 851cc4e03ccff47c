//! How one-time values rest: each kind as a digest of its own type, so that one cannot be looked up as another (I-06).

use crate::access_key::KeySecret;
use crate::attempt::RefreshAttempt;
use crate::resource_server::ServerSecret;
use keyfob_oauth::{AuthorizationCode, RefreshToken, secret_newtype};
use sha2::{Digest as _, Sha256};

secret_newtype! {
    /// The cookie that says who sits at the browser.
    SessionCookie
}
secret_newtype! {
    /// The cookie that ties the pages of one grant to the browser that asked for it.
    InteractionCookie
}
secret_newtype! {
    /// The cookie that says that somebody has signed in to an account in this browser before.
    BrowserMark
}
secret_newtype! {
    /// What a link carries that resets a password.
    ResetToken
}
secret_newtype! {
    /// What a link carries that accepts an invitation.
    InvitationToken
}
secret_newtype! {
    /// What a link carries that verifies an e-mail address, or restores one.
    EmailToken
}
secret_newtype! {
    /// What a device polls with.
    DeviceAuthId
}
secret_newtype! {
    /// What a link carries by which a person takes back that they let a device in.
    UndoToken
}

macro_rules! digest {
    ($(#[$meta:meta])* $name:ident of $secret:ty) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Returns the SHA-256 of the value; 256 random bits need no salt.
            pub fn of(value: &$secret) -> Self {
                Self(Sha256::digest(value.expose()).into())
            }

            /// Reads the stored form.
            pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// Returns the stored form.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }
        }
    };
}

digest! {
    /// How an authorization code rests.
    CodeDigest of AuthorizationCode
}
digest! {
    /// How a refresh token rests.
    RefreshDigest of RefreshToken
}
digest! {
    /// How a browser session's cookie rests.
    SessionDigest of SessionCookie
}
digest! {
    /// How the cookie of a grant's pages rests.
    InteractionDigest of InteractionCookie
}
digest! {
    /// How the value that a device polls with rests.
    DeviceAuthDigest of DeviceAuthId
}
digest! {
    /// How the link rests by which a person takes back that they let a device in.
    UndoDigest of UndoToken
}
digest! {
    /// How the attempt id of a refresh rests.
    AttemptDigest of RefreshAttempt
}
digest! {
    /// How the link rests that resets a password.
    ResetDigest of ResetToken
}
digest! {
    /// How the link rests that accepts an invitation.
    InvitationDigest of InvitationToken
}
digest! {
    /// How the link rests that verifies an e-mail address, or restores one.
    EmailLinkDigest of EmailToken
}
digest! {
    /// How a personal access token or an API key rests.
    KeyDigest of KeySecret
}
digest! {
    /// How the secret of a resource server rests.
    ServerSecretDigest of ServerSecret
}
