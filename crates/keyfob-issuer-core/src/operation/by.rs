//! Who changes what belongs to several people: what the audit trail tells of every such change (I-71, I-77).

use crate::audit::{self, AuditEvent, Circumstance};
use crate::issuer::Issuer;
use crate::storage::{StorageError, Transaction};
use keyfob_oauth::{Subject, Timestamp};

/// Who changes a workspace.
#[derive(Clone, Copy, Debug)]
pub enum Actor<'a> {
    /// Whoever has the issuer's own files.
    Operator,
    /// Somebody who has just proven who they are.
    Member(&'a Subject),
}

/// A change as it is made: by whom, when, and by which request.
#[derive(Clone, Debug)]
pub struct By<'a> {
    /// Who makes it.
    pub actor: Actor<'a>,
    /// When.
    pub at: Timestamp,
    /// Where the request came from, and how it is called.
    pub circumstance: Circumstance,
}

impl By<'static> {
    /// A change by whoever has the issuer's own files.
    pub fn operator(at: Timestamp) -> Self {
        Self { actor: Actor::Operator, at, circumstance: Circumstance::default() }
    }
}

impl By<'_> {
    /// Records `event` as the last thing that `transaction` does, and commits.
    pub(super) async fn commit(
        &self,
        transaction: Box<dyn Transaction>,
        event: AuditEvent,
    ) -> Result<(), StorageError> {
        let actor = match self.actor {
            Actor::Operator => audit::Actor::Host,
            Actor::Member(subject) => audit::Actor::Person(subject.clone()),
        };
        audit::commit(transaction, self.at, &self.circumstance, &event.by(actor)).await
    }
}

impl Issuer {
    /// A change that `actor` makes by the request that is being answered.
    pub(super) fn by<'a>(&self, actor: Actor<'a>) -> By<'a> {
        By { actor, at: self.now(), circumstance: self.circumstances.present() }
    }
}
