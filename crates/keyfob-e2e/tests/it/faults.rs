//! File operations that fail: every one of a refresh, a login and a logout in turn, by an I/O error and a full disk.
//!
//! `close` is left out: `strace` would keep the file open, which a system whose `close` fails does not.

use crate::crash::drive;
use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::process::{Finished, LIMIT};
use keyfob_e2e::rounds::report;
use keyfob_e2e::{FormClient, Home, Store, World, files};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// System calls by which our commands touch nothing but the home.
const CALLS: [&str; 12] = [
    "flock",
    "mkdir",
    "fchmod",
    "fallocate",
    "ftruncate",
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "renameat2",
    "linkat",
    "unlink",
];
/// Files of the home that are opened, and of which some are read.
const OPENED: [&str; 7] = [
    "",
    "auth.json",
    "auth.lock",
    "auth.json.lock",
    "keyfob/refresh.lock",
    "keyfob/device_key",
    "keyfob/state.json",
];
/// What must have failed at least once in each command, so that the sweep is known to sweep.
const SURELY: [&str; 4] = ["flock", "fsync", "openat", "read"];
const ERRORS: [&str; 2] = ["EIO", "ENOSPC"];
const MOST_CALLS: u32 = 20;
/// So many files without a name does a command make at most.
const MOST_UNNAMED: u64 = 12;

#[tokio::test]
async fn r_13_any_file_operation_of_a_refresh_may_fail_and_the_next_command_is_signed_in() -> Result<()> {
    sweep(Command::Refresh, &["fallocate", "write"]).await
}

#[tokio::test]
async fn r_13_any_file_operation_of_a_login_may_fail_and_the_next_command_is_signed_in() -> Result<()> {
    sweep(Command::Login, &["fallocate", "write"]).await
}

#[tokio::test]
async fn r_13_any_file_operation_of_a_logout_may_fail_and_the_next_logout_succeeds() -> Result<()> {
    sweep(Command::Logout, &["unlink"]).await
}

async fn sweep(command: Command, also: &[&str]) -> Result<()> {
    let world = World::start().await?;
    // On a disk of its own, where the files without a name are numbered in turn.
    let home = world.home_on_small_disk("faults", Store::File).await?;
    let mut client = world.form_client()?;
    home.sign_in(&mut client).await?;
    let path = |name: &str| home.codex_home().join(name).to_string_lossy().trim_end_matches('/').to_owned();
    let mut targets = Vec::from(CALLS.map(|call| (call, Target::Any)));
    targets.extend(OPENED.map(|name| ("openat", Target::Path(path(name)))));
    targets.extend(OPENED.map(|name| ("read", Target::Path(path(name)))));
    targets.push(("write", Target::Unnamed));

    let mut failed = Vec::new();
    for (call, target) in &targets {
        'numbers: for number in 1..=MOST_CALLS {
            for error in ERRORS {
                let fault = Fault { command, call, target, error, number };
                if !fault.strikes(&world, &home, &mut client).await.with_context(|| format!("{fault:?}"))? {
                    break 'numbers;
                }
                failed.push(*call);
            }
        }
    }

    let missing: Vec<&&str> = SURELY.iter().chain(also).filter(|call| !failed.contains(call)).collect();
    ensure!(missing.is_empty(), "never failed: {missing:?}");
    world.finish().await
}

/// What is run with a fault in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Refresh,
    Login,
    Logout,
}

/// Which calls are meant.
#[derive(Debug)]
enum Target {
    Any,
    /// Those that name this file or have it open.
    Path(String),
    /// Those that have a file without a name open.
    Unnamed,
}

impl Target {
    fn paths(&self, home: &Home) -> Result<Vec<String>> {
        Ok(match self {
            Self::Any => Vec::new(),
            Self::Path(path) => vec![path.clone()],
            // The system shows such a file as its number.
            Self::Unnamed => {
                let probe = home.codex_home().join("probe");
                files::replace(&probe, b"")?;
                let last = std::fs::metadata(&probe)?.ino();
                let path = |number| home.codex_home().join(format!("#{number}")).display().to_string();
                (last + 1..last + MOST_UNNAMED).map(path).collect()
            }
        })
    }
}

/// The `number`-th such call of each thread fails.
#[derive(Clone, Copy, Debug)]
struct Fault<'a> {
    command: Command,
    call: &'a str,
    target: &'a Target,
    error: &'a str,
    number: u32,
}

impl Fault<'_> {
    /// Whether there was such a call; if so, nothing is lost.
    async fn strikes(&self, world: &World, home: &Home, client: &mut FormClient) -> Result<bool> {
        home.expire_access_token(world.signing_key())?;
        // Outside the home, which must not be touched.
        let trace = home.codex_home().with_file_name("trace");
        files::replace(&trace, b"")?;

        let finished = self.run(world, home, client, &trace).await?;

        let code = finished.status.code();
        let has_struck = std::fs::read_to_string(&trace)?.contains("(INJECTED)");
        self.check(finished)?;
        match self.command {
            Command::Refresh | Command::Login => is_signed_in(home).await?,
            Command::Logout => {
                if code != Some(0) {
                    home.expect(0, &["logout"]).await?;
                }
                ensure!(!home.is_signed_in()?, "the login is still stored");
                home.sign_in(client).await?;
            }
        }
        if has_struck {
            report(&format!("{self:?}: exit code {code:?}"));
        }
        Ok(has_struck)
    }

    async fn run(
        &self,
        world: &World,
        home: &Home,
        client: &mut FormClient,
        trace: &Path,
    ) -> Result<Finished> {
        let strace = self.strace(home, trace)?;
        let arguments: &[&str] = match self.command {
            Command::Refresh => &["token"],
            Command::Login => &["login", "--no-browser", "--issuer", world.issuer()],
            Command::Logout => &["logout"],
        };
        let mut running = home.keyfob_under(&strace, arguments)?.start(world.evidence()).await?;
        if self.command == Command::Login {
            // It fails when the login ends meanwhile, as it may.
            let _driven = drive(world, home, client, &running).await;
        }
        running.finished(LIMIT).await
    }

    /// Either it did not matter, or the store is to blame and the message says how.
    fn check(&self, finished: Finished) -> Result<()> {
        if finished.status.success() {
            return Ok(());
        }
        let finished = finished.expect_code(if self.command == Command::Login { 1 } else { 7 })?;
        let cause = if self.error == "EIO" { "Input/output error" } else { "No space left on device" };
        ensure!(finished.stderr.contains(cause), "another message: {}", finished.stderr);
        Ok(())
    }

    /// `strace`, which injects the fault; no contents are traced.
    fn strace(&self, home: &Home, trace: &Path) -> Result<Vec<String>> {
        let Self { call, error, number, .. } = self;
        let mut arguments = ["strace", "-f", "-qq", "-s", "0"].map(str::to_owned).to_vec();
        arguments.extend(["-o".to_owned(), trace.to_string_lossy().into_owned()]);
        arguments.push(format!("--trace={call}"));
        arguments.push(format!("--inject={call}:error={error}:when={number}"));
        arguments.extend(self.target.paths(home)?.iter().map(|path| format!("--trace-path={path}")));
        Ok(arguments)
    }
}

async fn is_signed_in(home: &Home) -> Result<()> {
    home.tokens().context("the login is lost")?;
    let token = home.token().await.context("the next command fails as well")?;
    ensure!(token == home.tokens()?.access_token.expose(), "what is stored is not what is used");
    Ok(())
}
