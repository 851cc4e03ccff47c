//! The messages of the Codex device sign-in; 403 and 404 on a poll mean *pending*.

/// Where a device asks for a code.
pub const USER_CODE_PATH: &str = "/api/accounts/deviceauth/usercode";
/// Where a device polls.
pub const POLL_PATH: &str = "/api/accounts/deviceauth/token";
/// Where a person types the code.
pub const VERIFICATION_PATH: &str = "/codex/device";

/// Asks for a code.
#[derive(Debug, serde::Deserialize)]
pub struct UserCodeRequest {
    /// Who asks.
    pub client_id: String,
}

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

/// Asks whether the person has approved.
#[derive(Debug, serde::Deserialize)]
pub struct PollRequest {
    /// From the first answer.
    pub device_auth_id: String,
    /// From the first answer.
    pub user_code: String,
}

/// The person approved: a code for the token endpoint, with the verifier that the issuer made for it.
#[derive(Debug, serde::Serialize)]
pub struct PollResponse {
    /// Redeemed at the token endpoint.
    pub authorization_code: String,
    /// Sent back at the token endpoint.
    pub code_verifier: String,
    /// The verifier's challenge.
    pub code_challenge: String,
}
