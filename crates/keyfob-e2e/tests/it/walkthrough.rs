//! The walkthrough of the documentation, executed as it stands there.

use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::{environment, files};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

const PASSWORD: &str = "several words by the sea";
const LIMIT: Duration = Duration::from_mins(2);

/// Returns the commands of a document, each a line of a block of shell.
fn commands(document: &str) -> Vec<&str> {
    let blocks = document.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).filter(|line| !line.trim().is_empty()).collect()
}

/// A person's machine, with a network of its own: the addresses of the walkthrough are free there.
struct Machine {
    home: tempfile::TempDir,
    network: Child,
    servers: Vec<Child>,
}

impl Machine {
    async fn start() -> Result<Self> {
        let home = tempfile::Builder::new().prefix("walkthrough-").tempdir_in(environment::work_folder()?)?;
        files::replace(&home.path().join("password"), PASSWORD.as_bytes())?;
        let mut network = Command::new("unshare")
            .args(["--net", "sh", "-c", "ip link set lo up && echo up && exec sleep 600"])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut up = String::new();
        let stdout = network.stdout.take().context("no standard output")?;
        BufReader::new(stdout).read_line(&mut up).await?;
        ensure!(up == "up\n", "no network of one's own, which needs root");
        Ok(Self { home, network, servers: Vec::new() })
    }

    /// Executes one command; one in the background is awaited until it serves.
    async fn execute(&mut self, command: &str) -> Result<String> {
        let (line, is_server) = match command.strip_suffix(" &") {
            Some(line) => (format!("exec {line}"), true),
            None => (command.to_owned(), false),
        };
        let mut child = self.shell(&line)?;
        let mut stdin = child.stdin.take().context("no standard input")?;
        // What a person types when they are asked; who asks nothing reads nothing.
        let _closed = stdin.write_all(format!("{PASSWORD}\n").as_bytes()).await;
        drop(stdin);
        if is_server {
            let mut said = BufReader::new(child.stderr.take().context("no standard error")?);
            let mut line = String::new();
            while !line.contains("serving") {
                line.clear();
                ensure!(said.read_line(&mut line).await? > 0, "{command} ended");
            }
            // What it logs goes on to be read, so that it never waits for a reader.
            tokio::spawn(async move { said.read_to_end(&mut Vec::new()).await });
            self.servers.push(child);
            return Ok(line);
        }
        let output = child.wait_with_output().await?;
        let words = [output.stdout, output.stderr].concat();
        let words = String::from_utf8_lossy(&words).into_owned();
        ensure!(output.status.success(), "{command}: {}: {words}", output.status);
        Ok(words)
    }

    fn shell(&self, line: &str) -> Result<Child> {
        let home = self.home.path();
        let number = self.network.id().context("the network is gone")?;
        let mut path = environment::programs()?.into_os_string();
        path.push(":");
        path.push(environment::search_path());
        Ok(Command::new("nsenter")
            .args(["--net", "--target", &number.to_string(), "bash", "-c", line])
            .current_dir(home)
            .env_clear()
            .env("PATH", path)
            .env("HOME", home)
            .env("TZ", "UTC")
            .env("BROWSER", environment::program("keyfob-browse")?)
            .env("KEYFOB_BROWSE_EMAIL", "mia@example.org")
            .env("KEYFOB_BROWSE_PASSWORD_FILE", home.join("password"))
            .env("KEYFOB_BROWSE_PROFILE", home.join("browser"))
            .kill_on_drop(true)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?)
    }
}

#[tokio::test]
async fn s_01_s_09_the_walkthrough_signs_a_first_person_in_with_two_factors_in_at_most_eight_commands()
-> Result<()> {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/walkthrough.md");
    let document = std::fs::read_to_string(document)?;
    let commands = commands(&document);
    assert!((2..=8).contains(&commands.len()), "{commands:?}");
    assert!(commands.first().context("no command")?.starts_with("keyfob-issuer init"));
    let mut machine = Machine::start().await?;

    let began = Instant::now();
    let mut last = String::new();
    for command in &commands {
        last = timeout(LIMIT, machine.execute(command)).await.with_context(|| (*command).to_owned())??;
    }
    eprintln!("the walkthrough took {:.1} s", began.elapsed().as_secs_f64());

    assert!(last.contains("mia@example.org") && last.contains("http://localhost:8400"), "{last}");
    // Whoever signs in from now on is asked for the second factor.
    let again = machine.execute("keyfob-browse http://localhost:8400/account").await;
    let told = again.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(told.contains("authenticator app"), "{told}");
    Ok(())
}
