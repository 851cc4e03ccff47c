//! Programs that prove where they run instead of who started them: with the ID token of GitHub, GitLab, Kubernetes, or
//! another issuer that the administrator's rules name (`docs/devices.md`).

use crate::user::Email;
use keyfob_jose::Claims;
use keyfob_oauth::{Audience, Scope, WorkspaceId};
use serde_json::Value;
use std::time::Duration;

/// Which workloads of one issuer may act for a user, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadRule {
    /// What the administrator calls it; stands in the tokens.
    pub name: String,
    /// What the workload's token must be meant for.
    pub audience: Audience,
    /// What it must say; all of it.
    pub claims: Vec<ClaimRule>,
    /// For whom it acts.
    pub user: Email,
    /// In which workspace; their own, if none is named.
    pub workspace: Option<WorkspaceId>,
    /// The widest scope.
    pub scope: Scope,
    /// How long a token lives, if the workload's own lives that long.
    pub life: Duration,
}

/// What one claim must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRule {
    claim: String,
    pattern: Pattern,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Exactly(String),
    BeginsWith(String),
}

/// A rule would let in whoever has any token of the issuer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the claim `{0}` may be anything: name a value, or the beginning of one before a `*` at its end")]
pub struct AnyValue(String);

impl ClaimRule {
    /// Reads a value; a `*` at its end stands for any rest, and anywhere else for itself.
    pub fn parse(claim: &str, value: &str) -> Result<Self, AnyValue> {
        let pattern = match value.strip_suffix('*') {
            Some(beginning) => Pattern::BeginsWith(beginning.to_owned()),
            None => Pattern::Exactly(value.to_owned()),
        };
        match &pattern {
            Pattern::Exactly(text) | Pattern::BeginsWith(text) if text.is_empty() => {
                Err(AnyValue(claim.to_owned()))
            }
            Pattern::Exactly(_) | Pattern::BeginsWith(_) => Ok(Self { claim: claim.to_owned(), pattern }),
        }
    }

    fn is_met(&self, claims: &Claims) -> bool {
        let said = match claims.get(&self.claim) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Bool(_) | Value::Number(_)) => {
                claims.get(&self.claim).map(Value::to_string).unwrap_or_default()
            }
            Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => return false,
        };
        match &self.pattern {
            Pattern::Exactly(text) => said == *text,
            Pattern::BeginsWith(beginning) => said.starts_with(beginning),
        }
    }
}

impl WorkloadRule {
    /// Whether a workload that says `claims` may act by this rule.
    pub fn allows(&self, claims: &Claims) -> bool {
        !self.claims.is_empty() && self.claims.iter().all(|rule| rule.is_met(claims))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rule(claims: &[(&str, &str)]) -> WorkloadRule {
        WorkloadRule {
            name: "deploy".into(),
            audience: Audience::new("a"),
            claims: claims.iter().map(|(claim, value)| ClaimRule::parse(claim, value).unwrap()).collect(),
            user: Email::parse("mia@example.org").unwrap(),
            workspace: None,
            scope: Scope::default(),
            life: Duration::from_mins(10),
        }
    }

    #[test]
    fn a_rule_wants_every_claim_exactly_or_from_its_beginning() {
        let said = json!({ "repository": "acme/app", "ref": "refs/heads/main", "run": 7, "protected": true, "x": [] });
        let claims = Claims::new(said.as_object().unwrap().clone());
        let allows = |wanted: &[(&str, &str)]| rule(wanted).allows(&claims);

        assert!(allows(&[
            ("repository", "acme/app"),
            ("ref", "refs/heads/*"),
            ("run", "7"),
            ("protected", "true")
        ]));
        for refused in [
            &[][..],
            &[("repository", "acme/ap")],
            &[("repository", "ACME/app")],
            &[("repository", "acme/app"), ("ref", "refs/heads/release")],
            &[("repository", "*/app")],
            &[("absent", "x*")],
            &[("x", "[]")],
        ] {
            assert!(!allows(refused), "{refused:?}");
        }
        assert!(ClaimRule::parse("repository", "*").is_err() && ClaimRule::parse("repository", "").is_err());
    }
}
