//! What the Codex CLI's app-server asks of `chatgpt_base_url`: which workspaces there are, and what may still be used.

/// Where it asks for the workspaces of the signed-in person, with their access token: below a `chatgpt_base_url` that is
/// an origin, below one that ends in `/backend-api`, and below one to which that was mapped.
pub const ACCOUNTS_PATHS: [&str; 3] =
    ["/api/codex/accounts/check", "/backend-api/wham/accounts/check", "/wham/accounts/check"];
/// Where it asks for the limits, in the same order.
pub const USAGE_PATHS: [&str; 3] = ["/api/codex/usage", "/backend-api/wham/usage", "/wham/usage"];
/// The word for a workspace whose requests may go where all go.
pub const NO_CONSTRAINT: &str = "NO_CONSTRAINT";

/// The answer about workspaces.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Accounts {
    /// Each of them.
    pub accounts: Vec<Account>,
}

/// A workspace.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Account {
    /// The claim `chatgpt_account_id`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where its requests go; the client takes an https origin alone.
    pub workspace_backend_origin: String,
    /// Which rule its requests follow.
    pub account_routing_override: String,
}

/// The answer about limits.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Usage {
    /// On which plan.
    pub plan_type: String,
    /// The windows that limit requests; `None` where nothing limits them.
    pub rate_limit: Option<serde_json::Value>,
}
