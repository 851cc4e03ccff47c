//! A program asks whose personal access token it holds: the Codex CLI at each start.

use crate::access_key::KeyKind;
use crate::issuer::{Fault, Issuer};
use crate::operation::Grantee;
use crate::operation::presented::Presented;
use keyfob_oauth::{AccessToken, Scope};

/// Whose personal access token it is, and what it may be used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHolder {
    /// Whose.
    pub grantee: Grantee,
    /// For what.
    pub scope: Scope,
}

impl Issuer {
    /// Finds out whose personal access token `token` is; everything else is nobody's.
    pub async fn key_holder(&self, token: &AccessToken) -> Result<Option<KeyHolder>, Fault> {
        Ok(match self.presented(token, self.url.as_str()).await? {
            Some(Presented::Key(key, grantee)) if key.kind == KeyKind::Personal => {
                Some(KeyHolder { grantee, scope: key.scope })
            }
            Some(Presented::Key(..) | Presented::Session(_) | Presented::Workload(_)) | None => None,
        })
    }
}
