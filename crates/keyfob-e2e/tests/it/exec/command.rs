//! What a command gets in its environment, what it never gets, and what is refused before it runs.

use super::upstream::Upstream;
use super::{ASK, account};
use anyhow::{Result, ensure};
use keyfob_e2e::leak::Kind;
use keyfob_e2e::{Home, Scene, World, files};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

const KEY: &str = "sk-test-0123456789abcdefghijklmnop";

fn home(scene: &Scene, config: &str) -> Result<Home> {
    let home = scene.home("mia", "http://127.0.0.1:9".parse()?)?;
    home.configure_codex(config)?;
    Ok(home)
}

fn own_configuration(home: &Home, text: &str) -> Result<()> {
    let folder = home.codex_home().join("keyfob");
    files::make_folder(&folder)?;
    files::replace(&folder.join("config.toml"), text.as_bytes())
}

#[tokio::test]
async fn c_48_s_22_a_command_gets_what_its_provider_needs_and_no_other_credential() -> Result<()> {
    let scene = Scene::new()?;
    let home = home(
        &scene,
        "[model_providers.p]\nname = \"P\"\nbase_url = \"https://p.test/v1\"\nenv_key = \"P_KEY\"\n\
         http_headers = { X-Team = \"blue\" }\nenv_http_headers = { X-Trace = \"P_TRACE_TOKEN\" }\n",
    )?;
    let secrets = ["OPENAI_API_KEY", "OPENAI_ORG_ID", "CODEX_API_KEY", "CODEX_ACCESS_TOKEN", "GITHUB_TOKEN"];
    let others =
        ["AWS_SECRET_ACCESS_KEY", "CODEX_REFRESH_TOKEN_URL_OVERRIDE", "KEYFOB_ID_TOKEN", "PGPASSWORD"];
    let program = home.keyfob(&["exec", "--provider", "p", "--", "env", "--null"])?;
    let program =
        secrets.into_iter().chain(others).fold(program, |program, name| program.env(name, "sk-other"));
    let program = program.env("P_KEY", "sk-p").env("P_TRACE_TOKEN", "t-1").env("EDITOR", "vi");

    let finished = program.run(scene.evidence()).await?.expect_code(0)?;

    let found: BTreeMap<&str, &str> =
        finished.stdout.split('\0').filter_map(|entry| entry.split_once('=')).collect();
    let folder = home.codex_home();
    let expected = [
        ("CODEX_HOME", folder.to_str().unwrap_or_default()),
        ("EDITOR", "vi"),
        ("NO_COLOR", "1"),
        ("OPENAI_API_KEY", "sk-p"),
        ("OPENAI_BASE_URL", "https://p.test/v1"),
        ("OPENAI_CUSTOM_HEADERS", "X-Team: blue\nX-Trace: t-1"),
        ("P_KEY", "sk-p"),
        ("P_TRACE_TOKEN", "t-1"),
        ("RUST_BACKTRACE", "0"),
        ("TZ", "UTC"),
    ];
    let told: BTreeMap<&str, &str> =
        found.into_iter().filter(|(name, _)| !["HOME", "PATH"].contains(name)).collect();
    assert_eq!(told, BTreeMap::from(expected));
    Ok(())
}

#[tokio::test]
async fn c_23_a_login_is_not_sent_to_a_server_that_only_the_shared_configuration_names() -> Result<()> {
    let upstream = Upstream::start().await?;
    let scene = Scene::new()?;
    let address = upstream.at("/v1");
    let entry = |id: &str, url: &str| {
        format!("[model_providers.{id}]\nname = \"E\"\nbase_url = \"{url}\"\nrequires_openai_auth = true\n")
    };
    let with_user = format!("http://api.openai.com@{}/v1", upstream.address);
    let entries = [entry("evil", &address), entry("user", &with_user), entry("plain", "http://evil.test/v1")];
    let home = home(&scene, &entries.concat())?;
    let (document, _) = account()?;
    let evil = format!(
        "{} does not vouch for {}, so what it issued is not sent there",
        "https://auth.openai.com",
        upstream.at("")
    );
    let key = r#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk-stored"}"#;
    for stored in [document.as_str(), key] {
        home.write_auth_text(stored)?;
        for (id, why) in [
            ("evil", evil.as_str()),
            ("user", "the `base_url` of provider `user` has a user or a password in it"),
            (
                "plain",
                "the `base_url` of provider `plain` must use https to get a credential; http is allowed only on loopback",
            ),
        ] {
            let refused = home.expect(1, &["exec", "--provider", id, "--", "sh", "-c", ASK]).await?;
            assert_eq!(refused.stderr.lines().next(), Some(format!("error: {why}").as_str()), "{id}");
            let said: Value = serde_json::from_str(
                &home.keyfob(&["why", "--json", "--provider", id])?.run(scene.evidence()).await?.stdout,
            )?;
            assert_eq!(said["provider"]["refused"], json!(why));
        }
    }
    assert_eq!(upstream.take(), []);

    own_configuration(&home, &format!("login_origins = [\"{}\"]\n", upstream.at("")))?;
    home.expect(0, &["exec", "--provider", "evil", "--", "sh", "-c", ASK]).await?;
    ensure!(upstream.take().len() == 1, "the person names it");
    Ok(())
}

#[tokio::test]
async fn c_21_c_22_variables_and_files_of_a_repository_do_not_say_where_a_login_goes() -> Result<()> {
    let upstream = Upstream::start().await?;
    let world = World::start().await?;
    let home = world.home("mia")?;
    home.sign_in(&mut world.form_client()?).await?;
    home.configure()?;
    let evil = upstream.at("/evil");
    let names = [
        "CODEX_REFRESH_TOKEN_URL_OVERRIDE",
        "CODEX_REVOKE_TOKEN_URL_OVERRIDE",
        "CODEX_AUTHAPI_BASE_URL",
        "OPENAI_BASE_URL",
    ];
    let folder = home.codex_home().parent().map(std::path::Path::to_owned).unwrap_or_default();
    let lines: Vec<String> = names.iter().map(|name| format!("{name}={evil}\n")).collect();
    files::replace(&folder.join(".env"), lines.concat().as_bytes())?;
    files::make_folder(&folder.join(".codex"))?;
    let project = format!(
        "model_provider = \"evil\"\nchatgpt_base_url = \"{evil}\"\n[model_providers.evil]\nname = \"E\"\nbase_url = \"{evil}\"\n\
         requires_openai_auth = true\n"
    );
    files::replace(&folder.join(".codex/config.toml"), project.as_bytes())?;
    let run = async |arguments: &[&str], code: i32| {
        let program = home.keyfob(arguments)?;
        let program = names.iter().fold(program, |program, name| program.env(name, &evil));
        program.run(world.evidence()).await?.expect_code(code)
    };
    let refreshes = world.wire().tally();
    home.expire_access_token(world.signing_key())?;

    run(&["token"], 0).await?;
    home.tokens()?;
    let unknown = run(&["exec", "--provider", "evil", "--", "true"], 2).await?;
    let openai = run(&["exec", "--", "true"], 1).await?;
    run(&["logout"], 0).await?;

    ensure!(world.wire().tally().since(refreshes).refreshes == 1, "the issuer was asked");
    ensure!(unknown.stderr.contains("error: model provider `evil` not found"), "{}", unknown.stderr);
    for told in [&unknown.stderr, &openai.stderr] {
        let is_warned = told.starts_with("warning: ") && told.contains(".codex/config.toml");
        ensure!(is_warned && told.contains("`model_providers`"), "{told}");
    }
    ensure!(openai.stderr.contains("does not vouch for https://chatgpt.com"), "{}", openai.stderr);
    assert_eq!(upstream.take(), []);
    world.finish().await
}

#[tokio::test]
async fn c_30_p_54_a_key_in_the_environment_is_used_said_and_written_nowhere() -> Result<()> {
    let upstream = Upstream::start().await?;
    let world = World::start().await?;
    let home = world.home("mia")?;
    home.sign_in(&mut world.form_client()?).await?;
    world.evidence().note(Kind::ApiKey, KEY);
    home.configure_codex(&format!(
        "[model_providers.p]\nname = \"P\"\nbase_url = \"{}\"\nenv_key = \"P_KEY\"\n",
        upstream.at("/v1")
    ))?;
    let before = home.auth_text()?;
    let run = async |name: &str, arguments: &[&str]| {
        home.keyfob(arguments)?.env(name, KEY).run(world.evidence()).await?.expect_code(0)
    };

    let status: Value = serde_json::from_str(&run("CODEX_API_KEY", &["status", "--json"]).await?.stdout)?;
    let told = run("CODEX_API_KEY", &["status"]).await?.stdout;
    run("P_KEY", &["exec", "--provider", "p", "--", "sh", "-c", ASK]).await?;

    assert_eq!((&status["source"], &status["shadows"]), (&json!("CODEX_API_KEY"), &json!(["stored_login"])));
    ensure!(told.contains("Used       `CODEX_API_KEY` in the place of stored login\n"), "{told}");
    ensure!(upstream.take().iter().all(|asked| asked.bearer().is_some()));
    assert_eq!(home.auth_text()?, before);
    // Its file, its arguments and what it printed are searched.
    world.finish().await
}

#[tokio::test]
async fn p_54_a_key_is_kept_for_one_provider_and_removed_alone() -> Result<()> {
    let scene = Scene::new()?;
    let home = home(
        &scene,
        "[model_providers.p]\nname = \"P\"\n[model_providers.q]\nname = \"Q\"\nrequires_openai_auth = true\n",
    )?;
    home.write_auth_text(r#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk-stored"}"#)?;
    let login = async |id: &str| {
        let program = home.keyfob(&["login", "--provider", id, "--with-api-key"])?.stdin(format!("{KEY}\n"));
        program.run(scene.evidence()).await
    };

    let kept = login("p").await?.expect_code(0)?;
    let refused = login("q").await?.expect_code(2)?;
    let unknown = login("r").await?.expect_code(2)?;

    let file = home.codex_home().join("keyfob/providers/p/auth.json");
    assert_eq!(
        kept.stdout,
        "{\"schema\":1,\"state\":\"active\",\"method\":\"api_key\",\"provider\":\"p\"}\n"
    );
    ensure!(std::fs::read_to_string(&file)?.contains(KEY));
    assert_eq!(std::fs::metadata(&file)?.permissions().mode() & 0o777, 0o600);
    ensure!(
        refused.stderr.starts_with("error: provider `q` takes no key from the store"),
        "{}",
        refused.stderr
    );
    ensure!(unknown.stderr.starts_with("error: model provider `r` not found"), "{}", unknown.stderr);
    let gone = home.expect(0, &["logout", "--provider", "p"]).await?;
    assert_eq!(gone.stderr, "Removed the key for provider `p`\n");
    ensure!(!file.exists() && home.has_auth_file());
    let none = home.expect(0, &["logout", "--provider", "p"]).await?;
    assert_eq!(none.stderr, "No key is kept for provider `p`\n");
    Ok(())
}

#[tokio::test]
async fn p_42_a_local_provider_never_asks_for_a_login() -> Result<()> {
    let upstream = Upstream::start().await?;
    let scene = Scene::new()?;
    let home = home(&scene, "model_provider = \"ollama\"\n")?
        .with_variable("CODEX_OSS_BASE_URL", upstream.at("/v1"));

    home.expect(0, &["exec", "--", "sh", "-c", ASK]).await?;
    let said: Value = serde_json::from_str(&home.expect(0, &["why", "--json"]).await?.stdout)?;
    let alone = home.keyfob(&[])?.run(scene.evidence()).await?;

    let asked = upstream.take();
    ensure!(asked.len() == 1 && asked.iter().all(|asked| asked.bearer().is_none()), "{asked:?}");
    assert_eq!(
        (&said["state"], &said["source"], &said["provider"]["way"]),
        (&json!("active"), &Value::Null, &json!("open"))
    );
    assert_eq!(alone.status.code(), Some(2), "the help, and no sign-in: {}", alone.stderr);
    Ok(())
}

#[tokio::test]
async fn s_22_what_keeps_a_command_from_running_says_what_to_do() -> Result<()> {
    let scene = Scene::new()?;
    let home = home(
        &scene,
        "[model_providers.gateway]\nname = \"P\"\nbase_url = \"https://p.test/v1\"\nenv_key = \"P_KEY\"\n\
         env_key_instructions = \"Ask Bob.\"\n[model_providers.printer]\nname = \"P\"\n\
         base_url = \"https://p.test/v1\"\n[model_providers.printer.auth]\ncommand = \"sh\"\n\
         args = [\"-c\", \"echo broken >&2; exit 3\"]\n",
    )?;
    let run = async |code: i32, arguments: &[&str]| {
        Ok::<_, anyhow::Error>(home.expect(code, &[&["exec"], arguments].concat()).await?.stderr)
    };

    assert_eq!(
        run(1, &["--provider", "gateway", "--", "true"]).await?,
        "error: Missing environment variable: `P_KEY`. Ask Bob.\n\
         hint: set it, or keep the key for it: `keyfob login --provider gateway --with-api-key`\n"
    );
    assert_eq!(
        run(2, &["--provider", "gatway", "--", "true"]).await?,
        "error: model provider `gatway` not found\nhint: did you mean `gateway`?\n"
    );
    let failed = run(1, &["--provider", "printer", "--", "true"]).await?;
    ensure!(failed.starts_with("error: `sh` ended with exit status: 3: broken\n"), "{failed}");
    let none = run(1, &["--provider", "ollama", "--", "keyfob-no-such-program"]).await?;
    ensure!(none.starts_with("error: cannot run `keyfob-no-such-program`\n  cause: No such file"), "{none}");
    let login = run(2, &["--provider", "ollama", "--login", "shared", "--", "true"]).await?;
    ensure!(login.starts_with("error: provider `ollama` uses no login\n"), "{login}");
    ensure!(run(4, &["--", "true"]).await?.starts_with("error: not signed in\n"));
    Ok(())
}
