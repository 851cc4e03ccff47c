//! The revocation request (RFC 7009 §2.1).

use crate::{ClientId, RefreshToken};

/// Asks the issuer to end a refresh token and what descends from it.
#[derive(Clone, Debug)]
pub struct RevocationRequest {
    /// Who asks.
    pub client_id: ClientId,
    /// What ends.
    pub token: RefreshToken,
}

impl RevocationRequest {
    /// Returns the fields of the form body.
    pub fn form(&self) -> [(&'static str, &str); 3] {
        [
            ("token", self.token.expose()),
            ("token_type_hint", "refresh_token"),
            ("client_id", self.client_id.as_str()),
        ]
    }
}
