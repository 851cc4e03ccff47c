//! What the operations ask of a database: one small trait per aggregate, joined in a [`Transaction`].
//!
//! Not found is `Ok(None)`. Time is an argument. Names are made by the caller. A repository takes a digest, never the
//! value, so a raw token cannot be stored.

mod access_keys;
mod audit;
mod clients;
mod credentials;
mod device_grants;
mod email_links;
mod enrolments;
mod grants;
mod login_sessions;
mod logout_notices;
mod notices;
mod refresh_families;
mod resource_servers;
mod restorations;
mod revocations;
mod sessions;
mod signing_keys;
mod throttles;
mod users;
mod workspaces;

pub use access_keys::AccessKeys;
pub use audit::AuditTrail;
pub use clients::Clients;
pub use credentials::Credentials;
pub use device_grants::DeviceGrants;
pub use email_links::EmailLinks;
pub use enrolments::{Changed, Enrolments};
pub use grants::Grants;
pub use login_sessions::LoginSessions;
pub use logout_notices::LogoutNotices;
pub use notices::Notices;
pub use refresh_families::{RefreshFamilies, Rotated, Rotation};
pub use resource_servers::ResourceServers;
pub use restorations::Restorations;
pub use revocations::Revocations;
pub use sessions::BrowserSessions;
pub use signing_keys::{SealedSigningKey, SigningKeys, StoredSigningKey};
pub use throttles::Throttles;
pub use users::Users;
pub use workspaces::{Invitations, Members, Workspaces};

use async_trait::async_trait;

/// A database.
#[async_trait]
pub trait Storage: Send + Sync + std::fmt::Debug {
    /// Begins a transaction that may write.
    ///
    /// What it finds and may change, nobody else changes before it ends: whoever comes second waits, or gets
    /// [`StorageError::Conflict`].
    async fn begin(&self) -> Result<Box<dyn Transaction>, StorageError>;

    /// Begins one that may become durable together with others, and may see what they have not made durable yet.
    ///
    /// So it ends by [`Transaction::commit`] or [`Transaction::roll_back`], whatever it found, and nobody is told anything
    /// before that is done: both wait until everything that it saw is durable.
    async fn begin_shared(&self) -> Result<Box<dyn Transaction>, StorageError>;
}

/// Changes that happen together or not at all; dropped without commit, nothing happened.
#[async_trait]
pub trait Transaction:
    Clients
    + Users
    + Workspaces
    + Members
    + Invitations
    + Credentials
    + EmailLinks
    + Enrolments
    + Throttles
    + BrowserSessions
    + Grants
    + DeviceGrants
    + RefreshFamilies
    + LoginSessions
    + AccessKeys
    + ResourceServers
    + Revocations
    + SigningKeys
    + AuditTrail
    + Restorations
    + Notices
    + LogoutNotices
    + Send
{
    /// Says that everything is decided: only an error keeps what is written from here on from becoming durable.
    ///
    /// One that was begun as shared need then not be undone apart from the others: if it is undone after all, so are they,
    /// and each is told [`StorageError::Unavailable`]. Said before the first change, or it says nothing.
    fn decided(&mut self);

    /// Makes the changes durable.
    async fn commit(self: Box<Self>) -> Result<(), StorageError>;

    /// Undoes the changes and lets go of what is locked, now; a transaction that is dropped does so a moment later.
    ///
    /// One that was begun as shared waits until what it saw is durable.
    async fn roll_back(self: Box<Self>) -> Result<(), StorageError>;
}

/// The database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// It cannot be reached, read or written.
    #[error("cannot use the database")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What it holds is nothing that we write.
    #[error("a row of {table} holds no legal {column}")]
    Inconsistent {
        /// Where.
        table: &'static str,
        /// What.
        column: &'static str,
    },
    /// A row of the same name exists.
    #[error("it exists already")]
    Exists,
    /// Another transaction was quicker: nothing happened, and the same may succeed when it begins anew.
    #[error("another transaction was quicker")]
    Conflict,
}
