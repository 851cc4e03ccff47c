//! `keyfob-gateway policy diff`: who would be refused or allowed under another policy, by what was decided before.

use super::entry::Kept;
use super::explain::ReadError;
use super::{FILE, table};
use crate::database;
use crate::policy::{OwnedModel, Policy, Refused};
use keyfob_oauth::Timestamp;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// What another policy would change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// How many decisions were looked at.
    pub looked_at: u64,
    /// Who would be refused that was allowed, with how often.
    refused: BTreeMap<Line, u64>,
    /// Who would be allowed that was refused, with how often.
    allowed: BTreeMap<Line, u64>,
}

/// Who asks for what, and which rule changes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    workspace: String,
    subject: String,
    credential: &'static str,
    what: String,
    rule: String,
}

/// Asks `policy` again what was decided since `since`.
///
/// Rules and the models of keys are compared; upstreams are not: where one was missing, that is no affair of the policy.
pub fn diff(folder: &Path, policy: &Policy, since: Timestamp) -> Result<Difference, ReadError> {
    let path = folder.join(FILE);
    let mut difference = Difference::default();
    let mut compare = || {
        let connection = database::open_to_read(&path)?;
        table::each_since(&connection, since, |entry| {
            difference.looked_at += 1;
            let (rule, refused) = policy.judge(&entry.asking.who(), &entry.asking.question());
            let was_refused = match &entry.outcome {
                Kept::Allowed => false,
                Kept::Refused { code, .. } => Refused::is_policy(code),
            };
            let changed = match (was_refused, refused.is_some()) {
                (false, true) => &mut difference.refused,
                (true, false) => &mut difference.allowed,
                (true, true) | (false, false) => return,
            };
            let asking = &entry.asking;
            let model = match &asking.model {
                OwnedModel::None => String::new(),
                OwnedModel::Unsaid => " (model not said)".into(),
                OwnedModel::Named(name) => format!(" {name}"),
            };
            let line = Line {
                workspace: asking.workspace.clone(),
                subject: asking.subject.clone(),
                credential: asking.credential.as_str(),
                what: format!("{} {}{model}", asking.method, asking.route.as_str()),
                rule: rule.to_string(),
            };
            *changed.entry(line).or_default() += 1;
        })
    };
    compare().map_err(|source| ReadError::Database { path: path.clone(), source })?;
    Ok(difference)
}

impl Difference {
    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.refused.is_empty() && self.allowed.is_empty()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (refused, allowed) = (self.refused.values().sum::<u64>(), self.allowed.values().sum::<u64>());
        writeln!(
            f,
            "Of {} recorded requests, {refused} would newly be refused and {allowed} newly be allowed",
            self.looked_at
        )?;
        for (sign, lines) in [('-', &self.refused), ('+', &self.allowed)] {
            for (line, count) in lines {
                let Line { workspace, subject, credential, what, rule } = line;
                writeln!(f, "{sign} {count} × {subject} of {workspace} ({credential}): {what}, by `{rule}`")?;
            }
        }
        Ok(())
    }
}
