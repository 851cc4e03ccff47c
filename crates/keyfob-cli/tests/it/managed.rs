//! A machine whose administrator put files into `/etc/codex`; the program under test alone sees them.

use crate::{Home, Ran};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `/etc/codex` holds.
pub(crate) struct Managed(tempfile::TempDir);

/// `$0` is the folder with the files, and the rest the program.
const SCRIPT: &str =
    r#"mount -t tmpfs -o mode=755 tmpfs /etc && mkdir /etc/codex && cp -a "$0/." /etc/codex && exec "$@""#;

impl Managed {
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    pub(crate) fn with(self, name: &str, text: &str) -> Self {
        fs::write(self.0.path().join(name), text).unwrap();
        fs::set_permissions(self.0.path().join(name), Permissions::from_mode(0o644)).unwrap();
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Returns the program with these arguments, on this machine.
    pub(crate) fn command(&self, home: &Home, arguments: &[&str]) -> Command {
        let program = home.command(arguments);
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", SCRIPT]).arg(self.path());
        command.arg(program.get_program()).args(program.get_args());
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
    }

    pub(crate) fn run(&self, home: &Home, arguments: &[&str]) -> Ran {
        Ran::of(self.command(home, arguments).output().unwrap(), home)
    }
}

/// A repository with a project's file.
pub(crate) struct Repository(tempfile::TempDir);

impl Repository {
    pub(crate) fn with(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".git")).unwrap();
        fs::create_dir(folder.path().join(".codex")).unwrap();
        fs::write(folder.path().join(".codex/config.toml"), text).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// A folder in it.
    pub(crate) fn inside(&self) -> PathBuf {
        let folder = self.0.path().join("src");
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// Runs the program in it.
    pub(crate) fn run(&self, home: &Home, arguments: &[&str]) -> Ran {
        let mut command = home.command(arguments);
        self.clean(Ran::of(command.current_dir(self.inside()).output().unwrap(), home))
    }

    /// Puts `$REPOSITORY` in the place of its name.
    pub(crate) fn clean(&self, ran: Ran) -> Ran {
        let folder = fs::canonicalize(self.0.path()).unwrap().display().to_string();
        let clean = |text: String| text.replace(&folder, "$REPOSITORY");
        Ran { code: ran.code, stdout: clean(ran.stdout), stderr: clean(ran.stderr) }
    }
}
