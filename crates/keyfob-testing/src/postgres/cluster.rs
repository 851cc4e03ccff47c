//! A data directory and the server on it.

use anyhow::{Context as _, Result, ensure};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How a server is stopped.
#[derive(Clone, Copy, Debug)]
pub enum Stop {
    /// What runs is rolled back.
    Fast,
    /// As by a crash; the next start recovers.
    Immediate,
}

/// A data directory in a folder that holds the server's socket and log too.
#[derive(Debug)]
pub(crate) struct Cluster(PathBuf);

/// What makes a server small and quick: it survives a crash of its own, not one of the machine.
const SETTINGS: &str = "listen_addresses=''
fsync=off
shared_buffers=32MB
max_connections=200
log_line_prefix='%m [%p] %d '
";
/// Everybody who can reach the socket is let in, but for the members of one role.
const RULES: &str = "local all +with_password scram-sha-256
local all all trust
";
/// Waits until nobody holds the lock, lingers, and ends the server unless somebody came.
const WATCH: &str = r#"
while flock --exclusive "$0" true; do
    sleep "$1"
    flock --nonblock --exclusive "$0" sh -c "$2" && exit
done"#;

impl Cluster {
    pub(crate) fn at(folder: PathBuf) -> Self {
        Self(folder)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    pub(crate) fn is_running(&self) -> bool {
        self.control(&["status"]).is_ok_and(|mut command| run(&mut command).is_ok())
    }

    /// Makes the data directory anew and starts a server on it.
    pub(crate) fn start(&self) -> Result<()> {
        match std::fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            Err(_) | Ok(()) => {}
        }
        std::fs::DirBuilder::new().mode(0o755).create(&self.0)?;
        if let Some(owner) = owner()? {
            chown(&self.0, Some(owner.user), Some(owner.group))?;
        }
        let arguments =
            ["--username=keyfob", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"];
        run(program("initdb")?.args(arguments).arg("--pgdata").arg(self.data()))?;
        let sockets = format!("unix_socket_directories='{}'\n", self.0.display());
        append(&self.data().join("postgresql.conf"), &[SETTINGS, &sockets].concat())?;
        replace(&self.data().join("pg_hba.conf"), RULES)?;
        run(&mut self.control(&["start", "--wait", "--silent"])?)?;
        self.query("postgres", "CREATE ROLE with_password").map(drop)
    }

    pub(crate) fn restart(&self, stop: Stop) -> Result<()> {
        let mode = match stop {
            Stop::Fast => "--mode=fast",
            Stop::Immediate => "--mode=immediate",
        };
        run(&mut self.control(&["restart", mode, "--wait", "--silent"])?).map(drop)
    }

    /// Ends the server `linger` seconds after nobody holds `lock` any more, and takes its folder away.
    pub(crate) fn end_when_free(&self, lock: &Path, linger: u32) -> Result<()> {
        let stop = self.control(&["stop", "--mode=immediate", "--wait", "--silent"])?;
        let words: Vec<String> = std::iter::once(stop.get_program())
            .chain(stop.get_args())
            .map(|word| format!("'{}'", word.to_string_lossy()))
            .collect();
        let end = format!("{}; rm -rf '{}'", words.join(" "), self.0.display());
        quiet(&mut Command::new("setsid"))
            .args(["--fork", "sh", "-c", WATCH])
            .arg(lock)
            .args([&linger.to_string(), &end])
            .status()
            .context("Debian's package `util-linux` has setsid")?;
        Ok(())
    }

    pub(crate) fn query(&self, database: &str, statement: &str) -> Result<String> {
        let mut psql = Command::new("psql");
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"])
            .args(["--username=keyfob", "--dbname", database, "--command", statement])
            .arg("--host")
            .arg(&self.0);
        run(&mut psql)
    }

    pub(crate) fn dump(&self, database: &str) -> Result<String> {
        run(Command::new("pg_dump")
            .args(["--username=keyfob", "--inserts", database])
            .arg("--host")
            .arg(&self.0))
    }

    fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    fn control(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = program("pg_ctl")?;
        command.args(arguments).arg("--pgdata").arg(self.data()).arg("--log").arg(self.0.join("log"));
        Ok(command)
    }
}

/// Returns one of the server's programs, run as its owner: it refuses to be root's.
fn program(name: &str) -> Result<Command> {
    let path = newest()?.join(name);
    let mut command = if owner()?.is_some() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(path);
        command
    } else {
        Command::new(path)
    };
    quiet(&mut command).current_dir("/");
    Ok(command)
}

struct Owner {
    user: u32,
    group: u32,
}

/// Returns who runs the server when we are root.
fn owner() -> Result<Option<Owner>> {
    if !rustix::process::getuid().is_root() {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    let line = users.lines().find(|line| line.starts_with("postgres:"));
    let fields: Vec<&str> =
        line.context("Debian's package `postgresql` makes this user")?.split(':').collect();
    match fields.as_slice() {
        [_, _, user, group, ..] => Ok(Some(Owner { user: user.parse()?, group: group.parse()? })),
        _ => Ok(None),
    }
}

/// Returns the folder of the newest server's programs.
fn newest() -> Result<PathBuf> {
    let versions =
        std::fs::read_dir("/usr/lib/postgresql").context("Debian's package `postgresql` is needed")?;
    let versions =
        versions.filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.parse::<u32>().ok());
    let version = versions.max().context("Debian's package `postgresql` is needed")?;
    Ok(PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")))
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

fn run(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).output();
    let output = output.with_context(|| format!("cannot run {name}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name} {:?}: {complaint}", command.get_args());
    Ok(String::from_utf8(output.stdout)?)
}

fn append(path: &Path, text: &str) -> Result<()> {
    Ok(std::fs::OpenOptions::new().append(true).open(path)?.write_all(text.as_bytes())?)
}

fn replace(path: &Path, text: &str) -> Result<()> {
    Ok(std::fs::OpenOptions::new().write(true).truncate(true).open(path)?.write_all(text.as_bytes())?)
}
