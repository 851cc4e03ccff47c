//! Programs that are not trusted, on a machine of their own: the folder of `keyfob sandbox init` opens the gateway, and
//! nothing else.

use super::at_home::{Local, at_the_desk, audit};
use super::models;
use crate::codex_gateway::assert_answer;
use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::leak::Kind;
use keyfob_e2e::machine::{Has, Machine};
use keyfob_e2e::process::Finished;
use keyfob_e2e::{Home, World, codex, files};
use std::path::{Path, PathBuf};

/// A machine with the folder of a sandbox in the home of its user, and the port of the gateway.
struct Sandbox {
    machine: Machine,
    folder: PathBuf,
    forward: String,
    key: String,
}

impl Sandbox {
    async fn prepare(world: &World, desk: &Home, local: &Local) -> Result<Self> {
        let (machine, address) = (world.machine(Has::Codex).await?, local.address()?);
        let folder = machine.home().join("sandbox");
        let path = folder.display().to_string();
        desk.expect(0, &["sandbox", "init", &path, "--gateway", address, "--model", "demo"]).await?;
        let text = std::fs::read_to_string(folder.join("env"))?;
        let key = text.lines().find_map(|line| line.strip_prefix("OPENAI_API_KEY=")).context("no key")?;
        world.evidence().note(Kind::ToolKey, key);
        machine.give_home_away()?;
        let forward = format!("{address}:{address}");
        Ok(Self { machine, folder, forward, key: key.to_owned() })
    }

    /// Runs `command` in there, as the user.
    async fn run(&self, world: &World, command: &str) -> Result<Finished> {
        self.machine.ssh_with("agent", &["-R", &self.forward], command).run(world.evidence()).await
    }

    async fn codex(&self, world: &World) -> Result<Finished> {
        self.run(world, "CODEX_HOME=$HOME/sandbox/codex codex exec --skip-git-repo-check hi").await
    }

    /// Returns where a file of the machine is for us.
    fn at_the_desk(&self, path: &Path) -> PathBuf {
        match path.strip_prefix("/home/user") {
            Ok(rest) => self.machine.home().join(rest),
            Err(_) => path.to_owned(),
        }
    }
}

/// Asks `$1` with `$2` as its key, which is no argument of a program; prints the status.
const ASK: &str = r#"ask() { { printf 'url = "%s"\n' "$1"
printf 'header = "Authorization: Bearer %s"\n' "$2"; } |
curl --silent --output /dev/null --write-out '%{http_code}\n' --config -; }
. "$HOME/sandbox/env"
"#;

#[tokio::test]
async fn s_23_g_02_codex_answers_in_a_sandbox_with_a_key_that_opens_nothing_else_until_it_is_revoked()
-> Result<()> {
    let Some(_codex) = codex::installed()? else { return Ok(()) };
    let world = World::start().await?;
    let desk = at_the_desk(&world).await?;
    let local = Local::on_loopback(&world, &desk).await?;
    let sandbox = Sandbox::prepare(&world, &desk, &local).await?;

    assert_answer(&sandbox.codex(&world).await?.expect_code(0)?);
    let asked = format!(
        "{ASK}ask \"$OPENAI_BASE_URL/models\" \"$OPENAI_API_KEY\"; ask \"$OPENAI_BASE_URL/models\" kfl-x"
    );
    assert_eq!(sandbox.run(&world, &asked).await?.expect_code(0)?.stdout, "200\n401\n");
    let answered = audit(&desk, "sandbox")?;
    ensure!(answered.contains(&("/v1/responses".into(), 200, "whole".into())), "{answered:?}");
    assert_eq!(models(&world, &sandbox.key).await?.0, 401, "the gateway of everybody");
    let at_the_issuer = ["/oauth/userinfo", "/api/sessions"].map(|path| format!("{}{path}", world.issuer()));
    for address in at_the_issuer {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let answer = http.get(&address).bearer_auth(&sandbox.key).send().await?;
        assert_eq!(answer.status().as_u16(), 401, "{address}");
    }

    desk.expect(0, &["gateway", "local", "key", "revoke", "sandbox"]).await?;

    let asked = format!("{ASK}ask \"$OPENAI_BASE_URL/models\" \"$OPENAI_API_KEY\"");
    assert_eq!(sandbox.run(&world, &asked).await?.expect_code(0)?.stdout, "401\n");
    drop((local, sandbox));
    world.finish().await
}

#[tokio::test]
async fn g_44_whoever_is_in_the_sandbox_finds_no_secret_of_its_person_and_no_way_past_the_key() -> Result<()>
{
    let Some(_codex) = codex::installed()? else { return Ok(()) };
    let world = World::start().await?;
    let desk = at_the_desk(&world).await?;
    let run = desk.folder().join("run");
    files::make_folder(&run)?;
    let socket = run.join("local.sock").display().to_string();
    let local = Local::start(&world, &desk, &["--listen", "127.0.0.1:0", "--socket", &socket]).await?;
    let sandbox = Sandbox::prepare(&world, &desk, &local).await?;
    assert_answer(&sandbox.codex(&world).await?.expect_code(0)?);
    let (number, login) = (local.number(), desk.codex_home().join("auth.json"));

    let tries = format!(
        "cat '{login}'\ncat /proc/{number}/environ\nhead -c 1 /proc/{number}/mem\nstrace -p {number}\n\
         curl --silent --unix-socket '{socket}' http://localhost/v1/models",
        login = login.display()
    );
    for attempt in tries.lines() {
        let done = sandbox.run(&world, attempt).await?;
        ensure!(!done.status.success() && done.stdout.is_empty(), "{attempt}: {done:?}");
    }
    let without = format!(
        "{ASK}curl --silent --output /dev/null --write-out '%{{http_code}}\\n' \"$OPENAI_BASE_URL/models\"\n\
         ask \"$OPENAI_BASE_URL/models\" \"$OPENAI_API_KEY\""
    );
    assert_eq!(sandbox.run(&world, &without).await?.expect_code(0)?.stdout, "401\n200\n");

    let world_folder = desk.folder().ancestors().nth(2).context("no world around a home")?;
    let look = format!("find /home '{}' -type f -readable 2>/dev/null", world_folder.display());
    let readable = sandbox.run(&world, &look).await?.stdout;
    let tokens = desk.tokens()?;
    let refresh = tokens.refresh_token.as_ref().context("no refresh token")?;
    let secrets = [tokens.access_token.expose(), tokens.id_token.expose(), refresh.expose()];
    let inside: Vec<PathBuf> = readable.lines().map(|path| sandbox.at_the_desk(Path::new(path))).collect();
    ensure!(inside.iter().all(|path| path.starts_with(sandbox.machine.home())), "{readable}");
    ensure!(inside.contains(&sandbox.folder.join("codex/config.toml")), "{readable}");
    for path in &inside {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        let text = String::from_utf8_lossy(&bytes);
        ensure!(!secrets.iter().any(|secret| text.contains(secret)), "{} has a token", path.display());
    }
    drop((local, sandbox));
    world.finish().await
}
