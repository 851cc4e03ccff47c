//! OpenAI's own libraries for Python and Node.js, which take everything that they need from the environment.

use super::upstream::{Upstream, WORDS};
use anyhow::{Result, ensure};
use keyfob_e2e::process::Finished;
use keyfob_e2e::{Home, Scene, World, environment, files};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What they ask.
pub(crate) const MODEL: &str = "keyfob-demo";
const NODE: &str = include_str!("../../clients/sdk.mjs");
const PYTHON: &str = include_str!("../../clients/sdk.py");

/// Puts both programs into the home of a person; returns how each is run.
pub(crate) fn programs(home: &Home) -> Result<[Vec<String>; 2]> {
    let tools = environment::tools_folder()?.join("openai-sdks");
    let installed = |path: PathBuf| {
        let name = path.display().to_string();
        ensure!(path.exists(), "{name} is missing; `scripts/test --only openai-sdks` installs it");
        Ok(name)
    };
    let folder = home.codex_home();
    let python = installed(tools.join("venv/bin/python"))?;
    let modules = installed(tools.join("node_modules"))?;
    files::replace(&folder.join("sdk.mjs"), NODE.as_bytes())?;
    files::replace(&folder.join("sdk.py"), PYTHON.as_bytes())?;
    std::os::unix::fs::symlink(modules, folder.join("node_modules"))?;
    let at = |name: &str| folder.join(name).display().to_string();
    Ok([vec!["node".into(), at("sdk.mjs")], vec![python, at("sdk.py")]])
}

pub(crate) fn streamed(finished: &Finished) -> Result<(String, u64)> {
    let told: Value = serde_json::from_str(&finished.stdout)?;
    let text = told.get("text").and_then(Value::as_str).unwrap_or_default();
    Ok((text.to_owned(), told.get("bits").and_then(Value::as_u64).unwrap_or_default()))
}

fn arguments<'a>(provider: &'a str, program: &'a [String]) -> Vec<&'a str> {
    ["exec", "--provider", provider, "--"].into_iter().chain(program.iter().map(String::as_str)).collect()
}

#[tokio::test]
async fn s_23_the_libraries_of_openai_stream_through_our_gateway_with_account_sign_in() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    home.sign_in(&mut world.form_client()?).await?;
    home.configure_codex(&format!(
        "[model_providers.gateway]\nname = \"Gateway\"\nbase_url = \"{}/v1\"\nrequires_openai_auth = true\n",
        world.gateway()
    ))?;

    for program in programs(&home)? {
        let finished = home.expect(0, &arguments("gateway", &program)).await?;

        let (text, bits) = streamed(&finished)?;
        ensure!(text.starts_with("Hello! This is the built-in demo of keyfob-gateway"), "{text}");
        ensure!(bits > 10, "it came in {bits} bits");
    }
    world.finish().await
}

#[tokio::test]
async fn s_22_the_libraries_of_openai_stream_from_a_provider_of_each_other_kind() -> Result<()> {
    const KINDS: [(&str, &str, Option<&str>); 6] = [
        ("variable", "env_key = \"P_KEY\"\n", Some("Bearer sk-variable")),
        (
            "token",
            "experimental_bearer_token = \"sk-in-configuration\"\n",
            Some("Bearer sk-in-configuration"),
        ),
        ("kept", "", Some("Bearer sk-kept")),
        (
            "headers",
            "http_headers = { Authorization = \"Basic eDp5\", X-Team = \"blue\" }\n",
            Some("Basic eDp5"),
        ),
        ("nothing", "", None),
        (
            "command",
            "[model_providers.command.auth]\ncommand = \"echo\"\nargs = [\"sk-printed\"]\n",
            Some("Bearer sk-printed"),
        ),
    ];
    let upstream = Upstream::start().await?;
    let scene = Scene::new()?;
    let home = scene.home("mia", "http://127.0.0.1:9".parse()?)?.with_variable("P_KEY", "sk-variable");
    let entries = KINDS.map(|(id, rest, _)| {
        let address = upstream.at(&format!("/{id}/v1"));
        format!("[model_providers.{id}]\nname = \"{id}\"\nbase_url = \"{address}\"\n{rest}\n")
    });
    home.configure_codex(&entries.concat())?;
    let keeping = home.keyfob(&["login", "--provider", "kept", "--with-api-key"])?.stdin("sk-kept");
    keeping.run(scene.evidence()).await?.expect_code(0)?;

    for program in programs(&home)? {
        for (id, _, authorization) in KINDS {
            let finished = home.expect(0, &arguments(id, &program)).await?;

            let name = program.first().map(|path| Path::new(path).display().to_string());
            assert_eq!(streamed(&finished)?, (WORDS.concat(), 3), "{id}, {name:?}");
            let asked = upstream.take();
            let header = |name: &str| asked.first().and_then(|asked| asked.headers.get(name)).cloned();
            assert_eq!(
                (asked.len(), asked.first().map(|asked| asked.path.clone())),
                (1, Some(format!("/{id}/v1/responses")))
            );
            // They do not start without a key; this one says that there is none.
            let authorization = authorization.unwrap_or("Bearer no-credential");
            assert_eq!(header("authorization").as_deref(), Some(authorization), "{id}, {name:?}");
            let team = (id == "headers").then(|| "blue".to_owned());
            assert_eq!(header("x-team"), team, "{id}, {name:?}");
        }
    }
    Ok(())
}
