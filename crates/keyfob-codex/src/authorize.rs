//! The extra parameters of the Codex CLI's authorization request.

/// The scopes that the Codex CLI asks for.
pub const SCOPE: &str = "openid profile email offline_access api.connectors.read api.connectors.invoke";

/// What the Codex CLI sends beside the standard parameters, in its order.
pub const EXTRA_PARAMETERS: [(&str, &str); 3] = [
    ("id_token_add_organizations", "true"),
    ("codex_cli_simplified_flow", "true"),
    ("originator", "codex_cli_rs"),
];
