//! Whether the gateway takes the token that the Codex CLI will bring: the line that was written is run, as Codex runs it.
//!
//! The token goes to the list of models, which costs nothing, at the address that was written, and nowhere else.

use super::provider::Credential;
use keyfob_client::{GatewayUrl, Home, Network, Welcome};
use keyfob_oauth::AccessToken;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tried {
    /// It takes the token.
    Taken,
    /// It does not, and may say why.
    Refused(String),
    /// Nobody knows.
    Unclear(String),
}

/// A refresh may be in it.
const LIMIT: Duration = Duration::from_mins(1);

/// Runs the command of `credential` and shows `gateway` what it prints; nothing if Codex is to sign in by itself.
pub(super) async fn attempt(
    credential: &Credential,
    gateway: &GatewayUrl,
    home: &Home,
    network: &Network,
) -> Option<Tried> {
    let Credential::Exported { command, arguments } = credential else { return None };
    let mut program = Command::new(command);
    program.args(arguments).env("CODEX_HOME", home.path()).stdin(Stdio::null()).kill_on_drop(true);
    let output = match tokio::time::timeout(LIMIT, program.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Some(Tried::Unclear(error.to_string())),
        Err(_) => return Some(Tried::Unclear(format!("no token within {} s", LIMIT.as_secs()))),
    };
    let token = String::from_utf8(output.stdout).ok().filter(|_| output.status.success());
    let Some(token) = token.map(|line| AccessToken::new(line.trim())) else {
        let said = String::from_utf8_lossy(&output.stderr);
        return Some(Tried::Unclear(said.lines().next().unwrap_or("no token came").to_owned()));
    };
    Some(match gateway.present(network, &token).await {
        Ok(Welcome::Taken) => Tried::Taken,
        Ok(Welcome::Refused { status, message }) => {
            Tried::Refused(message.unwrap_or_else(|| format!("it answers with status {status}")))
        }
        Ok(Welcome::Unclear { status }) => Tried::Unclear(format!("it answers with status {status}")),
        Err(error) => Tried::Unclear(error.to_string()),
    })
}
