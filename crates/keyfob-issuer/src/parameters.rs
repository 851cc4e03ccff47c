//! Reading parameters, with the same care from a query, a form and a JSON object (I-10, I-23).

use axum::body::Body;
use http::request::Parts;
use http::{HeaderMap, Request, header};
use keyfob_issuer_core::workspace::AllowedWorkspaces;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a request brought, each name once.
#[derive(Debug, Default)]
pub(crate) struct Parameters(BTreeMap<String, Given>);

#[derive(Debug)]
enum Given {
    Text(String),
    Number(u64),
    /// A JSON value of another type; an error only where it is asked for.
    NotText,
}

/// How the parameters came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    Form,
    Json,
}

/// The parameters cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParametersError {
    #[error("the body is neither a form nor JSON")]
    UnsupportedType,
    #[error("the body is too large or was cut off")]
    TooLarge,
    #[error("the body did not arrive in time")]
    TooSlow,
    #[error("parameters do not belong in the query here")]
    InQuery,
    #[error("the parameters cannot be read")]
    Malformed,
    #[error("a parameter is repeated")]
    Repeated,
    #[error("a required parameter is missing")]
    Missing,
}

/// How long a body may take (I-76).
const LONGEST: Duration = Duration::from_secs(10);
/// No request of ours is larger.
const MOST_BYTES: usize = 64 * 1024;

impl Parameters {
    /// Reads the body of a request that must have no query.
    pub(crate) async fn from_body(request: Request<Body>) -> Result<(Self, BodyKind), ParametersError> {
        let (head, body) = request.into_parts();
        Self::from_parts(&head, body).await
    }

    /// Reads the body of a request that must have no query, and leaves the head.
    pub(crate) async fn from_parts(head: &Parts, body: Body) -> Result<(Self, BodyKind), ParametersError> {
        if head.uri.query().is_some_and(|query| !query.is_empty()) {
            return Err(ParametersError::InQuery);
        }
        let kind = body_kind(&head.headers)?;
        let reading = axum::body::to_bytes(body, MOST_BYTES);
        let body = tokio::time::timeout(LONGEST, reading).await.map_err(|_| ParametersError::TooSlow)?;
        let body = body.map_err(|_| ParametersError::TooLarge)?;
        let parameters = match kind {
            BodyKind::Form => Self::from_form(&body)?,
            BodyKind::Json => Self::from_json(&body)?,
        };
        Ok((parameters, kind))
    }

    /// Reads the body of a form that one of our pages sent.
    pub(crate) async fn from_page(request: Request<Body>) -> Result<Self, ParametersError> {
        match Self::from_body(request).await? {
            (parameters, BodyKind::Form) => Ok(parameters),
            (_, BodyKind::Json) => Err(ParametersError::UnsupportedType),
        }
    }

    /// Reads `name=value&…`.
    pub(crate) fn from_form(text: &[u8]) -> Result<Self, ParametersError> {
        let mut parameters = BTreeMap::new();
        for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decoded(halves.next().unwrap_or_default())?;
            let value = decoded(halves.next().unwrap_or_default())?;
            if parameters.insert(name, Given::Text(value)).is_some() {
                return Err(ParametersError::Repeated);
            }
        }
        Ok(Self(parameters))
    }

    fn from_json(text: &[u8]) -> Result<Self, ParametersError> {
        let members: Members = serde_json::from_slice(text).map_err(|_| ParametersError::Malformed)?;
        let mut parameters = BTreeMap::new();
        for (name, value) in members.0 {
            let given = match value {
                Value::String(text) if text.contains('\0') => return Err(ParametersError::Malformed),
                Value::String(text) => Given::Text(text),
                Value::Null => Given::Text(String::new()),
                Value::Number(number) => number.as_u64().map_or(Given::NotText, Given::Number),
                Value::Bool(_) | Value::Array(_) | Value::Object(_) => Given::NotText,
            };
            if parameters.insert(name, given).is_some() {
                return Err(ParametersError::Repeated);
            }
        }
        Ok(Self(parameters))
    }

    /// Takes a parameter; an empty one counts as absent (RFC 6749 §3.1).
    pub(crate) fn take(&mut self, name: &str) -> Result<Option<String>, ParametersError> {
        match self.0.remove(name) {
            Some(Given::Text(text)) if !text.is_empty() => Ok(Some(text)),
            Some(Given::Text(_)) | None => Ok(None),
            Some(Given::Number(_) | Given::NotText) => Err(ParametersError::Malformed),
        }
    }

    /// Takes a whole number, which a form can only bring as text.
    pub(crate) fn take_number(&mut self, name: &str) -> Result<Option<u64>, ParametersError> {
        match self.0.remove(name) {
            Some(Given::Number(number)) => Ok(Some(number)),
            Some(Given::Text(text)) if text.is_empty() => Ok(None),
            Some(Given::Text(text)) => text.parse().map(Some).map_err(|_| ParametersError::Malformed),
            Some(Given::NotText) => Err(ParametersError::Malformed),
            None => Ok(None),
        }
    }

    /// Takes `allowed_workspace_id`: the workspaces that a client takes tokens for (I-73).
    pub(crate) fn take_allowed_workspaces(&mut self) -> Result<AllowedWorkspaces, ParametersError> {
        match self.take("allowed_workspace_id")? {
            Some(text) => AllowedWorkspaces::parse(&text).map_err(|_| ParametersError::Malformed),
            None => Ok(AllowedWorkspaces::Any),
        }
    }

    /// Takes a parameter that must be there.
    pub(crate) fn require(&mut self, name: &str) -> Result<String, ParametersError> {
        self.take(name)?.ok_or(ParametersError::Missing)
    }
}

fn body_kind(headers: &HeaderMap) -> Result<BodyKind, ParametersError> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = value.split(';').map(str::trim);
    let kind = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "application/x-www-form-urlencoded" => BodyKind::Form,
        "application/json" => BodyKind::Json,
        _ => return Err(ParametersError::UnsupportedType),
    };
    match (parts.next().map(str::to_ascii_lowercase).as_deref(), parts.next()) {
        (None | Some("charset=utf-8"), None) => Ok(kind),
        _ => Err(ParametersError::UnsupportedType),
    }
}

/// Decodes percent signs and pluses; what is no UTF-8 then, or holds a NUL, is refused rather than repaired.
pub(crate) fn decoded(text: &[u8]) -> Result<String, ParametersError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut digit = || {
                    let digit = char::from(rest.next()?).to_digit(16)?;
                    u8::try_from(digit).ok()
                };
                let (high, low) = digit().zip(digit()).ok_or(ParametersError::Malformed)?;
                bytes.push(high << 4 | low);
            }
            other => bytes.push(other),
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| ParametersError::Malformed)?;
    if text.contains('\0') { Err(ParametersError::Malformed) } else { Ok(text) }
}

/// A JSON object as a list, so that repeated names are seen.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    if members.len() >= MOST_MEMBERS {
                        return Err(A::Error::custom("too many members"));
                    }
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(List)
    }
}

/// No request of ours has more.
const MOST_MEMBERS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i_10_repeated_and_broken_parameters_are_refused_alike_in_forms_and_json() {
        let form = |text: &str| Parameters::from_form(text.as_bytes()).map(drop);
        let json = |text: &str| Parameters::from_json(text.as_bytes()).map(drop);

        assert_eq!(form("a=1&b=%C3%BC+x"), Ok(()));
        assert_eq!(json(r#"{"a":"1","b":"ü x","c":{"d":[1]}}"#), Ok(()));
        assert_eq!(form("a=1&%61=2"), Err(ParametersError::Repeated));
        assert_eq!(json(r#"{"a":"1","a":"2"}"#), Err(ParametersError::Repeated));
        for broken in ["a=%00", "a=%C0%AF", "a=%", "a=%4", "a=%zz"] {
            assert_eq!(form(broken), Err(ParametersError::Malformed), "{broken}");
        }
        for broken in [r#"{"a":"\u0000"}"#, "[]", "{", "{} {}", r#""a""#] {
            assert_eq!(json(broken), Err(ParametersError::Malformed), "{broken}");
        }
    }

    #[test]
    fn an_empty_parameter_counts_as_absent_and_a_number_as_malformed() {
        let mut form = Parameters::from_form(b"a=&b=+x&c").unwrap();
        assert_eq!(form.take("a"), Ok(None));
        assert_eq!(form.take("b"), Ok(Some(" x".into())));
        assert_eq!(form.require("c"), Err(ParametersError::Missing));

        let mut json = Parameters::from_json(br#"{"a":null,"b":1}"#).unwrap();
        assert_eq!(json.take("a"), Ok(None));
        assert_eq!(json.take("b"), Err(ParametersError::Malformed));
    }
}
