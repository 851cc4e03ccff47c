//! Which credential goes to which provider: said before by `keyfob why`, and seen on the wire.

use super::upstream::{Asked, Upstream};
use super::{ASK, account, fingerprint};
use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use keyfob_e2e::{Home, Scene, files};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;

/// The providers, each with what it has beside a name and an address.
const KINDS: [(&str, &str); 9] = [
    ("login", "requires_openai_auth = true\n"),
    ("login-and-variable", "requires_openai_auth = true\nenv_key = \"P_KEY\"\n"),
    ("variable", "env_key = \"P_KEY\"\nenv_key_instructions = \"Ask Bob.\"\n"),
    ("variable-and-kept", "env_key = \"P_KEY\"\n"),
    ("token", "experimental_bearer_token = \"sk-in-configuration\"\n"),
    ("headers", "http_headers = { X-Key = \"sk-in-header\" }\n"),
    ("nothing", ""),
    ("kept", ""),
    ("command", "[model_providers.command.auth]\ncommand = \"./printer\"\nrefresh_interval_ms = 3600000\n"),
];

/// The variables that are set, by name and value.
const VARIABLES: [&[(&str, &str)]; 8] = [
    &[],
    &[("CODEX_API_KEY", "sk-codex")],
    &[("CODEX_API_KEY", "")],
    &[("CODEX_ACCESS_TOKEN", "at-codex")],
    &[("P_KEY", "sk-variable")],
    &[("P_KEY", " ")],
    &[("OPENAI_API_KEY", "sk-generic")],
    &[
        ("CODEX_API_KEY", "sk-codex"),
        ("CODEX_ACCESS_TOKEN", "at-codex"),
        ("P_KEY", "sk-variable"),
        ("OPENAI_API_KEY", "sk-generic"),
    ],
];

/// What is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stored {
    Nothing,
    Key,
    Account,
}

/// What is to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Expected {
    /// This credential is sent, or none.
    Sent(Option<String>),
    /// Nothing is run, and this is the exit code.
    Refused(i32),
}

/// The published order, told once more.
fn expected(kind: &str, stored: Stored, variables: &[(&str, &str)], codex: bool, account: &str) -> Expected {
    let value = |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| *value);
    let sent = |text: &str| Expected::Sent(Some(text.to_owned()));
    let variable = || match value("P_KEY") {
        Some(text) if !text.trim().is_empty() => Some(sent(text)),
        Some(_) if !codex => Some(Expected::Refused(1)),
        Some(_) | None => None,
    };
    let login = || match (value("CODEX_API_KEY"), value("CODEX_ACCESS_TOKEN"), stored) {
        (Some(""), ..) if !codex => Expected::Refused(1),
        (Some(key), ..) if !key.is_empty() => sent(key),
        (_, Some(token), _) => sent(token),
        (_, None, Stored::Nothing) => Expected::Refused(4),
        (_, None, Stored::Key) => sent("sk-stored"),
        (_, None, Stored::Account) => sent(account),
    };
    match kind {
        "variable" => variable().unwrap_or(Expected::Refused(1)),
        "login-and-variable" | "variable-and-kept" if codex => variable().unwrap_or(Expected::Refused(1)),
        "login" | "login-and-variable" => login(),
        "variable-and-kept" => variable().unwrap_or_else(|| sent("sk-kept-too")),
        "token" => sent("sk-in-configuration"),
        "kept" if !codex => sent("sk-kept"),
        "command" => sent("sk-printed"),
        _ => Expected::Sent(None),
    }
}

#[tokio::test]
async fn s_22_d_08_p_03_what_why_says_before_is_what_goes_on_the_wire() -> Result<()> {
    let upstream = Upstream::start().await?;
    let scene = Scene::new()?;
    let home = scene.home("mia", "http://127.0.0.1:9".parse()?)?;
    let (document, account) = account()?;
    configure(&home, &upstream)?;
    for (id, key) in [("kept", "sk-kept"), ("variable-and-kept", "sk-kept-too")] {
        let keeping = home.keyfob(&["login", "--provider", id, "--with-api-key"])?.stdin(key);
        keeping.run(scene.evidence()).await?.expect_code(0)?;
    }
    // Before it ran once, nobody knows what a command prints.
    exec(&scene, &home, "command", &[]).await?;
    let mut cells = 0;
    for stored in [Stored::Nothing, Stored::Key, Stored::Account] {
        store(&home, stored, &document)?;
        for codex in [false, true] {
            own_configuration(&home, &upstream, codex)?;
            for variables in VARIABLES {
                upstream.take();
                let cell = async |kind: &'static str| {
                    let said = why(&scene, &home, kind, variables).await?;
                    let code = exec(&scene, &home, kind, variables).await?;
                    Ok::<_, anyhow::Error>((kind, said, code))
                };
                let told = try_join_all(KINDS.map(|(kind, _)| cell(kind))).await?;
                let asked = upstream.take();
                for (kind, (said, document), code) in told {
                    let place = format!("{kind}, {stored:?}, {variables:?}, codex: {codex}: {document}");
                    let of_kind = |asked: &&Asked| asked.path == format!("/{kind}/v1/responses");
                    let asked: Vec<&Asked> = asked.iter().filter(of_kind).collect();
                    let expected = expected(kind, stored, variables, codex, &account);
                    match expected {
                        Expected::Refused(exit) => {
                            ensure!(
                                (said, code) == (exit, exit) && asked.is_empty(),
                                "{place}: {said} {code} {asked:?}"
                            );
                            ensure!(document["fingerprint"].is_null(), "{place}");
                        }
                        Expected::Sent(credential) => {
                            ensure!(
                                (said, code) == (0, 0) && asked.len() == 1,
                                "{place}: {said} {code} {asked:?}"
                            );
                            let seen = asked.first().and_then(|asked| asked.bearer());
                            let seen = seen.map(|secret| secret.expose().to_owned());
                            ensure!(seen == credential, "{place}: {seen:?}");
                            let print = seen.as_deref().map(fingerprint);
                            ensure!(document["fingerprint"] == json!(print), "{place}: {print:?}");
                        }
                    }
                    cells += 1;
                }
            }
        }
    }
    assert_eq!(cells, KINDS.len() * VARIABLES.len() * 3 * 2);
    Ok(())
}

/// Says what would be sent.
async fn why(scene: &Scene, home: &Home, kind: &str, variables: &[(&str, &str)]) -> Result<(i32, Value)> {
    let program = home.keyfob(&["why", "--json", "--provider", kind])?;
    let program = variables.iter().fold(program, |program, (name, value)| program.env(name, value));
    let finished = program.run(scene.evidence()).await?;
    let code = finished.status.code().context("killed")?;
    Ok((code, serde_json::from_str(&finished.stdout).with_context(|| finished.stderr)?))
}

/// Sends it.
async fn exec(scene: &Scene, home: &Home, kind: &str, variables: &[(&str, &str)]) -> Result<i32> {
    let program = home.keyfob(&["exec", "--provider", kind, "--", "sh", "-c", ASK])?;
    let program = variables.iter().fold(program, |program, (name, value)| program.env(name, value));
    program.run(scene.evidence()).await?.status.code().context("killed")
}

fn configure(home: &Home, upstream: &Upstream) -> Result<()> {
    let entries = KINDS.map(|(id, rest)| {
        let address = upstream.at(&format!("/{id}/v1"));
        format!("[model_providers.{id}]\nname = \"{id}\"\nbase_url = \"{address}\"\n{rest}\n")
    });
    home.configure_codex(&entries.concat())?;
    let printer = home.codex_home().join("printer");
    files::replace(&printer, b"#!/bin/sh\necho sk-printed\n")?;
    std::fs::set_permissions(&printer, std::fs::Permissions::from_mode(0o700))?;
    own_configuration(home, upstream, false)
}

fn own_configuration(home: &Home, upstream: &Upstream, codex: bool) -> Result<()> {
    let folder = home.codex_home().join("keyfob");
    files::make_folder(&folder)?;
    let precedence = if codex { "codex" } else { "keyfob" };
    let text = format!("precedence = \"{precedence}\"\nlogin_origins = [\"{}\"]\n", upstream.at(""));
    files::replace(&folder.join("config.toml"), text.as_bytes())
}

fn store(home: &Home, stored: Stored, account: &str) -> Result<()> {
    match stored {
        Stored::Nothing => Ok(()),
        Stored::Key => home.write_auth_text(r#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk-stored"}"#),
        Stored::Account => home.write_auth_text(account),
    }
}
