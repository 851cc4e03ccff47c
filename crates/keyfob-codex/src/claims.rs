//! The claims that the Codex CLI reads from a token.

use serde::Deserialize as _;
use serde_json::Value;

/// The claim whose object holds the members of [`AuthClaims`].
pub const NAMESPACE: &str = "https://api.openai.com/auth";

/// Which account, user and plan a token is for; absent members are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AuthClaims {
    /// The workspace that the token is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chatgpt_account_id: Option<String>,
    /// The plan of the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chatgpt_plan_type: Option<String>,
    /// The user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chatgpt_user_id: Option<String>,
    /// The API organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// The API project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Whether the user has finished setting the API platform up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_platform_onboarding: Option<bool>,
    /// Whether the user owns the API organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_org_owner: Option<bool>,
}

impl AuthClaims {
    /// Reads the namespaced object; anything malformed counts as absent, as it does for the Codex CLI.
    pub fn from_claim(value: Option<&Value>) -> Self {
        value.and_then(|value| Self::deserialize(value).ok()).unwrap_or_default()
    }
}
