//! Issuers that other people wrote, found by discovery and asked with standard parameters only.

use crate::tls::{BUILT_IN, behind};
use anyhow::{Result, ensure};
use keyfob_codex::client::CLIENT_ID;
use keyfob_e2e::leak::Stream;
use keyfob_e2e::process::{LIMIT, Log, Program, Running};
use keyfob_e2e::{Browser, Network, World, environment, files};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::Path;

const PROVIDER: &str = include_str!("../clients/oidc-provider.mjs");
const OPENAI: &str = include_str!("../clients/openai.mjs");

#[tokio::test]
async fn s_01_a_browser_signs_in_at_oidc_provider_which_refreshes_and_ends_the_session() -> Result<()> {
    let world = World::start().await?;
    let (mut provider, issuer) = provider(&world).await?;
    let home = world.home("mia")?;
    let arguments = ["login", "--no-browser", "--issuer", &issuer];
    let mut login = home.keyfob(&arguments)?.start(world.evidence()).await?;
    let address = home.printed_address(&login).await?;

    let browser = Browser::start(&home.browser_profile()).await?;
    browser.approve_at_provider(&address, "mia").await?;
    let told = login.finished(LIMIT).await?.expect_code(0)?.stderr;
    browser.close().await?;
    let first = home.tokens()?;
    let shown = home.expect(0, &["status", "--json"]).await?.stdout;
    let refreshed = home.expect(0, &["token", "--json", "--min-ttl", "600"]).await?.stdout;
    let second = home.tokens()?;
    let signed_out = home.expect(0, &["logout"]).await?.stderr;

    ensure!(
        told.ends_with(&format!(
            "Signed in as mia@example.org at {issuer}; credentials in `{}`\n",
            home.codex_home().join("auth.json").display()
        )),
        "{told}"
    );
    let status: Value = serde_json::from_str(&shown)?;
    assert_eq!(
        (&status["email"], &status["subject"], &status["issuer"]),
        (&json!("mia@example.org"), &json!("mia"), &json!(issuer))
    );
    let token: Value = serde_json::from_str(&refreshed)?;
    assert_eq!(token["access_token"], second.access_token.expose());
    assert_ne!(second.refresh_token, first.refresh_token);
    ensure!(!signed_out.contains("did not confirm"), "{signed_out}");
    let asked = asked(&provider);
    let names = [
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "nonce",
        "prompt",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
    ];
    let sent = json!({ "path": "/auth", "names": names, "scope": "openid profile email offline_access" });
    ensure!(asked.contains(&sent), "{asked:?}");
    let paths: Vec<&str> = asked.iter().filter_map(|asked| asked["path"].as_str()).collect();
    ensure!(paths.iter().filter(|path| **path == "/token").count() == 2, "{paths:?}");
    ensure!(paths.contains(&"/token/revocation"), "{paths:?}");
    provider.kill();
    provider.finished(LIMIT).await?;
    world.finish().await
}

#[tokio::test]
async fn s_01_a_browser_signs_in_with_the_parameters_and_answers_of_openai_played_by_a_fake() -> Result<()> {
    let network = Network::enter()?;
    let mut world = World::start_behind_tls(&network, BUILT_IN, Log::Usual).await?;
    let proxy = world.forward_proxy().await?;
    world.stop_issuer().await?;
    let folder = world.home("openai")?.codex_home();
    files::replace(&folder.join("openai.mjs"), OPENAI.as_bytes())?;
    let port = world.behind().port().to_string();
    let program = Program::new("openai", Path::new("node"), &folder).args(["openai.mjs", &port, CLIENT_ID]);
    let mut openai = program.start(world.evidence()).await?;
    openai.line(Stream::Stdout, |line| line.contains("\"ready\"")).await?;
    let home = behind(&world, &proxy, "mia", "CODEX_CA_CERTIFICATE")?;
    let mut login = home.sign_in_program()?.start(world.evidence()).await?;
    let address = home.printed_address(&login).await?;

    let browser = Browser::start_behind(&home.browser_profile(), world.names()?).await?;
    browser.approve(&address, world.owner()).await?;
    let told = login.finished(LIMIT).await?.expect_code(0)?.stderr;
    browser.close().await?;
    let first = home.tokens()?;
    home.expire_access_token(world.signing_key())?;
    home.expect(0, &["token"]).await?;
    let second = home.tokens()?;
    let signed_out = home.expect(0, &["logout"]).await?.stderr;

    ensure!(
        told.contains("Signed in as mia@example.org, workspace acct-1 at https://auth.openai.com;"),
        "{told}"
    );
    assert_ne!(second.refresh_token, first.refresh_token);
    ensure!(!signed_out.contains("did not confirm"), "{signed_out}");
    let said = openai.printed_on(Stream::Stdout);
    let asked: Vec<Value> = said.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    // The world's gateway looks for a discovery document; nobody else asks for anything unknown.
    let of_gateway = json!({ "request": "GET /.well-known/openid-configuration", "isKnown": false });
    let is_known = |asked: &&Value| asked.get("isKnown") == Some(&json!(true));
    ensure!(asked.iter().all(|asked| is_known(&asked) || *asked == of_gateway), "{asked:?}");
    openai.kill();
    openai.finished(LIMIT).await?;
    world.finish().await
}

/// Starts the provider; returns it with its address.
async fn provider(world: &World) -> Result<(Running, String)> {
    let folder = world.home("provider")?.codex_home();
    files::replace(&folder.join("oidc-provider.mjs"), PROVIDER.as_bytes())?;
    let modules = environment::tools_folder()?.join("openid-client/node_modules");
    ensure!(
        modules.join("oidc-provider/package.json").is_file(),
        "{} has no oidc-provider; `scripts/test --only openid-client` installs it",
        modules.display()
    );
    std::os::unix::fs::symlink(modules, folder.join("node_modules"))?;
    // Free a moment ago: it is told its own address before it listens.
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let program = Program::new("oidc-provider", Path::new("node"), &folder)
        // Node.js 18, which Debian 12 has, keeps WebCrypto behind this flag.
        .args(["--experimental-global-webcrypto", "oidc-provider.mjs", &port.to_string(), CLIENT_ID]);
    let running = program.start(world.evidence()).await?;
    running.line(Stream::Stdout, |line| line.contains("\"ready\"")).await?;
    Ok((running, format!("http://127.0.0.1:{port}")))
}

/// Returns what the provider was asked, in order; it says other things between.
fn asked(provider: &Running) -> Vec<Value> {
    let said = provider.printed_on(Stream::Stdout);
    said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}
