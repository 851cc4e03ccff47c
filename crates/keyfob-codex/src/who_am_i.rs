//! Whose a personal access token is: what the Codex CLI asks at each start with a token that begins `at-`.

/// Where it asks, with the token as a bearer.
pub const PATH: &str = "/api/accounts/v1/user-auth-credential/whoami";

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct WhoAmI {
    /// The person's address, where the token may tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Who.
    pub chatgpt_user_id: String,
    /// In which workspace.
    pub chatgpt_account_id: String,
    /// On which plan.
    pub chatgpt_plan_type: String,
    /// Whether the workspace is one of the United States' government.
    pub chatgpt_account_is_fedramp: bool,
}
