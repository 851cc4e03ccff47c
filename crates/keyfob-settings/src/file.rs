//! Reading a file of settings, and trusting an administrator's (security C-55).

use crate::error::SettingsError;
use crate::layer::{Layer, Origin, Sourced};
use crate::problem::Problem;
use keyfob_codex::config::InvalidConfig;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::Spanned;

/// The text of one layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) layer: Layer,
    pub(crate) file: Arc<PathBuf>,
    pub(crate) content: String,
}

/// Why a file with an administrator's word is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// It leads elsewhere, or is no file.
    #[error("it is no regular file")]
    NotRegular,
    /// It is no folder.
    #[error("it is no folder")]
    NotAFolder,
    /// Somebody else than an administrator owns it.
    #[error("it belongs to the user with the number {0}, not to root")]
    Owner(u32),
    /// Others than its owner can write it.
    #[error("others than root can write to it (mode {0:04o})")]
    Writable(u32),
}

/// Who owns what an administrator writes.
const ROOT: u32 = 0;
/// The bits of a mode that let a group or everybody write.
const OTHERS_WRITE: u32 = 0o022;
/// The bit of a folder's mode with which only owners move and remove what is in it.
const STICKY: u32 = 0o1000;
/// No configuration is larger.
const MOST_BYTES: u64 = 1024 * 1024;

impl Text {
    /// Reads the file of a layer; one that is not there says nothing.
    pub(crate) fn read(layer: Layer, path: &Path) -> Result<Option<Self>, SettingsError> {
        let Some(bytes) = read(layer, path)? else { return Ok(None) };
        let file = Arc::new(path.to_owned());
        match String::from_utf8(bytes) {
            // A mark of the order of bytes says nothing, and is in no column.
            Ok(content) => {
                let content = content.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(content);
                Ok(Some(Self { layer, file, content }))
            }
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let content = String::from_utf8_lossy(error.as_bytes()).into_owned();
                Err(Self { layer, file, content }.problem(at..at + 1, "this is no text in UTF-8"))
            }
        }
    }

    /// Returns where `span` is.
    pub(crate) fn origin(&self, span: &std::ops::Range<usize>) -> Origin {
        let before = self.content.get(..span.start).unwrap_or(&self.content);
        Origin { layer: self.layer, file: Arc::clone(&self.file), line: before.matches('\n').count() + 1 }
    }

    /// Returns the value with where it is.
    pub(crate) fn sourced<T: Clone>(&self, value: &Spanned<T>) -> Sourced<T> {
        Sourced { value: value.get_ref().clone(), origin: self.origin(&value.span()) }
    }

    /// Describes what is wrong at `span`.
    pub(crate) fn problem(&self, span: std::ops::Range<usize>, message: impl Into<String>) -> SettingsError {
        let problem = Problem::new(self.file.as_path().to_owned(), &self.content, span, message);
        SettingsError::Invalid { layer: self.layer, problem: Box::new(problem) }
    }

    /// Describes what the parser says.
    pub(crate) fn invalid(&self, error: InvalidConfig) -> SettingsError {
        let help = crate::check::help(self.layer, &error.message);
        let message = crate::check::in_words(self.layer, &self.content, &error);
        let mut problem = Problem::new(self.file.as_path().to_owned(), &self.content, error.span, message);
        problem.help = help;
        SettingsError::Invalid { layer: self.layer, problem: Box::new(problem) }
    }
}

/// Reads what a file of `layer` holds; one that is not there holds nothing.
pub(crate) fn read(layer: Layer, path: &Path) -> Result<Option<Vec<u8>>, SettingsError> {
    let problem = |source| SettingsError::Read { layer, path: path.to_owned(), source };
    let mut options = File::options();
    if layer.is_administrators() {
        // A link is not followed, and a pipe that nobody writes to is not waited for.
        let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
        options.custom_flags(flags.cast_signed());
    }
    let file = match options.read(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error)
            if layer.is_administrators()
                && error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) =>
        {
            return Err(SettingsError::Untrusted { path: path.to_owned(), why: Untrusted::NotRegular });
        }
        Err(error) => return Err(problem(error)),
    };
    if layer.is_administrators() {
        judge(&file.metadata().map_err(problem)?)
            .map_err(|why| SettingsError::Untrusted { path: path.to_owned(), why })?;
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(problem)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(problem(io::Error::new(io::ErrorKind::FileTooLarge, "it has more than 1 MiB")));
    }
    Ok(Some(bytes))
}

/// Whether an administrator's folder is there; whoever can write to it, or beside it, can put any file in it.
///
/// A link that leads nowhere is no folder that is missing: somebody meant one.
pub(crate) fn is_there(folder: &Path) -> Result<bool, SettingsError> {
    match fs::symlink_metadata(folder) {
        Ok(_) => {}
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(false);
        }
        Err(source) => return Err(unreadable(folder, source)),
    }
    let trust = |folder: &Path, may_be_sticky: bool| {
        let metadata = fs::metadata(folder).map_err(|source| unreadable(folder, source))?;
        let judged = match metadata.is_dir() {
            false => Err(Untrusted::NotAFolder),
            // Nobody moves what is another's out of one like `/tmp`.
            true if may_be_sticky && metadata.mode() & STICKY != 0 && metadata.uid() == ROOT => Ok(()),
            true => owned(&metadata),
        };
        judged.map_err(|why| SettingsError::Untrusted { path: folder.to_owned(), why })
    };
    trust(folder, false)?;
    folder.parent().map_or(Ok(()), |parent| trust(parent, true))?;
    Ok(true)
}

fn unreadable(folder: &Path, source: io::Error) -> SettingsError {
    SettingsError::Read { layer: Layer::Requirements, path: folder.to_owned(), source }
}

fn judge(metadata: &Metadata) -> Result<(), Untrusted> {
    if metadata.is_file() { owned(metadata) } else { Err(Untrusted::NotRegular) }
}

fn owned(metadata: &Metadata) -> Result<(), Untrusted> {
    if metadata.uid() != ROOT {
        Err(Untrusted::Owner(metadata.uid()))
    } else if metadata.mode() & OTHERS_WRITE != 0 {
        Err(Untrusted::Writable(metadata.mode() & 0o7777))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// Tests run as root, as an administrator does.
    fn untrusted(make: impl FnOnce(&Path)) -> Option<Untrusted> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("requirements.toml");
        make(&path);
        match read(Layer::Requirements, &path) {
            Ok(_) => None,
            Err(SettingsError::Untrusted { why, .. }) => Some(why),
            Err(error) => panic!("{error}"),
        }
    }

    fn with_mode(path: &Path, mode: u32) {
        crate::on_disk::put(path, "");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn c_55_an_administrators_file_belongs_to_root_and_nobody_else_can_write_it() {
        assert_eq!(untrusted(|path| with_mode(path, 0o644)), None);
        assert_eq!(untrusted(|path| with_mode(path, 0o666)), Some(Untrusted::Writable(0o666)));
        assert_eq!(untrusted(|path| with_mode(path, 0o664)), Some(Untrusted::Writable(0o664)));
        let foreign = |path: &Path| {
            with_mode(path, 0o600);
            std::os::unix::fs::chown(path, Some(12345), None).unwrap();
        };
        assert_eq!(untrusted(foreign), Some(Untrusted::Owner(12345)));
        let link = |path: &Path| std::os::unix::fs::symlink("/etc/passwd", path).unwrap();
        assert_eq!(untrusted(link), Some(Untrusted::NotRegular));
        let dangling = |path: &Path| std::os::unix::fs::symlink("/nowhere", path).unwrap();
        assert_eq!(untrusted(dangling), Some(Untrusted::NotRegular));
        assert_eq!(untrusted(|path| fs::create_dir(path).unwrap()), Some(Untrusted::NotRegular));
        let pipe = |path: &Path| {
            let mode = rustix::fs::Mode::from(0o600);
            rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        };
        assert_eq!(untrusted(pipe), Some(Untrusted::NotRegular));
    }

    #[test]
    fn c_55_so_does_the_folder_it_is_in() {
        let folder = tempfile::tempdir().unwrap();
        let set = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();

        set(0o755);
        assert!(is_there(folder.path()).unwrap());
        set(0o777);
        assert!(matches!(
            is_there(folder.path()),
            Err(SettingsError::Untrusted { why: Untrusted::Writable(0o777), .. })
        ));
        assert!(!is_there(&folder.path().join("none")).unwrap());
        set(0o755);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/nowhere", &link).unwrap();
        assert!(matches!(is_there(&link), Err(SettingsError::Read { .. })));
        let file = folder.path().join("file");
        crate::on_disk::put(&file, "");
        assert!(matches!(is_there(&file), Err(SettingsError::Untrusted { why: Untrusted::NotAFolder, .. })));
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        set(0o777);
        assert!(matches!(
            is_there(&inner),
            Err(SettingsError::Untrusted { why: Untrusted::Writable(0o777), .. })
        ));
    }

    #[test]
    fn a_users_file_may_be_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (path, kept) = (folder.path().join("config.toml"), folder.path().join("dotfiles.toml"));
        with_mode(&kept, 0o666);
        std::os::unix::fs::symlink(&kept, &path).unwrap();

        assert!(read(Layer::User, &path).unwrap().is_some());
    }
}
