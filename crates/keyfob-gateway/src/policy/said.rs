//! What a request's body says of the model, read only where a decision depends on it.

use super::store::forbid_store;
use super::{Model, Store};
use crate::asked::{Asked, with_usage};
use crate::body::{Body, full};
use crate::error::Refusal;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::BodyExt as _;

/// A body that was read whole.
#[derive(Debug)]
pub(crate) struct Said {
    bytes: Bytes,
    asked: Asked,
}

impl Said {
    /// Reads the body of a POST with JSON; nothing of any other.
    ///
    /// Refused are an encoding that cannot be read here, and what [`Asked`] refuses.
    pub(crate) async fn read(request: &mut Request<Body>) -> Result<Option<Self>, Refusal> {
        if request.method() != Method::POST || !is_json(request.headers()) {
            return Ok(None);
        }
        if request.headers().contains_key(header::CONTENT_ENCODING) {
            return Err(Refusal::NotJson);
        }
        let body = std::mem::replace(request.body_mut(), full(Bytes::new()));
        let bytes = body.collect().await.map_err(|error| Refusal::from(&error))?.to_bytes();
        let asked = if bytes.is_empty() { Asked::default() } else { Asked::parse(&bytes)? };
        *request.body_mut() = full(bytes.clone());
        Ok(Some(Self { bytes, asked }))
    }

    pub(crate) fn model(&self) -> Option<&str> {
        self.asked.model.as_deref()
    }

    pub(crate) const fn asked(&self) -> &Asked {
        &self.asked
    }

    /// Makes `request` ask for the usage of its stream.
    pub(crate) fn ask_for_usage(&mut self, request: &mut Request<Body>) -> Result<(), Refusal> {
        self.bytes = with_usage(&self.bytes)?;
        *request.body_mut() = full(self.bytes.clone());
        Ok(())
    }
}

/// What a request was made to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obeyed {
    /// Nothing: nothing is demanded, or the API has no word for it.
    AsAsked,
    /// That the upstream keeps nothing.
    StoreForbidden,
}

/// Makes `request` say what the upstream may keep, where the API has a word for it.
pub(crate) fn obey(
    store: Store,
    path: &str,
    said: Option<&Said>,
    request: &mut Request<Body>,
) -> Result<Obeyed, Refusal> {
    let has_word = request.method() == Method::POST && matches!(path, "/responses" | "/chat/completions");
    if store == Store::AsAsked || !has_word {
        return Ok(Obeyed::AsAsked);
    }
    let body = said.and_then(|said| forbid_store(&said.bytes)).ok_or(Refusal::NotJson)?;
    *request.body_mut() = full(body);
    Ok(Obeyed::StoreForbidden)
}

/// Which model is asked for, with what the body says of it.
pub(crate) fn model_of<'a>(method: &Method, path: &'a str, said: Option<&'a Said>) -> Model<'a> {
    Model::of(method, path, said.and_then(Said::model))
}

/// Whether the body is JSON, or may be: a client that says nothing of it means JSON on these routes.
fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_none_or(|value| {
        let kind = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json")
    })
}
