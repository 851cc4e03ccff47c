//! The app-server of the real Codex CLI, through which an editor signs its person in.

use crate::tls::{behind, came_through};
use anyhow::{Context as _, Result};
use keyfob_e2e::leak::Stream;
use keyfob_e2e::process::{Log, Running};
use keyfob_e2e::{Network, World, codex};
use serde_json::{Value, json};
use url::Url;

/// The app-server takes a workspace's place from an https origin alone, so the issuer is behind TLS.
const HOST: &str = "id.keyfob.test";

#[tokio::test]
async fn s_06_an_editor_signs_in_through_the_app_server_of_the_codex_cli_sees_the_account_and_signs_out()
-> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let network = Network::enter()?;
    let world = World::start_behind_tls(&network, HOST, Log::Usual).await?;
    let proxy = world.forward_proxy().await?;
    let home = behind(&world, &proxy, "mia", "CODEX_CA_CERTIFICATE")?
        .with_variable("CODEX_APP_SERVER_LOGIN_ISSUER", world.issuer())
        .with_variable("CODEX_REVOKE_TOKEN_URL_OVERRIDE", format!("{}/oauth/revoke", world.issuer()));
    home.configure_codex(&format!("chatgpt_base_url = \"{}\"\n", world.issuer()))?;
    let program = home.codex(&codex, &["app-server"])?.stdin_open("");
    let mut editor = Editor { server: program.start(world.evidence()).await?, asked: 0 };
    editor
        .ask("initialize", json!({ "clientInfo": { "name": "test", "title": "test", "version": "1" } }))
        .await?;
    editor.server.write("{\"method\":\"initialized\"}\n").await?;

    let started = editor.ask("account/login/start", json!({ "type": "chatgpt" })).await?;
    let address = started.get("authUrl").and_then(Value::as_str).context("no address")?;
    let mut form = world.form_client()?;
    let callback = form.approve(&Url::parse(address)?, world.owner()).await?;
    form.deliver(&callback).await?;
    let completed = editor.told("account/login/completed").await?;
    let updated = editor.told("account/updated").await?;
    let tokens = home.tokens()?;
    let read = editor.ask("account/read", json!({})).await?;
    let refreshed = editor.ask("account/read", json!({ "refreshToken": true })).await?;
    let after = home.tokens()?;
    let limits = editor.ask("account/rateLimits/read", json!({})).await?;
    let by_keyfob = home.expect(0, &["login", "status"]).await?;
    let ended = editor.ask("account/logout", json!({})).await?;
    let nobody = editor.ask("account/read", json!({})).await?;

    assert_eq!(address.split('?').next(), Some("https://id.keyfob.test/oauth/authorize"));
    let login = started.get("loginId").context("no login")?;
    assert_eq!(
        completed,
        json!({ "loginId": login, "success": true, "error": null, "onboardingEntrypoint": null })
    );
    assert_eq!(updated, json!({ "authMode": "chatgpt", "planType": "pro" }));
    assert_eq!(
        read.get("account"),
        Some(
            &json!({ "type": "chatgpt", "email": "mia@example.org", "planType": "pro", "workspaceName": "Personal" })
        )
    );
    assert_eq!(refreshed.get("account"), read.get("account"));
    assert_ne!(after.refresh_token, tokens.refresh_token);
    assert_eq!(limits.pointer("/rateLimits/planType"), Some(&json!("pro")));
    assert_eq!(by_keyfob.stderr, "Logged in using ChatGPT\n");
    assert_eq!(ended, json!({}));
    assert_eq!(nobody.get("account"), Some(&Value::Null));
    assert!(!home.has_auth_file());
    for request in ["GET /api/codex/accounts/check 200", "GET /api/codex/usage 200", "POST /oauth/revoke 200"]
    {
        let (method, path) = request.split_once(' ').context("no path")?;
        world.front_logs(|line| line.starts_with(method) && line.contains(path)).await?;
    }
    came_through(&world, &proxy).await?;
    drop(editor);
    world.finish().await
}

/// Speaks to an app-server as an editor does: lines of JSON.
struct Editor {
    server: Running,
    asked: u64,
}

impl Editor {
    /// Asks for `method` and returns the result.
    async fn ask(&mut self, method: &str, parameters: Value) -> Result<Value> {
        self.asked += 1;
        let id = json!(self.asked);
        let request = json!({ "id": id, "method": method, "params": parameters });
        self.server.write(&format!("{request}\n")).await?;
        let mut answer = self.message("id", &id).await?;
        answer.get_mut("result").map(Value::take).with_context(|| format!("{method}: {answer}"))
    }

    /// Waits for the notification `method` and returns what it says.
    async fn told(&self, method: &str) -> Result<Value> {
        let mut told = self.message("method", &json!(method)).await?;
        told.get_mut("params").map(Value::take).context("it says nothing")
    }

    async fn message(&self, member: &str, value: &Value) -> Result<Value> {
        let parsed = |line: &str| serde_json::from_str::<Value>(line).ok();
        let is_wanted = |line: &str| parsed(line).is_some_and(|message| message.get(member) == Some(value));
        let line = self.server.line(Stream::Stdout, is_wanted).await?;
        parsed(&line).context("no JSON")
    }
}
