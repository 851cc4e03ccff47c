//! Whether the real Codex CLI takes the configuration: it is started as an editor starts it, and asked about the provider.
//!
//! Nothing is sent to a model, and no sign-in begins.

use super::provider::Provider;
use crate::environment;
use keyfob_client::Home;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

/// What the Codex CLI made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Checked {
    /// It knows the provider, with the kind of sign-in that was written.
    Accepted(Version),
    /// It does not; its own words.
    Refused(String),
    /// It knows no `gateway_oauth` yet.
    TooOld(Version),
    /// There is none in `PATH`.
    NotThere,
    /// It did not say.
    Unclear(String),
}

/// A version, as far as it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub(super) u64, pub(super) u64);

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// The first with `gateway_oauth`.
pub(super) const LEAST: Version = Version(0, 169);
/// A first start lays out its home.
const LIMIT: Duration = Duration::from_mins(1);

const TO_END: Duration = Duration::from_secs(5);

/// Asks the Codex CLI at `codex` about `provider` in `home`.
pub(super) async fn check(codex: &Path, home: &Home, provider: &Provider) -> Checked {
    let asked = async {
        let version = match version(codex).await {
            Ok(Some(version)) => version,
            Ok(None) => return Checked::Unclear("it does not tell its version".into()),
            Err(error) => return Checked::Unclear(error.to_string()),
        };
        if version < LEAST {
            return Checked::TooOld(version);
        }
        match ask(codex, home, provider).await {
            Ok(answer) => answer.map_or_else(
                || Checked::Unclear("it ended without an answer".into()),
                |answer| answer.map_or_else(Checked::Refused, |()| Checked::Accepted(version)),
            ),
            Err(error) => Checked::Unclear(error.to_string()),
        }
    };
    let late = || Checked::Unclear(format!("no answer within {} s", LIMIT.as_secs()));
    tokio::time::timeout(LIMIT, asked).await.unwrap_or_else(|_| late())
}

async fn version(codex: &Path) -> std::io::Result<Option<Version>> {
    let output = command(codex).arg("--version").stdin(Stdio::null()).output().await?;
    Ok(version_in(&String::from_utf8_lossy(&output.stdout)))
}

fn version_in(text: &str) -> Option<Version> {
    let mut numbers = text.split_whitespace().last()?.split('.');
    Some(Version(numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Returns the answer about the provider; nothing if there was none.
async fn ask(codex: &Path, home: &Home, provider: &Provider) -> std::io::Result<Option<Result<(), String>>> {
    let messages = [
        json!({ "id": 1, "method": "initialize", "params": {
            "clientInfo": { "name": "keyfob", "title": "Keyfob", "version": env!("CARGO_PKG_VERSION") },
            // Without it, a sign-in would begin by itself.
            "capabilities": { "explicitGatewayOauth": true },
        } }),
        json!({ "method": "initialized" }),
        json!({
            "id": 2, "method": "account/gatewayOAuth/read", "params": { "modelProvider": provider.id.as_str() },
        }),
    ];
    let mut child: Child = command(codex)
        .arg("app-server")
        .env("CODEX_HOME", home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else { return Ok(None) };
    let text = messages.map(|message| message.to_string() + "\n").concat();
    // Whoever does not read it has ended, which is seen below.
    let _closed = input.write_all(text.as_bytes()).await;
    let mut lines = BufReader::new(output).lines();
    let mut warnings = Vec::new();
    let mut answer = None;
    while let Some(line) = lines.next_line().await? {
        let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
        warnings.extend(warning(&message));
        if message.get("id") == Some(&json!(2)) {
            answer = Some(answer_in(&message, provider, &warnings));
            break;
        }
    }
    drop(input);
    // It ends with its input; one that does not is ended, and what it said counts.
    let _ended = tokio::time::timeout(TO_END, child.wait()).await;
    Ok(answer)
}

/// Returns what is wrong with a file, if the message says so.
fn warning(message: &Value) -> Option<String> {
    let text = |member: &str| message.pointer(member).and_then(Value::as_str);
    let is_of_a_file = text("/method") == Some("configWarning") && text("/params/path").is_some();
    is_of_a_file.then(|| text("/params/details").or(text("/params/summary")).unwrap_or_default().to_owned())
}

fn answer_in(message: &Value, provider: &Provider, warnings: &[String]) -> Result<(), String> {
    let found = json!({
        "id": message.pointer("/result/providerId"), "required": message.pointer("/result/required"),
    });
    let wanted = json!({ "id": provider.id.as_str(), "required": !provider.credential.is_exported() });
    if found == wanted {
        return Ok(());
    }
    let said =
        warnings.first().map(String::as_str).or(message.pointer("/error/message").and_then(Value::as_str));
    Err(said.unwrap_or("it knows the provider and not how to sign in to it").to_owned())
}

/// Nothing but the answer is of interest, and no secret of the environment is the other program's business.
fn command(codex: &Path) -> Command {
    let mut command = Command::new(codex);
    for name in environment::names_of_secrets() {
        command.env_remove(name);
    }
    command.stderr(Stdio::null()).kill_on_drop(true);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s_23_the_version_is_the_last_word() {
        for (text, version) in [
            ("codex-cli 0.169.0\n", Some(Version(0, 169))),
            ("codex-cli 0.170.0-alpha.3", Some(Version(0, 170))),
            ("1.2", Some(Version(1, 2))),
            ("codex-cli", None),
            ("", None),
        ] {
            assert_eq!(version_in(text), version, "{text}");
        }
        assert!(Version(0, 168) < LEAST && Version(1, 0) > LEAST);
    }
}
