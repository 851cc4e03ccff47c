//! File operations that fail: every one of a refresh in turn, with an I/O error and with a full disk.

use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::process::{Finished, Program};
use keyfob_e2e::rounds::report;
use keyfob_e2e::{Home, World, files};
use std::path::Path;

/// System calls by which a refresh touches nothing but the home.
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
/// Files of the home that a refresh opens.
const OPENED: [&str; 7] = [
    "",
    "auth.json",
    "auth.lock",
    "auth.json.lock",
    "keyfob/refresh.lock",
    "keyfob/device_key",
    "keyfob/state.json",
];
const ERRORS: [&str; 2] = ["EIO", "ENOSPC"];
const MOST_CALLS: u32 = 20;

#[tokio::test]
async fn r_13_any_file_operation_of_a_refresh_may_fail_and_the_next_command_is_signed_in() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("faults")?;
    home.sign_in(&mut world.form_client()?).await?;
    let opened: Vec<String> =
        OPENED.iter().map(|name| home.codex_home().join(name).to_string_lossy().into_owned()).collect();
    let calls = CALLS.iter().map(|&call| (call, None));
    let opens = opened.iter().map(|path| ("openat", Some(path.trim_end_matches('/'))));

    let mut failed = Vec::new();
    for (call, path) in calls.chain(opens) {
        for error in ERRORS {
            for number in 1..=MOST_CALLS {
                let fault = Fault { call, path, error, number };
                if !fault.strikes(&world, &home).await.with_context(|| format!("{fault:?}"))? {
                    break;
                }
                failed.push((call, path));
            }
        }
    }

    let struck = |call: &str| failed.iter().any(|(failed, _)| *failed == call);
    ensure!(["flock", "fallocate", "fsync", "openat"].into_iter().all(struck), "only these: {failed:?}");
    world.finish().await
}

/// The `number`-th such call of each thread fails.
#[derive(Clone, Copy, Debug)]
struct Fault<'a> {
    call: &'a str,
    path: Option<&'a str>,
    error: &'a str,
    number: u32,
}

impl Fault<'_> {
    /// Whether there was such a call; if so, nothing is lost.
    async fn strikes(&self, world: &World, home: &Home) -> Result<bool> {
        home.expire_access_token(world.signing_key())?;
        let trace = home.codex_home().with_file_name("trace");
        files::replace(&trace, b"")?;

        let finished = self.program(home, &trace)?.run(world.evidence()).await?;

        let code = finished.status.code();
        let has_struck = std::fs::read_to_string(&trace)?.contains("(INJECTED)");
        self.check(finished)?;
        home.tokens().context("auth.json is lost")?;
        let token = home.token().await.context("the next command fails as well")?;
        ensure!(token == home.tokens()?.access_token.expose(), "what is stored is not what is used");
        if has_struck {
            report(&format!("{self:?}: exit code {code:?}"));
        }
        Ok(has_struck)
    }

    /// Either it did not matter, or the store is to blame and the message says how.
    fn check(&self, finished: Finished) -> Result<()> {
        if finished.status.success() {
            return Ok(());
        }
        let finished = finished.expect_code(7)?;
        let cause = if self.error == "EIO" { "Input/output error" } else { "No space left on device" };
        ensure!(finished.stderr.contains(cause), "another message: {}", finished.stderr);
        Ok(())
    }

    /// `keyfob token` under `strace`, which injects the fault; no contents are traced.
    fn program(&self, home: &Home, trace: &Path) -> Result<Program> {
        let Self { call, error, number, .. } = self;
        let mut arguments = ["strace", "-f", "-qq", "-s", "0"].map(str::to_owned).to_vec();
        arguments.extend(["-o".to_owned(), trace.to_string_lossy().into_owned()]);
        arguments.push(format!("--trace={call}"));
        arguments.push(format!("--inject={call}:error={error}:when={number}"));
        arguments.extend(self.path.map(|path| format!("--trace-path={path}")));
        home.keyfob_under(&arguments, &["token"])
    }
}
