//! An empty database becomes an issuer's: its key, sealed, and its two clients.

use crate::audit::{self, Action, AuditEvent};
use crate::client::{Client, ClientKind};
use crate::issuer::Fault;
use crate::operation::signing_keys::seal;
use crate::seal::SealKey;
use crate::storage::Storage;
use keyfob_codex::client::{CLIENT_ID, GATEWAY_CLIENT_ID};
use keyfob_jose::SigningKey;
use keyfob_oauth::{ClientId, Clock, Entropy};

/// What a new issuer begins with.
#[derive(Debug)]
pub struct Initial<'a> {
    /// The secret outside the database.
    pub seal_key: &'a SealKey,
    /// What it signs with.
    pub signing_key: &'a SigningKey,
}

/// Stores the sealed signing key and registers the clients.
pub async fn initialize(
    storage: &dyn Storage,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    initial: &Initial<'_>,
) -> Result<(), Fault> {
    let now = clock.now();
    let key = seal(initial.signing_key, initial.seal_key, now, now, entropy)?;
    let clients = [
        (CLIENT_ID, "Codex CLI and keyfob", ClientKind::CodexCli),
        (GATEWAY_CLIENT_ID, "Codex CLI gateway sign-in", ClientKind::CodexGateway),
    ];
    let mut transaction = storage.begin().await?;
    transaction.insert_signing_key(&key).await?;
    for (id, name, kind) in clients {
        let client = Client { id: ClientId::new(id), name: name.to_owned(), kind };
        transaction.insert_client(&client, now).await?;
    }
    Ok(audit::commit_on_host(transaction, now, AuditEvent::done(Action::Initialize)).await?)
}
