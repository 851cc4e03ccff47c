//! What a client sends: the authorization request, the token request, the revocation request.

pub mod authorization;
pub mod revocation;
pub mod token;

pub use authorization::AuthorizationRequest;
pub use revocation::RevocationRequest;
pub use token::{GrantType, HANDOFF_TOKEN, REQUESTED_LIFE, TokenRequest};
