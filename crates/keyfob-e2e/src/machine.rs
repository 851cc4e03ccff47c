//! Another machine: a mount namespace with a home, a user and programs of its own, and `sshd`, `docker` or `kubectl` before it.
//!
//! `ssh` is the real one on both sides; the connection goes over a pipe instead of a port, so that the machine can have a
//! network of its own, in which only the issuer's port leads out. Container engines are stand-ins that note how they were
//! called and run exactly that inside.

use crate::codex;
use crate::environment;
use crate::evidence::Evidence;
use crate::files;
use crate::leak::Stream;
use crate::process::{Program, Running};
use anyhow::{Context as _, Result, ensure};
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Who people are over there; no account of the machine that the tests run on.
const USER: &str = "user";
const NUMBER: &str = "61234";
const SSHD: &str = "/usr/sbin/sshd";

/// Another machine; it ends when this is dropped.
#[derive(Debug)]
pub struct Machine {
    folder: PathBuf,
    /// Holds the namespaces.
    holder: Running,
}

/// What a machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Has {
    /// `keyfob`.
    Keyfob,
    /// The real Codex CLI, and nothing of ours.
    Codex,
    /// Nothing of ours.
    Nothing,
}

impl Machine {
    /// Makes a machine called `remote` for `ssh`, with a network of its own in which the issuer is at its usual address.
    pub(crate) async fn behind_ssh(
        folder: PathBuf,
        has: Has,
        issuer_port: u16,
        evidence: &Evidence,
    ) -> Result<Self> {
        ensure!(Path::new(SSHD).is_file(), "no `sshd`; Debian's package `openssh-server` has it");
        let machine = Self::make(folder, has, &["--net", "--mount"], evidence).await?;
        let number = machine.holder.number();
        machine.key("host_key")?;
        machine.key("key")?;
        let own = machine.home().join(".ssh");
        files::make_folder(&own)?;
        std::fs::copy(machine.folder.join("key.pub"), own.join("authorized_keys"))?;
        machine.give_home_away()?;
        let host_key = std::fs::read_to_string(machine.folder.join("host_key.pub"))?;
        machine.write("known_hosts", &format!("remote {host_key}"))?;
        let shown = machine.folder.display();
        machine.write(
            "sshd_config",
            &format!(
                "HostKey {shown}/host_key\nAuthorizedKeysFile .ssh/authorized_keys\nStrictModes no\n\
                 PasswordAuthentication no\nKbdInteractiveAuthentication no\nSubsystem sftp internal-sftp\n\
                 LogLevel ERROR\n"
            ),
        )?;
        machine.write(
            "ssh_config",
            &format!(
                "Host remote\n  IdentityFile {shown}/key\n  IdentitiesOnly yes\n  UserKnownHostsFile {shown}/known_hosts\n  \
                 GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n  LogLevel ERROR\n  \
                 RemoteForward 127.0.0.1:{issuer_port} 127.0.0.1:{issuer_port}\n  \
                 ProxyCommand nsenter --target {number} --net --mount {SSHD} -i -f {shown}/sshd_config\n"
            ),
        )?;
        for program in ["ssh", "scp"] {
            // Its own home is not where `ssh` looks for its settings.
            let real = format!("/usr/bin/{program}");
            machine.tool(program, &format!("exec {real} -F '{shown}/ssh_config' \"$@\"\n"))?;
        }
        Ok(machine)
    }

    /// Makes a container called `web`, which is a pod of this name too.
    pub(crate) async fn container(folder: PathBuf, has: Has, evidence: &Evidence) -> Result<Self> {
        let machine = Self::make(folder, has, &["--mount"], evidence).await?;
        let number = machine.holder.number();
        let inside = format!(
            "nsenter --target {number} --mount env -i HOME=/home/{USER} PATH=/usr/local/bin:/usr/bin:/bin"
        );
        let calls = format!("printf '%s\\n' \"$*\" >> '{}/calls'\n", machine.folder.display());
        let docker = format!(
            "{calls}case $1 in\nexec) shift; if [ \"$1\" = -i ]; then shift; fi; [ \"$1\" = web ] || exit 1; shift\n\
             exec {inside} \"$@\";;\ncp) exec {inside} sh -c 'cat > \"$1\"' sh \"${{3#web:}}\" < \"$2\";;\nesac\nexit 1\n"
        );
        machine.tool("docker", &docker)?;
        let kubectl = format!(
            "{calls}[ \"$1 $2 $3\" = 'exec -i web' ] || exit 1\nwhile [ \"$1\" != -- ]; do shift; done; shift\n\
             exec {inside} \"$@\"\n"
        );
        machine.tool("kubectl", &kubectl)?;
        Ok(machine)
    }

    async fn make(folder: PathBuf, has: Has, unshared: &[&str], evidence: &Evidence) -> Result<Self> {
        for part in [&*format!("homes/{USER}"), "programs", "tools"] {
            files::make_folder(&folder.join(part))?;
        }
        let accounts = std::fs::read_to_string("/etc/passwd")?;
        let account = format!("{USER}:*:{NUMBER}:{NUMBER}::/home/{USER}:/bin/sh\n");
        files::replace(&folder.join("passwd"), format!("{accounts}{account}").as_bytes())?;
        for (path, mode) in [("passwd", 0o644), ("programs", 0o755), ("homes", 0o755)] {
            std::fs::set_permissions(folder.join(path), std::fs::Permissions::from_mode(mode))?;
        }
        let program = match has {
            Has::Keyfob => Some(("keyfob", environment::program("keyfob")?)),
            Has::Codex => Some(("codex", codex::installed()?.context("no Codex CLI")?)),
            Has::Nothing => None,
        };
        let program = match program {
            Some((name, path)) => {
                files::replace(&folder.join("programs").join(name), b"")?;
                format!("mount --bind '{}' programs/{name} && ", path.display())
            }
            None => String::new(),
        };
        let script = format!(
            "{program}mount --rbind programs /usr/local/bin && mount --rbind homes /home && \
             mount --bind passwd /etc/passwd && mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && \
             {{ ip link set lo up || true; }} && echo up && exec cat"
        );
        let holder = Program::new("machine", Path::new("unshare"), &folder)
            .args(unshared)
            .args(["--propagation", "private", "sh", "-c", &script])
            .stdin_open("")
            .start(evidence)
            .await?;
        holder.line(Stream::Stdout, |line| line == "up").await.context("no machine, which needs root")?;
        Ok(Self { folder, holder })
    }

    /// Returns the home over there.
    pub fn home(&self) -> PathBuf {
        self.folder.join("homes").join(USER)
    }

    /// Returns the search path of people here who reach the machine.
    pub fn search_path(&self) -> Result<OsString> {
        let tools = self.folder.join("tools");
        Ok(std::env::join_paths(
            std::iter::once(tools).chain(std::env::split_paths(&environment::search_path())),
        )?)
    }

    /// Returns how the stand-ins were called.
    pub fn calls(&self) -> Result<Vec<String>> {
        let calls = std::fs::read_to_string(self.folder.join("calls"))?;
        Ok(calls.lines().map(str::to_owned).collect())
    }

    /// Returns `ssh` to the machine, which runs `command`.
    pub fn ssh(&self, name: &str, command: &str) -> Program {
        self.ssh_with(name, &[], command)
    }

    /// Returns `ssh` with these options, which runs `command`.
    pub fn ssh_with(&self, name: &str, options: &[&str], command: &str) -> Program {
        let ssh = self.folder.join("tools/ssh");
        Program::new(name, &ssh, &self.folder).args(options).args(["user@remote", command])
    }

    /// Returns `script`, run over there by somebody else who has an account there.
    pub fn as_stranger(&self, script: &str) -> Program {
        let number = self.holder.number().to_string();
        Program::new("stranger", Path::new("nsenter"), &self.folder)
            .args(["--target", &number, "--net", "--mount", "setpriv", "--reuid=61235", "--regid=61235"])
            .args(["--clear-groups", "sh", "-c", script])
    }

    /// Lets the user over there own what is in the home.
    pub fn give_home_away(&self) -> Result<()> {
        let owner = format!("{NUMBER}:{NUMBER}");
        let done = Command::new("chown").args(["-R", &owner]).arg(self.home()).status()?;
        ensure!(done.success(), "the home cannot be given away");
        Ok(())
    }

    fn key(&self, name: &str) -> Result<()> {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
            .arg(self.folder.join(name))
            .status()?;
        ensure!(made.success(), "no key for ssh");
        Ok(())
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        files::replace(&self.folder.join(name), text.as_bytes())
    }

    fn tool(&self, name: &str, script: &str) -> Result<()> {
        let path = self.folder.join("tools").join(name);
        files::replace(&path, format!("#!/bin/sh\n{script}").as_bytes())?;
        Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?)
    }
}
