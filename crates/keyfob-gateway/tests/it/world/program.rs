//! The gateway as a program.

use super::soon;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

/// A gateway that runs until it is dropped.
pub(crate) struct Program {
    pub(crate) address: SocketAddr,
    child: Child,
    /// Reads what it logs, so that it need not wait.
    log: JoinHandle<()>,
}

impl Program {
    /// Starts `keyfob-gateway edge` with these arguments; it may have so many descriptors.
    pub(crate) async fn start(arguments: &[&str], descriptors: u32) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", &format!("ulimit -n {descriptors} && exec \"$0\" edge \"$@\"")])
            .arg(env!("CARGO_BIN_EXE_keyfob-gateway"))
            .args(arguments)
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let ready = soon(lines.next_line()).await.unwrap().unwrap();
        let address = ready.strip_prefix("keyfob-gateway: edge on http://").expect(&ready);
        let address = address.split_once(',').unwrap().0.parse().unwrap();
        let log = tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { address, child, log }
    }

    /// Ends it at once, as a crash does.
    pub(crate) async fn kill(mut self) {
        self.child.start_kill().unwrap();
        soon(self.child.wait()).await.unwrap();
        soon(self.log).await.unwrap();
    }

    /// Returns how many descriptors it has.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(self.of("fd")).unwrap().count()
    }

    /// Returns how many KiB of memory are its own.
    pub(crate) fn memory(&self) -> usize {
        let text = std::fs::read_to_string(self.of("smaps_rollup")).unwrap();
        let lines = text.lines().filter(|line| line.starts_with("Private_"));
        lines.map(|line| line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap()).sum()
    }

    fn of(&self, what: &str) -> std::path::PathBuf {
        Path::new("/proc").join(self.child.id().unwrap().to_string()).join(what)
    }
}
