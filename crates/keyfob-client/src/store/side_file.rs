//! The side file: members of a login that the Codex CLI drops when it refreshes, kept for our next save (design D15).
//!
//! It is kept beside the login by the same store, and holds nothing that the Codex CLI knows: no token, no key. What it
//! remembers goes back into a login of the same account at the same issuer and client alone.

use super::{CredentialStore, Keepsake, Slot};
use crate::account::Account;
use keyfob_codex::auth_file::{AuthFile, Login, Outline};
use serde::{Deserialize, Serialize};

const SCHEMA: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct SideFile {
    schema: u32,
    login: Identity,
    document: Outline,
}

/// Whose login it is; one that does not say so in full shares nothing with another.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    issuer: String,
    client_id: String,
    subject: String,
    workspace: Option<String>,
}

impl Identity {
    fn of(record: &AuthFile) -> Option<Self> {
        let Login::Account(tokens) = record.login() else { return None };
        let account = Account::of_stored(&tokens);
        let from = tokens.provenance?;
        Some(Self {
            issuer: from.issuer.to_string(),
            client_id: from.client_id.to_string(),
            subject: account.subject?.to_string(),
            workspace: account.workspace.map(|workspace| workspace.to_string()),
        })
    }
}

/// What is remembered, as it was read.
pub(super) struct Remembered(Option<Vec<u8>>);

/// Puts back into `record` what the Codex CLI dropped from it.
///
/// A side file that cannot be read is no reason to lose a refreshed token.
pub(super) fn complete(store: &dyn CredentialStore, record: &mut AuthFile) -> Remembered {
    let remembered = read(store);
    let side_file = remembered.as_deref().and_then(|bytes| serde_json::from_slice(bytes).ok());
    if let Some(SideFile { schema: SCHEMA, login, document }) = side_file
        && Identity::of(record) == Some(login)
    {
        record.restore(&document);
    }
    Remembered(remembered)
}

/// Remembers the members of `record` that the Codex CLI does not know, and forgets those of any other login.
pub(super) fn remember(store: &dyn CredentialStore, record: &AuthFile, before: &Remembered) {
    let side_file = record
        .outline()
        .zip(Identity::of(record))
        .map(|(document, login)| SideFile { schema: SCHEMA, login, document })
        .and_then(|side_file| serde_json::to_vec(&side_file).ok());
    if side_file == before.0 {
        return;
    }
    if let Err(error) = store.keep(Keepsake::Members, side_file.as_deref()) {
        tracing::warn!(%error, "members that the Codex CLI drops could not be kept beside the login");
    }
}

/// Remembers what another program stored, under the lock; what was signed out elsewhere is forgotten here too.
pub(super) fn adopt(store: &dyn CredentialStore, slot: &Slot) {
    match slot {
        Slot::Holds { record, .. } if record.outline().is_some() => {
            let mut record = record.clone();
            let before = complete(store, &mut record);
            remember(store, &record, &before);
        }
        Slot::Empty if read(store).is_some() => {
            if let Err(error) = store.keep(Keepsake::Members, None) {
                tracing::warn!(%error, "what was kept beside a login that is gone could not be removed");
            }
        }
        // The Codex CLI wrote it, or nobody can read it: what is remembered is all there is.
        Slot::Holds { .. } | Slot::Empty | Slot::Corrupt { .. } => {}
    }
}

fn read(store: &dyn CredentialStore) -> Option<Vec<u8>> {
    store.kept(Keepsake::Members).unwrap_or_else(|error| {
        tracing::warn!(%error, "what is kept beside the login cannot be read");
        None
    })
}

#[cfg(test)]
mod tests;
