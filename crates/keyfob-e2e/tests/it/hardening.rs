//! What others on the machine, and the system itself, get to see of a running `keyfob`.

use anyhow::{Result, ensure};
use keyfob_e2e::World;
use keyfob_e2e::leak::Stream;
use keyfob_e2e::process::{LIMIT, Program};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;

const SIGABRT: i32 = 6;
/// Allows core files, then becomes the program.
const WITH_CORE: &str = r#"ulimit -c unlimited && exec "$@""#;

#[tokio::test]
async fn c_47_an_abort_leaves_no_core_and_nobody_else_reads_the_environment() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("core")?;
    let under = ["sh", "-c", WITH_CORE, "sh"].map(str::to_owned);
    let arguments = ["login", "--no-browser", "--issuer", world.issuer()];
    let mut login = home.keyfob_under(&under, &arguments)?.start(world.evidence()).await?;
    let address = home.printed_address(&login).await?;
    world.evidence().note_address(&address);
    let process = Path::new("/proc").join(login.number().to_string());

    let shown = ["cmdline", "environ", "mem", "maps"].map(|name| process.join(name));
    let mut read = Vec::new();
    for path in shown {
        let stranger = Program::new("cat", Path::new("setpriv"), Path::new("/"))
            .args(["--reuid=65534", "--regid=65534", "--clear-groups", "cat"])
            .args([&path]);
        read.push(stranger.run(world.evidence()).await?.status.success());
    }
    login.abort();
    let ended = login.finished(LIMIT).await?.status;

    ensure!(read == [true, false, false, false], "a stranger reads cmdline, environ, mem, maps: {read:?}");
    ensure!(ended.signal() == Some(SIGABRT) && !ended.core_dumped(), "{ended:?}");
    world.finish().await
}

#[tokio::test]
async fn an_abort_of_another_program_would_leave_a_core() -> Result<()> {
    let world = World::start().await?;
    let script = "ulimit -c unlimited && echo ready && exec sleep 300";
    let home = world.home("core")?;
    let program = Program::new("sh", Path::new("/bin/sh"), &home.codex_home()).args(["-c", script]);
    let mut running = program.start(world.evidence()).await?;
    running.line(Stream::Stdout, |line| line == "ready").await?;

    running.abort();

    ensure!(
        running.finished(LIMIT).await?.status.core_dumped(),
        "this machine writes no cores: nothing was shown"
    );
    world.finish().await
}
