//! Keeping an API key.

use anyhow::{Context as _, Result};
use keyfob_e2e::leak::Kind;
use keyfob_e2e::process::Finished;
use keyfob_e2e::{Home, World, codex};
use serde_json::{Value, json};

const KEY: &str = "sk-test-0123456789abcdefghijklmnop";

async fn pipe(world: &World, home: &Home, text: &str, arguments: &[&str]) -> Result<Finished> {
    let program = home.keyfob(&["login"])?.args(arguments).stdin(text);
    program.run(world.evidence()).await
}

#[tokio::test]
async fn s_02_c_29_a_key_from_standard_input_is_kept_as_the_codex_cli_keeps_it_and_nowhere_else() -> Result<()>
{
    let world = World::start_at_trace_level().await?;
    world.evidence().note(Kind::ApiKey, KEY);
    let home = world.home("mia")?;

    let finished =
        pipe(&world, &home, &format!("{KEY}\r\n"), &["--with-api-key", "--json"]).await?.expect_code(0)?;

    let words: Vec<&str> = finished.stderr.lines().filter(|line| !line.contains("TRACE")).collect();
    let codex_says = [
        "Reading API key from stdin...",
        "API key saved. Authentication is checked when you send a request.",
    ];
    assert_eq!(words.get(..2), Some(&codex_says[..]), "{}", finished.stderr);
    let result: Value = serde_json::from_str(&finished.stdout)?;
    assert_eq!(result, json!({ "schema": 1, "state": "active", "method": "api_key", "login": "shared" }));
    let said = "API key configured - ***\nAuthentication is checked when you send a request.\n";
    let status = home.expect(0, &["login", "status"]).await?.stderr;
    assert!(status.ends_with(said), "{status}");
    world.finish().await
}

#[tokio::test]
async fn s_02_the_real_codex_cli_writes_the_same_file_for_the_same_key() -> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let world = World::start().await?;
    world.evidence().note(Kind::ApiKey, KEY);
    let (ours, theirs) = (world.home("ours")?, world.home("theirs")?);

    pipe(&world, &ours, KEY, &["--with-api-key"]).await?.expect_code(0)?;
    let login = theirs.codex(&codex, &["login", "--with-api-key"])?.stdin(KEY);
    let finished = login.run(world.evidence()).await?.expect_code(0)?;

    assert_eq!(ours.auth_text()?, theirs.auth_text()?);
    assert!(finished.stderr.starts_with("Reading API key from stdin...\n"), "{}", finished.stderr);
    world.finish().await
}

#[tokio::test]
async fn s_02_c_29_what_is_no_key_is_refused_with_advice_and_what_is_stored_stays() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    home.sign_in(&mut world.form_client()?).await?;
    let before = home.auth_text()?;
    let refused = async |text: &str, arguments: &[&str]| {
        let finished = pipe(&world, &home, text, arguments).await?.expect_code(1)?;
        let error =
            finished.stderr.lines().find_map(|line| line.strip_prefix("error: ")).context("no error")?;
        Ok::<_, anyhow::Error>(error.to_owned())
    };

    assert_eq!(refused(" \n", &["--with-api-key"]).await?, "No API key provided via stdin.");
    let flawed = "what is on standard input is no API key: it holds a character that no key has";
    assert_eq!(refused("sk-one\nsk-two\n", &["--with-api-key"]).await?, flawed);
    let argument = "The --api-key flag is no longer supported. Pipe the key instead.";
    assert_eq!(refused("", &["--api-key", "sk-anything"]).await?, argument);
    let occupied =
        format!("a login of {} is stored in the place that the new one would take", world.issuer());
    assert_eq!(refused(KEY, &["--with-api-key"]).await?, occupied);
    assert_eq!(home.auth_text()?, before);
    world.finish().await
}

#[tokio::test]
async fn c_64_a_key_that_replaces_a_login_ends_its_session_after_the_key_is_stored() -> Result<()> {
    let world = World::start().await?;
    world.evidence().note(Kind::ApiKey, KEY);
    let (home, desk) = (world.home("mia")?, world.home("desk")?);
    home.sign_in(&mut world.form_client()?).await?;

    let replaced = pipe(&world, &home, KEY, &["--with-api-key", "--replace"]).await?.expect_code(0)?;

    assert!(!replaced.stderr.contains("warning"), "{}", replaced.stderr);
    desk.sign_in(&mut world.form_client()?).await?;
    let listed: Value = serde_json::from_str(&desk.expect(0, &["session", "list", "--json"]).await?.stdout)?;
    assert_eq!(listed["sessions"].as_array().map(Vec::len), Some(1), "only the one that looks: {listed}");
    world.finish().await
}

#[tokio::test]
async fn s_02_a_personal_access_token_is_kept_and_used_once_its_issuer_says_whose_it_is() -> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let world = World::start().await?;
    let home = world.home("mia")?;
    let token = made(&world).await?;

    let kept = pipe(&world, &home, &token, &["--with-access-token", "--issuer", world.issuer()]).await?;
    let said = kept.expect_code(0)?.stderr;
    let theirs = home
        .codex(&codex, &["login", "status"])?
        .env("CODEX_AUTHAPI_BASE_URL", format!("{}/api/accounts", world.issuer()));
    let theirs = theirs.run(world.evidence()).await?.expect_code(0)?;

    let words: Vec<&str> = said.lines().collect();
    let note = words.get(1).is_some_and(|line| line.ends_with(&format!("={}/api/accounts", world.issuer())));
    assert!(note, "{said}");
    assert_eq!(
        (words.first(), words.get(2)),
        (Some(&"Reading access token from stdin..."), Some(&"Successfully logged in"))
    );
    assert!(said.contains("With a token of mia@example.org"), "{said}");
    assert_eq!(
        serde_json::from_str::<Value>(&home.auth_text()?)?,
        json!({ "OPENAI_API_KEY": null, "personal_access_token": token })
    );
    assert_eq!(home.expect(0, &["login", "status"]).await?.stderr, theirs.stderr);
    assert_eq!(home.expect(0, &["token"]).await?.stdout.trim(), token);
    home.expect(1, &["token", "--min-ttl", "60"]).await?;
    home.expect(0, &["logout"]).await?;
    assert!(!home.has_auth_file());
    world.finish().await
}

#[tokio::test]
async fn s_02_a_token_that_its_issuer_does_not_know_is_not_kept() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    let unknown = format!("at-{}", "x".repeat(43));

    let refused = pipe(&world, &home, &unknown, &["--with-access-token", "--issuer", world.issuer()]).await?;

    let said = format!("error: {} does not accept the token (status 401)\n", world.issuer());
    assert!(refused.expect_code(1)?.stderr.contains(&said));
    let both =
        pipe(&world, &home, &unknown, &["--with-access-token", "--with-api-key"]).await?.expect_code(1)?;
    let choose = "error: Choose one login credential source: --with-api-key or --with-access-token.\n";
    assert!(both.stderr.contains(choose), "{}", both.stderr);
    assert!(!home.has_auth_file());
    world.finish().await
}

#[tokio::test]
async fn d_14_a_key_that_was_kept_here_is_signed_out_and_one_of_somebody_else_stays() -> Result<()> {
    let world = World::start().await?;
    world.evidence().note(Kind::ApiKey, KEY);
    let (ours, foreign) = (world.home("ours")?, world.home("foreign")?);
    ours.configure()?;
    foreign.configure()?;

    pipe(&world, &ours, KEY, &["--with-api-key"]).await?.expect_code(0)?;
    ours.expect(0, &["logout"]).await?;
    foreign.write_auth_text(&format!(r#"{{"auth_mode":"apikey","OPENAI_API_KEY":"{KEY}"}}"#))?;
    foreign.expect(1, &["logout"]).await?;

    assert_eq!((ours.has_auth_file(), foreign.has_auth_file()), (false, true));
    world.finish().await
}

/// Makes a personal access token of the world's owner.
async fn made(world: &World) -> Result<String> {
    let printed =
        world.on_host(&["token", "create", "--email", &world.owner().email, "--label", "laptop"]).await?;
    let token = printed.split_whitespace().find(|word| word.starts_with("at-")).context("no token")?;
    world.evidence().note(Kind::ApiKey, token);
    Ok(token.to_owned())
}
