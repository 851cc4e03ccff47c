//! An empty database becomes an issuer's: its key, sealed, and its two clients.

use crate::audit::{self, Action, AuditEvent};
use crate::client::{Client, ClientKind};
use crate::issuer::Fault;
use crate::seal::SealKey;
use crate::storage::{SealedSigningKey, Storage};
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
    let id = initial.signing_key.id().to_owned();
    let seal = initial.seal_key.signing_key_seal(&id)?;
    let sealed = seal.close(initial.signing_key.to_pkcs8_base64(), entropy)?;
    let clients = [
        (CLIENT_ID, "Codex CLI and keyfob", ClientKind::CodexCli),
        (GATEWAY_CLIENT_ID, "Codex CLI gateway sign-in", ClientKind::CodexGateway),
    ];
    let mut transaction = storage.begin().await?;
    transaction.insert_signing_key(&SealedSigningKey { id, sealed }, now).await?;
    for (id, name, kind) in clients {
        let client = Client { id: ClientId::new(id), name: name.to_owned(), kind };
        transaction.insert_client(&client, now).await?;
    }
    Ok(audit::commit_on_host(transaction, now, AuditEvent::done(Action::Initialize)).await?)
}
