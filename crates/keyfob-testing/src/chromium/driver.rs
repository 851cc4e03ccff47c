//! The process that speaks `WebDriver`; Chromium runs in its process group.

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

#[derive(Debug)]
pub(super) struct Driver {
    child: Child,
    group: Pid,
}

impl Driver {
    /// Starts it on a port of its own choice and returns its address.
    pub(super) async fn start(home: &Path) -> Result<(Self, String)> {
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .env_clear()
            .env("PATH", search_path())
            .env("HOME", home)
            .process_group(0)
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start chromedriver; Debian's package is chromium-driver")?;
        let number = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let group = number.context("a process without a number")?;
        let stdout = child.stdout.take().context("no standard output")?;
        let driver = Self { child, group };
        let mut lines = BufReader::new(stdout).lines();
        while let Some(line) = lines.next_line().await? {
            if let Some((_, rest)) = line.split_once("started successfully on port ") {
                let port: u16 = rest.trim_end_matches('.').parse()?;
                return Ok((driver, format!("http://127.0.0.1:{port}")));
            }
        }
        bail!("chromedriver ended before it was ready")
    }

    pub(super) async fn stop(&mut self) -> Result<()> {
        self.kill();
        self.child.wait().await?;
        Ok(())
    }

    fn kill(&self) {
        // Nobody is left when it ended by itself.
        let _ended = kill_process_group(self.group, Signal::KILL);
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.kill();
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the adapter")]
fn search_path() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}
