//! What an administrator put into `/etc/codex`, seen by the programs of one home alone.

use crate::files;
use anyhow::{Context as _, Result};
use std::ffi::OsString;
use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};

/// Puts the folder where it belongs, in a mount namespace of the program's own; nothing else of the machine's is there.
const MOUNT: &str = r#"mount -t overlay overlay -o "lowerdir=$1:/etc" /etc && mount --bind "$1/codex" /etc/codex && shift && exec "$@""#;

/// The administrator's folder.
#[derive(Clone, Debug)]
pub(crate) struct Administered {
    /// What is laid over `/etc`.
    above: PathBuf,
}

/// What is peculiar about an administrator's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peculiar {
    /// Everybody may write to it.
    Writable,
    /// It belongs to somebody else.
    Anothers,
    /// It is a link to the file.
    Link,
    /// It is a link to where nothing is.
    DanglingLink,
    /// It is a folder.
    Folder,
    /// Everybody may put files into its folder.
    InWritableFolder,
}

impl Administered {
    pub(crate) fn make(above: PathBuf) -> Result<Self> {
        let administered = Self { above };
        let folder = administered.folder();
        files::make_folder(&folder)?;
        std::fs::set_permissions(&folder, Permissions::from_mode(0o755))?;
        Ok(administered)
    }

    fn folder(&self) -> PathBuf {
        self.above.join("codex")
    }

    pub(crate) fn write(&self, name: &str, text: &[u8]) -> Result<()> {
        let path = self.folder().join(name);
        files::replace(&path, text)?;
        Ok(std::fs::set_permissions(path, Permissions::from_mode(0o644))?)
    }

    pub(crate) fn make_peculiar(&self, name: &str, how: Peculiar) -> Result<()> {
        /// A number that nobody has.
        const NOBODY: u32 = 61_236;
        let (path, beside) = (self.folder().join(name), self.above.join(name));
        let aside = || std::fs::rename(&path, &beside);
        match how {
            Peculiar::Writable => std::fs::set_permissions(&path, Permissions::from_mode(0o666)),
            Peculiar::Anothers => chown(&path, Some(NOBODY), None),
            Peculiar::Link => aside().and_then(|()| symlink(&beside, &path)),
            Peculiar::DanglingLink => aside().and_then(|()| symlink("/nowhere", &path)),
            Peculiar::InWritableFolder => {
                std::fs::set_permissions(self.folder(), Permissions::from_mode(0o777))
            }
            Peculiar::Folder => aside().and_then(|()| std::fs::create_dir(&path)),
        }
        .with_context(|| format!("{} cannot be made so", path.display()))
    }

    /// Returns the program and the first arguments with which `program` is started where the folder is; needs root.
    pub(crate) fn around(&self, program: &Path) -> (&'static Path, Vec<OsString>) {
        let words = ["--mount", "--propagation", "private", "sh", "-c", MOUNT, "sh"];
        let words = words.into_iter().map(OsString::from);
        let rest = [self.above.clone().into_os_string(), program.as_os_str().to_owned()];
        (Path::new("unshare"), words.chain(rest).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Evidence;
    use crate::process::Program;

    #[tokio::test]
    async fn an_administrators_file_is_there_for_one_program_alone() {
        let folder = tempfile::tempdir().unwrap();
        let administered = Administered::make(folder.path().join("etc")).unwrap();
        administered.write("requirements.toml", b"here\n").unwrap();
        administered.write("config.toml", b"elsewhere\n").unwrap();
        administered.make_peculiar("config.toml", Peculiar::DanglingLink).unwrap();
        let (around, words) = administered.around(Path::new("/bin/sh"));
        let look = "cd /etc/codex && ls && cat requirements.toml && stat -c '%U %a' requirements.toml . && test -f /etc/passwd";

        let seen = Program::new("sh", around, folder.path()).args(words).args(["-c", look]);
        let seen = seen.run(&Evidence::default()).await.unwrap().expect_code(0).unwrap();

        assert_eq!(seen.stdout, "config.toml\nrequirements.toml\nhere\nroot 644\nroot 755\n");
        assert!(!Path::new("/etc/codex/requirements.toml").exists());
    }
}
