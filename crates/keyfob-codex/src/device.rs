//! The messages of the Codex device sign-in; 403 and 404 on a poll mean *pending*.

use std::fmt;

/// Where a device asks for a code.
pub const USER_CODE_PATH: &str = "/api/accounts/deviceauth/usercode";
/// Where a device polls.
pub const POLL_PATH: &str = "/api/accounts/deviceauth/token";
/// Where a person types the code.
pub const VERIFICATION_PATH: &str = "/codex/device";

/// The code to show and the one to poll with.
#[derive(Debug, serde::Serialize)]
pub struct UserCodeResponse {
    /// Polled with; secret.
    pub device_auth_id: String,
    /// Shown to the person.
    pub user_code: String,
    /// Seconds between polls, as text: the Codex CLI refuses a number.
    pub interval: String,
    /// When the code ends, RFC 3339; the Codex CLI ignores it.
    pub expires_at: String,
}

/// As a device reads [`UserCodeResponse`]: of an issuer that writes it in any of the known ways.
#[derive(serde::Deserialize)]
pub struct UserCodeAnswer {
    /// Polled with; secret.
    pub device_auth_id: String,
    /// Shown to the person.
    #[serde(alias = "usercode")]
    pub user_code: String,
    /// Seconds between polls: a number, or one in text.
    pub interval: Option<serde_json::Value>,
}

/// The person approved: a code for the token endpoint, with the verifier that the issuer made for it.
#[derive(serde::Serialize, serde::Deserialize)]
pub struct PollResponse {
    /// Redeemed at the token endpoint.
    pub authorization_code: String,
    /// Sent back at the token endpoint.
    pub code_verifier: String,
    /// The verifier's challenge.
    pub code_challenge: String,
}

impl fmt::Debug for UserCodeAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserCodeAnswer").field("interval", &self.interval).finish_non_exhaustive()
    }
}

impl fmt::Debug for PollResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollResponse").finish_non_exhaustive()
    }
}
