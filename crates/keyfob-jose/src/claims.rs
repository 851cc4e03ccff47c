//! Statements in a token.

use keyfob_oauth::Timestamp;
use serde_json::{Map, Value};

/// The members of a token's payload, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// Takes the members over.
    pub fn new(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// Returns the claim `name`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Returns the claim `name` if it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// Returns the claim `name` if it is a `NumericDate` in whole seconds.
    pub fn time(&self, name: &str) -> Option<Timestamp> {
        self.0.get(name)?.as_i64().map(Timestamp::from_unix)
    }

    /// Whether `aud` is, or lists, `audience` (RFC 7519 §4.1.3).
    pub fn is_for(&self, audience: &str) -> bool {
        match self.0.get("aud") {
            Some(Value::String(only)) => only == audience,
            Some(Value::Array(list)) => list.iter().any(|one| one.as_str() == Some(audience)),
            _ => false,
        }
    }
}
