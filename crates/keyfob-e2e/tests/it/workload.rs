//! A job in CI that has no login, and shows where it runs instead.

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::Query;
use axum::http::HeaderMap;
use axum::routing::get;
use keyfob_e2e::process::Program;
use keyfob_e2e::{Home, World, files};
use keyfob_jose::{SigningKey, TokenType};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const BEARER: &str = "request-token-0123456789abcdef";

/// The platform that runs the job, as GitHub Actions does it; a real one cannot be reached from a test.
struct Platform {
    url: String,
    key: SigningKey,
    folder: TempDir,
    serving: JoinHandle<()>,
}

impl Platform {
    async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let key = SigningKey::generate()?;
        let discovery = json!({ "issuer": url, "jwks_uri": format!("{url}/jwks") }).to_string();
        let keys = key.key_set().to_string();
        let (own, signing) = (url.clone(), key.clone());
        let give = async move |headers: HeaderMap, Query(asked): Query<HashMap<String, String>>| {
            let audience = asked.get("audience").map(String::as_str).unwrap_or_default();
            let authorized =
                headers.get("authorization").is_some_and(|header| header == &format!("Bearer {BEARER}"));
            if authorized {
                json!({ "value": identity(&signing, &own, audience) }).to_string()
            } else {
                String::new()
            }
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(async move || discovery))
            .route("/jwks", get(async move || keys))
            .route("/token", get(give));
        let serving = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        let folder = tempfile::tempdir()?;
        let rules = format!(
            "[[issuer]]\nurl = \"{url}\"\nallow_private_addresses = true\n\n[[rule]]\nname = \"deploy\"\nissuer = \"{url}\"\n\
             claims = {{ repository = \"acme/app\" }}\nuser = \"mia@example.org\"\nscope = \"api.connectors.read\"\n"
        );
        files::replace(&folder.path().join("workloads.toml"), rules.as_bytes())?;
        Ok(Self { url, key, folder, serving })
    }

    async fn world(&self) -> Result<World> {
        let rules = self.folder.path().join("workloads.toml");
        World::start_with_issuer(&format!("workloads = {:?}\n", rules.display().to_string())).await
    }

    /// Returns an ID token as GitLab makes it, which puts it into the environment of its jobs.
    fn identity(&self, world: &World) -> String {
        identity(&self.key, &self.url, world.issuer())
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[expect(clippy::disallowed_methods, reason = "a platform lives in real time")]
fn identity(key: &SigningKey, platform: &str, audience: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let claims = json!({
        "iss": platform, "aud": audience, "sub": "repo:acme/app:ref:refs/heads/main", "iat": now, "exp": now + 300,
        "jti": "1", "repository": "acme/app",
    });
    key.sign(TokenType::IdToken, &claims).unwrap_or_default()
}

fn job(world: &World, home: &Home, arguments: &[&str]) -> Result<Program> {
    Ok(home.keyfob(&["workload", "--issuer", world.issuer()])?.args(arguments))
}

#[tokio::test]
async fn s_08_a_job_of_github_actions_gets_a_short_token_and_leaves_nothing_behind() -> Result<()> {
    let platform = Platform::start().await?;
    let world = platform.world().await?;
    let home = world.home("job")?;

    let in_actions = job(&world, &home, &["--json"])?
        .env("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{}/token?api-version=2.0", platform.url))
        .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", BEARER)
        .env("GITHUB_EVENT_NAME", "pull_request_target");
    let finished = in_actions.run(world.evidence()).await?.expect_code(0)?;

    let given: Value = serde_json::from_str(&finished.stdout)?;
    let token = given["access_token"].as_str().context("no token")?;
    assert_eq!((&given["schema"], &given["state"]), (&json!(1), &json!("active")));
    let claims = keyfob_jose::read_unverified(token).context("no claims")?;
    assert_eq!(
        (claims.text("scope"), claims.text("keyfob_workload")),
        (Some("api.connectors.read"), Some("deploy"))
    );
    assert!(
        finished.stderr.starts_with("warning: this job was started by `pull_request_target`"),
        "{}",
        finished.stderr
    );
    assert!(!finished.stderr.contains(BEARER), "{}", finished.stderr);
    assert_eq!(std::fs::read_dir(home.codex_home())?.count(), 0, "nothing is stored");
    world.finish().await
}

#[tokio::test]
async fn s_08_an_id_token_comes_from_a_variable_or_a_file_as_well() -> Result<()> {
    let platform = Platform::start().await?;
    let world = platform.world().await?;
    let home = world.home("job")?;
    let identity = platform.identity(&world);
    let file = platform.folder.path().join("token");
    files::replace(&file, format!("{identity}\n").as_bytes())?;

    let by_variable = job(&world, &home, &[])?.env("KEYFOB_ID_TOKEN", &identity);
    let by_variable = by_variable.run(world.evidence()).await?.expect_code(0)?;
    let by_file = job(&world, &home, &["--id-token-file", &file.display().to_string()])?;
    let by_file = by_file.run(world.evidence()).await?.expect_code(0)?;

    for printed in [&by_variable, &by_file] {
        let claims = keyfob_jose::read_unverified(printed.stdout.trim()).context("no claims")?;
        assert_eq!(claims.text("keyfob_workload"), Some("deploy"));
        assert_eq!(printed.stderr, "");
    }
    world.finish().await
}

#[tokio::test]
async fn s_08_a_job_that_no_rule_fits_or_that_shows_nothing_is_told_what_is_missing() -> Result<()> {
    let platform = Platform::start().await?;
    let world = platform.world().await?;
    let home = world.home("job")?;
    let other =
        SigningKey::generate()?.sign(TokenType::IdToken, &json!({ "iss": platform.url, "sub": "x" }))?;

    let forged = job(&world, &home, &[])?.env("KEYFOB_ID_TOKEN", &other).run(world.evidence()).await?;
    let silent = job(&world, &home, &[])?.run(world.evidence()).await?;

    let forged = forged.expect_code(1)?.stderr;
    assert!(
        forged.starts_with(&format!("error: {} gives this workload no access token\n", world.issuer())),
        "{forged}"
    );
    let silent = silent.expect_code(4)?;
    assert!(
        silent.stderr.starts_with("error: nothing here says where this runs\nhint: "),
        "{}",
        silent.stderr
    );
    assert_eq!(silent.stdout, "");
    world.finish().await
}
