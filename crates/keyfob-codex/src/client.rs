//! The Codex CLI as a registered client, and its gateway sign-in as another.

use keyfob_oauth::IssuerUrl;

/// The public client id of the Codex CLI, which `keyfob` uses too so that the CLI can refresh and revoke our login.
pub const CLIENT_ID: &str = "app_EMoamEEZ73f0CkXaXp7hrann";
/// The issuer of logins that name none, which are those of older builds of the Codex CLI: OpenAI's.
pub const UNNAMED_ISSUER: &str = "https://auth.openai.com";
/// The public client id for the Codex CLI's native sign-in to gateways (`gateway_oauth`).
pub const GATEWAY_CLIENT_ID: &str = "codex-gateway";
/// The ports that the Codex CLI listens on during a browser sign-in, in order.
pub const CALLBACK_PORTS: [u16; 2] = [1455, 1457];

/// Which callbacks an issuer has registered for the Codex CLI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisteredCallbacks {
    /// The literal `127.0.0.1` with any port (RFC 8252 §7.3), which nobody else can answer.
    AnyPort,
    /// This machine with [`CALLBACK_PORTS`] and no other.
    TwoPorts,
}

impl RegisteredCallbacks {
    /// Returns those at `issuer`; only OpenAI is taken to have registered the two ports alone.
    pub fn at(issuer: &IssuerUrl) -> Self {
        if issuer.as_str() == UNNAMED_ISSUER { Self::TwoPorts } else { Self::AnyPort }
    }

    /// Returns how redirect addresses name this machine: as those of the Codex CLI do (design D6).
    pub const fn host(self) -> &'static str {
        match self {
            Self::AnyPort | Self::TwoPorts => "127.0.0.1",
        }
    }
}

/// The path of the callback.
pub const CALLBACK_PATH: &str = "/auth/callback";
/// The path of the callback of the native gateway sign-in.
pub const GATEWAY_CALLBACK_PATH: &str = "/callback";
/// The path of the redirect address that a device sign-in names when it redeems its code; nothing is served there.
pub const DEVICE_CALLBACK_PATH: &str = "/deviceauth/callback";
/// Where the Codex CLI sends a browser.
pub const AUTHORIZE_PATH: &str = "/oauth/authorize";
/// Where the Codex CLI posts tokens.
pub const TOKEN_PATH: &str = "/oauth/token";
/// Where the Codex CLI posts revocations.
pub const REVOKE_PATH: &str = "/oauth/revoke";
