//! A model server that other people wrote, behind both gateways: LiteLLM, which answers with a text of its configuration.
//!
//! In the form of Responses it cannot stream such a text. So the models that are asked in that form lead, by a translation
//! of LiteLLM's own, to the one that is asked for chat completions at the same server.

use super::at_home::{Local, audit};
use crate::exec::sdks;
use anyhow::{Context as _, Result, bail, ensure};
use keyfob_e2e::leak::{Kind, Stream};
use keyfob_e2e::process::{Finished, LIMIT, Program, Running};
use keyfob_e2e::{Home, World, codex, environment, files, free_address};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What it answers, whatever it is asked.
const TEXT: &str = "Hello from LiteLLM, in place of a model that somebody else runs.";
/// It has much to read before it serves, and other tests run beside it.
const TO_START: Duration = Duration::from_mins(5);
const CODEX: [&str; 3] = ["exec", "--skip-git-repo-check", "hi"];

/// LiteLLM, until it is dropped.
#[derive(Debug)]
struct LiteLlm {
    _running: Running,
    address: SocketAddr,
    key: String,
    key_file: PathBuf,
}

impl LiteLlm {
    async fn start(world: &World) -> Result<Self> {
        let home = world.home("litellm")?;
        let folder = home.folder();
        let program = environment::tools_folder()?.join("litellm/venv/bin/litellm");
        ensure!(
            program.is_file(),
            "{} is missing; `scripts/test --only litellm` installs it",
            program.display()
        );
        let (address, key) = (free_address()?, format!("sk-{}", environment::random_token()?.expose()));
        world.evidence().note(Kind::ApiKey, &key);
        let (config, key_file) = (folder.join("litellm.yaml"), folder.join("litellm.key"));
        files::replace(&key_file, key.as_bytes())?;
        // YAML reads JSON.
        files::replace(&config, configuration(address, &key).to_string().as_bytes())?;
        let running = Program::new("litellm", &program, folder)
            .args([Path::new("--config"), &config])
            .args(["--host", "127.0.0.1", "--port", &address.port().to_string()])
            // It would read a list of prices from the network.
            .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
            .env("HTTPS_PROXY", "http://127.0.0.1:9")
            .start(world.evidence())
            .await?;
        let serves = |line: &str| line.contains("Uvicorn running on");
        running.line_within(TO_START, Stream::Stderr, serves).await?;
        Ok(Self { _running: running, address, key, key_file })
    }

    fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

fn configuration(address: SocketAddr, key: &str) -> Value {
    let translated = |name: &str| {
        json!({ "model_name": name, "litellm_params": {
            "model": "openai/chat", "api_base": format!("http://{address}/v1"), "api_key": key,
            "use_chat_completions_api": true,
        } })
    };
    let made_up = json!({ "model_name": "chat", "litellm_params": {
        "model": "openai/chat", "api_key": "none", "mock_response": TEXT,
    } });
    json!({
        "model_list": [made_up, translated("codex"), translated(sdks::MODEL)],
        "general_settings": { "master_key": key },
        // What Codex says of reasoning means nothing to chat completions.
        "litellm_settings": { "drop_params": true },
    })
}

#[tokio::test]
async fn s_23_an_independent_server_streams_to_real_clients_through_both_gateways_and_its_key_stays_there()
-> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let mut world = World::start().await?;
    let litellm = LiteLlm::start(&world).await?;

    behind_edge(&mut world, &litellm, &codex).await?;
    behind_local(&world, &litellm, &codex).await?;

    drop(litellm);
    world.finish().await
}

async fn behind_edge(world: &mut World, litellm: &LiteLlm, codex: &Path) -> Result<()> {
    let home = world.home("mia")?;
    home.sign_in(&mut world.form_client()?).await?;
    let data = home.folder().join("ledger");
    files::make_folder(&data)?;
    let (url, key_file) = (litellm.base_url(), litellm.key_file.display());
    let upstream = format!("[upstream.litellm]\nurl = \"{url}\"\nkey_file = \"{key_file}\"\n");
    world.configure_gateway(&format!("data = \"{}\"\n{upstream}", data.display())).await?;
    let base_url = format!("{}/v1", world.gateway());
    home.configure_codex(&provider(&base_url, "requires_openai_auth = true"))?;

    let by_codex = home.codex(codex, &CODEX)?.run(world.evidence()).await?.expect_code(0)?;
    assert_eq!(by_codex.stdout.trim(), TEXT);
    for program in sdks::programs(&home)? {
        let words: Vec<&str> = program.iter().map(String::as_str).collect();
        let done = home.expect(0, &[&["exec", "--provider", "ours", "--"], &*words].concat()).await?;
        assert_streamed(&done)?;
    }
    let chat = Chat::ask(world, &home, &base_url, &home.token().await?).await?;
    ensure!(chat.pieces > 3, "it came in {} pieces", chat.pieces);
    assert_eq!(chat.text, TEXT);

    let used = used(world, &data).await?;
    assert_eq!(used.get("chat"), Some(&(1, chat.usage.0, chat.usage.1)));
    // The translation counts nothing of what Codex puts in; Codex is told the same and prints the sum.
    let (requests, input, output) = used.get("codex").copied().unwrap_or_default();
    let told = by_codex.stderr.split("tokens used\n").nth(1).and_then(|rest| rest.lines().next());
    assert_eq!((requests, input, told), (1, 0, Some(&*output.to_string())), "{used:?}");
    let (requests, input, output) = used.get(sdks::MODEL).copied().unwrap_or_default();
    ensure!(requests == 2 && input > 0 && output > 0, "{used:?}");
    Ok(())
}

async fn behind_local(world: &World, litellm: &LiteLlm, codex: &Path) -> Result<()> {
    let desk = world.home("desk")?.with_variable("P_KEY", &litellm.key);
    desk.configure_codex(&provider(&litellm.base_url(), "env_key = \"P_KEY\""))?;
    let local = Local::on_loopback(world, &desk).await?;
    let tool = world.home("tool")?;
    let folder = tool.folder().join("agent").display().to_string();
    desk.expect(0, &["sandbox", "init", &folder, "--gateway", local.address()?, "--model", "codex"]).await?;
    let variables = variables(&Path::new(&folder).join("env"))?;
    let value = |name| variables.get(name).with_context(|| format!("no {name}"));
    let (base_url, key) = (value("OPENAI_BASE_URL")?, value("OPENAI_API_KEY")?);
    world.evidence().note(Kind::ToolKey, key);

    let by_codex = tool.codex(codex, &CODEX)?.env("CODEX_HOME", format!("{folder}/codex"));
    assert_eq!(by_codex.run(world.evidence()).await?.expect_code(0)?.stdout.trim(), TEXT);
    for words in sdks::programs(&tool)? {
        let (program, arguments) = words.split_first().context("no program")?;
        let program = Program::new("library", Path::new(program), tool.folder()).args(arguments);
        let program = variables.iter().fold(program, |program, (name, value)| program.env(name, value));
        assert_streamed(&program.run(world.evidence()).await?.expect_code(0)?)?;
    }
    let chat = Chat::ask(world, &tool, base_url, key).await?;
    assert_eq!(chat.text, TEXT);

    let answered = audit(&desk, "agent")?;
    let asked: Vec<(&str, u64)> = answered.iter().map(|line| (line.0.as_str(), line.1)).collect();
    let times = |path| asked.iter().filter(|line| **line == (path, 200)).count();
    assert_eq!((times("/v1/responses"), times("/v1/chat/completions")), (3, 1), "{asked:?}");
    ensure!(asked.iter().all(|line| line.1 == 200), "{asked:?}");
    drop(local);
    Ok(())
}

fn provider(base_url: &str, credential: &str) -> String {
    format!(
        "model = \"codex\"\nmodel_provider = \"ours\"\n[model_providers.ours]\nname = \"Ours\"\nbase_url = \"{base_url}\"\n\
         wire_api = \"responses\"\nsupports_websockets = false\nrequest_max_retries = 0\nstream_max_retries = 0\n{credential}\n"
    )
}

fn variables(env: &Path) -> Result<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(env)?;
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

fn assert_streamed(finished: &Finished) -> Result<()> {
    let (text, bits) = sdks::streamed(finished)?;
    assert_eq!(text, TEXT);
    ensure!(bits > 3, "it came in {bits} bits");
    Ok(())
}

/// What curl got for chat completions, with the usage that the server told.
#[derive(Debug, Default)]
struct Chat {
    text: String,
    pieces: usize,
    usage: (u64, u64),
}

impl Chat {
    async fn ask(world: &World, home: &Home, base_url: &str, key: &str) -> Result<Self> {
        const BODY: &str = r#"{"model":"chat","messages":[{"role":"user","content":"hi"}],"stream":true,
            "stream_options":{"include_usage":true}}"#;
        let answer = Program::new("curl", Path::new("curl"), home.folder())
            .args(["--silent", "--show-error", "--fail-with-body", "--no-buffer", "--config", "-"])
            .args(["--json", BODY, &format!("{base_url}/chat/completions")])
            .stdin(format!("header = \"Authorization: Bearer {key}\"\n"))
            .run(world.evidence())
            .await?
            .expect_code(0)?;
        let mut events: Vec<&str> =
            answer.stdout.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        if events.pop() != Some("[DONE]") {
            bail!("no end: {answer:?}");
        }
        let mut chat = Self::default();
        for event in events {
            let event: Value = serde_json::from_str(event)?;
            if let Some(piece) = event.pointer("/choices/0/delta/content").and_then(Value::as_str) {
                chat.text.push_str(piece);
                chat.pieces += 1;
            }
            let tokens = |name: &str| event.pointer(&format!("/usage/{name}")).and_then(Value::as_u64);
            if let (Some(input), Some(output)) = (tokens("prompt_tokens"), tokens("completion_tokens")) {
                chat.usage = (input, output);
            }
        }
        Ok(chat)
    }
}

/// Returns the number of requests, the input and the output of each model, once every answer has ended.
async fn used(world: &World, data: &Path) -> Result<BTreeMap<String, (u64, u64, u64)>> {
    let settled = async {
        loop {
            let printed =
                Program::new("keyfob-gateway usage", &environment::program("keyfob-gateway")?, data)
                    .args(["usage", "--by", "model", "--output", "json", "--data"])
                    .args([data])
                    .run(world.evidence())
                    .await?
                    .expect_code(0)?;
            let report: Value = serde_json::from_str(&printed.stdout)?;
            let groups = report.get("usage").and_then(Value::as_array).context("no usage")?;
            let number =
                |group: &Value, name: &str| group.get(name).and_then(Value::as_u64).unwrap_or_default();
            if groups.iter().all(|group| number(group, "reserved") == 0) {
                let told = groups.iter().map(|group| {
                    let name = group.get("model").and_then(Value::as_str).unwrap_or_default().to_owned();
                    (
                        name,
                        (
                            number(group, "requests"),
                            number(group, "input_tokens"),
                            number(group, "output_tokens"),
                        ),
                    )
                });
                return Ok(told.collect());
            }
        }
    };
    tokio::time::timeout(LIMIT, settled).await.context("an answer has not ended")?
}
