//! What is known to have ended, and how an answer of the feed adds to it.

use crate::authenticate::{Caller, CredentialKind, LONGEST_LIFE};
use keyfob_jose::Claims;
use keyfob_oauth::Timestamp;
use serde_json::Value;
use std::collections::HashMap;

/// What is known to have ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// The number of the last entry.
    pub(super) epoch: u64,
    sessions: HashMap<String, Timestamp>,
    /// By their `jti`.
    keys: HashMap<String, Timestamp>,
    users: HashMap<String, Timestamp>,
    /// By user, then by workspace: who asks is found without a copy of the names.
    members: HashMap<String, HashMap<String, Timestamp>>,
}

/// An answer of the feed.
pub(super) struct Told<'a> {
    pub(super) after: u64,
    pub(super) epoch: u64,
    entries: &'a [Value],
}

impl<'a> Told<'a> {
    pub(super) fn read(claims: &'a Claims) -> Option<Self> {
        let number = |name| claims.get(name).and_then(Value::as_u64);
        Some(Self {
            after: number("after")?,
            epoch: number("epoch")?,
            entries: claims.get("revoked")?.as_array()?,
        })
    }
}

impl Known {
    /// Returns this with what was told, without what no token outlives.
    ///
    /// A lower number than before is that of an issuer that was restored from a backup: all of it is asked for again, and
    /// nothing that was known to have ended comes back.
    pub(super) fn with(&self, told: &Told<'_>, now: Timestamp) -> Self {
        let is_restored = told.epoch < self.epoch;
        let mut known = Self { epoch: if is_restored { 0 } else { told.epoch }, ..self.clone() };
        for entry in told.entries {
            let text = |name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
            let at = entry.get("at").and_then(Value::as_i64).map_or(now, Timestamp::from_unix);
            match (text("sid"), text("jti"), text("sub"), text("workspace_id")) {
                (Some(session), _, _, _) => drop(known.sessions.insert(session, at)),
                (None, Some(key), _, _) => drop(known.keys.insert(key, at)),
                (None, None, Some(user), None) => drop(known.users.insert(user, at)),
                (None, None, Some(user), Some(workspace)) => {
                    known.members.entry(user).or_default().insert(workspace, at);
                }
                // Of a kind that comes later.
                (None, None, None, _) => {}
            }
        }
        let is_kept = |at: &Timestamp| now < at.plus(LONGEST_LIFE);
        known.sessions.retain(|_, at| is_kept(at));
        known.keys.retain(|_, at| is_kept(at));
        known.users.retain(|_, at| is_kept(at));
        known.members.retain(|_, places| {
            places.retain(|_, at| is_kept(at));
            !places.is_empty()
        });
        known
    }

    pub(super) fn has_ended(&self, caller: &Caller) -> bool {
        let is_before = |at: &Timestamp| caller.issued <= *at;
        let (user, workspace) = (caller.subject.as_str(), caller.workspace.as_str());
        let is_over = match &caller.credential {
            CredentialKind::AccessToken { session, .. } => {
                session.as_ref().is_some_and(|session| self.sessions.contains_key(session))
            }
            CredentialKind::PersonalAccessToken { id } | CredentialKind::ApiKey { id } => {
                self.keys.contains_key(id)
            }
        };
        is_over
            || self.users.get(user).is_some_and(is_before)
            || self.members.get(user).and_then(|places| places.get(workspace)).is_some_and(is_before)
    }
}
