//! `keyfob-gateway local` as a program, and tools that have its keys.

use anyhow::{Context as _, Result};
use keyfob_e2e::leak::{Kind, Stream};
use keyfob_e2e::process::Running;
use keyfob_e2e::{Home, World};
use serde_json::Value;
use std::path::PathBuf;

/// A gateway of one's own, which runs until it is dropped.
#[derive(Debug)]
pub(super) struct Local {
    running: Running,
    /// Where it listens: an address, or `unix:` and a path; of two, the address.
    pub(super) place: String,
}

impl Local {
    /// Starts it with these arguments, over the login of `home`.
    pub(super) async fn start(world: &World, home: &Home, arguments: &[&str]) -> Result<Self> {
        let words = [&["gateway", "local"], arguments].concat();
        let running = home.keyfob(&words)?.start(world.evidence()).await?;
        let said = |line: &str| line.starts_with("keyfob-gateway: local on");
        let line = running.line(Stream::Stderr, said).await?;
        let rest = line.strip_prefix("keyfob-gateway: local on ").context("another line")?;
        let place = rest.split([',', ' ']).next().unwrap_or_default().to_owned();
        Ok(Self { running, place })
    }

    /// Starts it on a port of loopback that is free.
    pub(super) async fn on_loopback(world: &World, home: &Home) -> Result<Self> {
        Self::start(world, home, &["--listen", "127.0.0.1:0"]).await
    }

    /// Returns the number of its process.
    pub(super) fn number(&self) -> i32 {
        self.running.number()
    }

    /// Returns its address and port.
    pub(super) fn address(&self) -> Result<&str> {
        self.place.strip_prefix("http://").context("no address")
    }

    /// Returns the socket.
    pub(super) fn socket(&self) -> Result<PathBuf> {
        Ok(self.place.strip_prefix("unix:").context("no socket")?.into())
    }
}

/// A person at the desk: signed in, with the demo gateway as the usual provider.
pub(super) async fn at_the_desk(world: &World) -> Result<Home> {
    let home = world.home("desk")?;
    home.sign_in(&mut world.form_client()?).await?;
    home.configure_codex(&format!(
        "model_provider = \"ours\"\n[model_providers.ours]\nname = \"Ours\"\nbase_url = \"{}/v1\"\n\
         requires_openai_auth = true\n",
        world.gateway()
    ))?;
    Ok(home)
}

/// Makes a key for the tool `name`.
pub(super) async fn key(world: &World, home: &Home, name: &str) -> Result<String> {
    let made = home.expect(0, &["gateway", "local", "key", "create", name]).await?;
    let key = made.stdout.trim().to_owned();
    world.evidence().note(Kind::ToolKey, &key);
    Ok(key)
}

/// What the Codex CLI of a tool is configured with, which is nobody's login.
pub(super) fn of_a_tool(local: &Local, credential: &str) -> String {
    format!(
        "model = \"demo\"\nmodel_provider = \"local\"\n[model_providers.local]\nname = \"Local\"\n\
         base_url = \"{}/v1\"\nwire_api = \"responses\"\nsupports_websockets = false\nrequest_max_retries = 0\n\
         stream_max_retries = 0\n{credential}\n",
        local.place
    )
}

/// Returns how the requests of a tool ended, in order.
pub(super) fn audit(home: &Home, tool: &str) -> Result<Vec<(String, u64, String)>> {
    let text = std::fs::read_to_string(home.codex_home().join(format!("keyfob/gateway-audit/{tool}.jsonl")))?;
    let lines = text.lines().map(|line| {
        let said: Value = serde_json::from_str(line)?;
        let member = |name: &str| said.get(name).with_context(|| format!("no {name} in {line}"));
        let text = |name: &str| Ok::<_, anyhow::Error>(member(name)?.as_str().unwrap_or_default().to_owned());
        Ok((text("path")?, member("status")?.as_u64().unwrap_or_default(), text("ended")?))
    });
    lines.collect()
}
