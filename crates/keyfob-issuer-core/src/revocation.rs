//! What has ended before its time: the entries of the feed that gateways follow (`docs/feed.md`).

use crate::{FamilyId, KeyId};
use keyfob_oauth::{Subject, Timestamp, WorkspaceId};

/// What ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// A session, with every token that names it in `sid`.
    Session(FamilyId),
    /// A personal access token or an API key, by its `jti`.
    Key(KeyId),
    /// A user: every token of theirs that was made until then.
    User(Subject),
    /// A user's place in a workspace: every token of theirs for it that was made until then.
    Member(Subject, WorkspaceId),
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Its number: higher than that of every entry before it, on all nodes together.
    pub epoch: u64,
    /// What ended.
    pub revoked: Revoked,
    /// When.
    pub at: Timestamp,
}

/// The entries that follow a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// The number of the last entry: of these, or of all if these are none.
    pub epoch: u64,
    /// The oldest first.
    pub entries: Vec<Revocation>,
}

/// How many entries one answer holds; more are asked for at once.
pub const MOST_ENTRIES: u32 = 100;
