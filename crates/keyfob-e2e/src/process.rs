//! Programs under test: each with a clean environment and a process group of its own, watched and ended.

use crate::environment;
use crate::evidence::{Evidence, Output};
use crate::leak::Stream;
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long a program may take where a scenario names no other limit.
pub const LIMIT: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// How much our programs log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// What they log unasked.
    Usual,
    /// Everything, with what their libraries log.
    Trace,
}

/// A program to be started.
#[derive(Debug)]
pub struct Program {
    name: String,
    command: Command,
    stdin: Option<String>,
    stdin_stays_open: bool,
}

impl Program {
    /// Takes the program at `path`, called `name` in reports, with `home` as home and working folder.
    pub fn new(name: &str, path: &Path, home: &Path) -> Self {
        let mut command = Command::new(path);
        command
            .env_clear()
            .env("PATH", environment::search_path())
            .env("HOME", home)
            .env("NO_COLOR", "1")
            .env("RUST_BACKTRACE", "0")
            .env("TZ", "UTC")
            .current_dir(home)
            .process_group(0)
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self { name: name.to_owned(), command, stdin: None, stdin_stays_open: false }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Lets a program of ours log as much.
    #[must_use]
    pub fn log(self, log: Log) -> Self {
        match log {
            Log::Usual => self,
            Log::Trace => self.env("KEYFOB_LOG", "trace"),
        }
    }

    /// Sends `text` on standard input, then its end.
    #[must_use]
    pub fn stdin(mut self, text: impl Into<String>) -> Self {
        self.command.stdin(Stdio::piped());
        self.stdin = Some(text.into());
        self
    }

    /// Sends `text` on standard input, which then stays open as long as the program is watched.
    #[must_use]
    pub fn stdin_open(self, text: impl Into<String>) -> Self {
        Self { stdin_stays_open: true, ..self.stdin(text) }
    }

    /// Starts it; what it prints becomes evidence.
    pub async fn start(mut self, evidence: &Evidence) -> Result<Running> {
        let mut child = self.command.spawn().with_context(|| format!("cannot start `{}`", self.name))?;
        let number = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let group = number.context("a process without a number")?;
        let mut stdin = None;
        if let (Some(text), Some(mut pipe)) = (self.stdin, child.stdin.take()) {
            match pipe.write_all(text.as_bytes()).await {
                // One that refuses before it reads may be gone.
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
                written => written?,
            }
            stdin = self.stdin_stays_open.then_some(pipe);
        }
        let (stdout, out) = collect(child.stdout.take().context("no standard output")?);
        let (stderr, err) = collect(child.stderr.take().context("no standard error")?);
        evidence.keep_output(&self.name, Stream::Stdout, stdout.clone());
        evidence.keep_output(&self.name, Stream::Stderr, stderr.clone());
        Ok(Running {
            name: self.name,
            group,
            child,
            stdout,
            stderr,
            stdin,
            collectors: [out, err],
            has_ended: false,
        })
    }

    /// Runs it to its end.
    pub async fn run(self, evidence: &Evidence) -> Result<Finished> {
        self.start(evidence).await?.finished(LIMIT).await
    }
}

/// A program that was started; dropping it before its end kills its whole process group.
///
/// What it started in the background may outlive it: that ends with the world.
#[derive(Debug)]
pub struct Running {
    name: String,
    group: Pid,
    child: Child,
    stdout: Output,
    stderr: Output,
    stdin: Option<ChildStdin>,
    collectors: [JoinHandle<()>; 2],
    has_ended: bool,
}

impl Running {
    /// Waits for a whole line for which `is_wanted` holds.
    pub async fn line(&self, stream: Stream, is_wanted: impl Fn(&str) -> bool) -> Result<String> {
        self.line_within(LIMIT, stream, is_wanted).await
    }

    /// Waits as long for a whole line for which `is_wanted` holds.
    pub async fn line_within(
        &self,
        limit: Duration,
        stream: Stream,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<String> {
        let mut output = match stream {
            Stream::Stdout => self.stdout.clone(),
            Stream::Stderr => self.stderr.clone(),
        };
        let wanted = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            text.split_inclusive('\n')
                .filter_map(|line| line.strip_suffix('\n'))
                .find(|line| is_wanted(line))
                .map(str::to_owned)
        };
        let found = match timeout(limit, output.wait_for(|bytes| wanted(bytes).is_some())).await {
            Ok(Ok(bytes)) => wanted(&bytes),
            Ok(Err(_closed)) => None,
            Err(_elapsed) => bail!("`{}` did not print the expected line: {}", self.name, self.printed()),
        };
        found.ok_or_else(|| anyhow!("`{}` ended before the expected line: {}", self.name, self.printed()))
    }

    /// Sends `text` on standard input, which was left open.
    pub async fn write(&mut self, text: &str) -> Result<()> {
        let stdin = self.stdin.as_mut().with_context(|| format!("`{}` is not listened to", self.name))?;
        Ok(stdin.write_all(text.as_bytes()).await?)
    }

    /// Waits until it takes connections at `address`.
    pub async fn serves(&self, address: SocketAddr) -> Result<()> {
        let serves = async {
            while TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        timeout(LIMIT, serves)
            .await
            .map_err(|_| anyhow!("`{}` does not serve at {address}: {}", self.name, self.printed()))
    }

    /// Waits for its end and for everything it printed; may be given up and called again.
    pub async fn finished(&mut self, limit: Duration) -> Result<Finished> {
        let ended = async {
            let status = self.child.wait().await?;
            self.has_ended = true;
            // A wait that was given up may have seen one of them end.
            for collector in self.collectors.iter_mut().filter(|collector| !collector.is_finished()) {
                collector.await?;
            }
            Ok::<_, anyhow::Error>(status)
        };
        let status = timeout(limit, ended)
            .await
            .map_err(|_| anyhow!("`{}` did not end: {}", self.name, self.printed()))??;
        Ok(Finished {
            name: self.name.clone(),
            status,
            stdout: text(&self.stdout),
            stderr: text(&self.stderr),
        })
    }

    /// Returns what it prints as data, as it comes.
    pub(crate) fn output(&self) -> Output {
        self.stdout.clone()
    }

    /// Returns its number.
    pub fn number(&self) -> i32 {
        self.group.as_raw_nonzero().get()
    }

    /// Makes the whole process group abort, which is what a core file is written for.
    pub fn abort(&self) {
        // Nobody is left when it ended by itself.
        let _ended = kill_process_group(self.group, Signal::ABORT);
    }

    /// Interrupts the whole process group, as Ctrl-C does.
    pub fn interrupt(&self) {
        // Nobody is left when it ended by itself.
        let _ended = kill_process_group(self.group, Signal::INT);
    }

    /// Kills the whole process group at once, as `kill -9` does.
    pub fn kill(&self) {
        // Nobody is left when it ended by itself.
        let _ended = kill_process_group(self.group, Signal::KILL);
    }

    /// Returns what it has printed on a stream.
    pub fn printed_on(&self, stream: Stream) -> String {
        match stream {
            Stream::Stdout => text(&self.stdout),
            Stream::Stderr => text(&self.stderr),
        }
    }

    fn printed(&self) -> String {
        format!("stdout {:?}, stderr {:?}", text(&self.stdout), text(&self.stderr))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended {
            self.kill();
        }
    }
}

/// A program that ended, and what it printed.
#[derive(Debug)]
pub struct Finished {
    name: String,
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed as data.
    pub stdout: String,
    /// What it printed for people.
    pub stderr: String,
}

impl Finished {
    /// Returns itself if the exit code is `code`.
    pub fn expect_code(self, code: i32) -> Result<Self> {
        ensure!(
            self.status.code() == Some(code),
            "`{}` ended with {} and not {code}: stdout {:?}, stderr {:?}",
            self.name,
            self.status,
            self.stdout,
            self.stderr
        );
        Ok(self)
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.borrow()).into_owned()
}

/// Reads a pipe to its end; the task ends with the last process that holds the other side.
fn collect(mut pipe: impl AsyncRead + Unpin + Send + 'static) -> (Output, JoinHandle<()>) {
    let (sender, output) = watch::channel(Vec::new());
    let task = tokio::spawn(async move {
        let mut chunk = [0; 4096];
        // A broken pipe ends the collection as its end does.
        while let Ok(length @ 1..) = pipe.read(&mut chunk).await {
            sender.send_modify(|bytes| bytes.extend(chunk.iter().take(length)));
        }
    });
    (output, task)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process_table;

    fn shell(folder: &Path, script: &str) -> Program {
        Program::new("sh", Path::new("/bin/sh"), folder).args(["-c", script])
    }

    #[tokio::test]
    async fn a_program_sees_only_the_environment_it_was_given() {
        let folder = tempfile::tempdir().unwrap();

        let finished = Program::new("env", Path::new("/usr/bin/env"), folder.path())
            .env("CODEX_HOME", "/nowhere")
            .run(&Evidence::default())
            .await
            .unwrap();

        let mut names: Vec<&str> =
            finished.stdout.lines().filter_map(|line| line.split('=').next()).collect();
        names.sort_unstable();
        assert_eq!(names, ["CODEX_HOME", "HOME", "NO_COLOR", "PATH", "RUST_BACKTRACE", "TZ"]);
    }

    #[tokio::test]
    async fn a_line_is_awaited_and_what_was_printed_is_evidence() {
        let folder = tempfile::tempdir().unwrap();
        let evidence = Evidence::default();
        let mut running = shell(folder.path(), "read word; echo ready $word >&2; exit 3")
            .stdin("now\n")
            .start(&evidence)
            .await
            .unwrap();

        let line = running.line(Stream::Stderr, |line| line.starts_with("ready")).await.unwrap();
        let finished = running.finished(LIMIT).await.unwrap();
        evidence.note(crate::leak::Kind::Password, "ready now");

        assert_eq!(line, "ready now");
        assert_eq!(finished.expect_code(3).unwrap().stderr, "ready now\n");
        let leaks: Vec<String> =
            evidence.leaks(folder.path()).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(leaks, ["Password (as it is) in stderr of `sh`"]);
    }

    #[tokio::test]
    async fn a_missing_line_is_an_error_that_shows_what_was_printed() {
        let folder = tempfile::tempdir().unwrap();
        let running = shell(folder.path(), "echo other").start(&Evidence::default()).await.unwrap();

        let error = running.line(Stream::Stdout, |line| line == "ready").await.unwrap_err();

        assert_eq!(error.to_string(), r#"`sh` ended before the expected line: stdout "other\n", stderr """#);
    }

    #[tokio::test]
    async fn dropping_a_program_ends_its_children_too() {
        let folder = tempfile::tempdir().unwrap();
        let script = "sleep 300 & sleep 300 & echo started; wait";
        let mut running = shell(folder.path(), script).start(&Evidence::default()).await.unwrap();
        running.line(Stream::Stdout, |line| line == "started").await.unwrap();
        assert_eq!(process_table::processes_of(folder.path()).len(), 3);

        let collectors =
            std::mem::replace(&mut running.collectors, [tokio::spawn(async {}), tokio::spawn(async {})]);
        drop(running);

        // The pipes close when the last holder is gone.
        for collector in collectors {
            timeout(LIMIT, collector).await.unwrap().unwrap();
        }
        assert_eq!(process_table::processes_of(folder.path()), []);
    }
}
