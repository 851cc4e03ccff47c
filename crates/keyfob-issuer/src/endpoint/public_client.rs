//! Which client asks: all are public, so nothing but `client_id` says it (RFC 6749 §2.3, I-22).

use crate::error::ApiError;
use crate::parameters::Parameters;
use http::{HeaderMap, header};
use keyfob_oauth::ClientId;

/// Takes the client's name, and refuses one that claims to have a secret.
pub(super) fn id(headers: &HeaderMap, parameters: &mut Parameters) -> Result<ClientId, ApiError> {
    let id = ClientId::new(parameters.require("client_id")?);
    let mut authenticates = headers.contains_key(header::AUTHORIZATION);
    for proof in ["client_secret", "client_assertion"] {
        authenticates |= parameters.take(proof)?.is_some();
    }
    if authenticates { Err(ApiError::NOT_PUBLIC) } else { Ok(id) }
}
