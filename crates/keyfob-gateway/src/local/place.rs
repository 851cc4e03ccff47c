//! Where the local gateway listens: loopback, or a Unix socket that nobody else reaches (security G-01, G-07).

use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// The gateway cannot listen there.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Other machines would reach it.
    #[error(
        "{0} is not on loopback: the local gateway holds your login, so it listens on 127.0.0.1 or [::1], or on a socket"
    )]
    NotLoopback(SocketAddr),
    /// There is no place for a socket of this user.
    #[error(
        "`XDG_RUNTIME_DIR` is not set, so there is no usual place for a socket: name one with `--socket PATH`"
    )]
    NoUsualPlace,
    /// The path has no folder or no name.
    #[error("{0} does not name a file in a folder")]
    NoFolder(PathBuf),
    /// Others could reach the socket, or put another one in its place.
    #[error("the folder {0} of the socket must be yours and closed to others (mode 0700)")]
    OpenFolder(PathBuf),
    /// Something is there that is no socket.
    #[error("{0} is there already and is no socket")]
    NotASocket(PathBuf),
    /// Another one serves there.
    #[error("a program listens at {0} already")]
    Taken(PathBuf),
    /// The system does not let it.
    #[error("cannot listen at {path}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Lets an address through that only this machine reaches.
pub fn loopback(address: SocketAddr) -> Result<SocketAddr, PlaceError> {
    if address.ip().is_loopback() { Ok(address) } else { Err(PlaceError::NotLoopback(address)) }
}

/// The path of a Unix socket, in a folder that is this user's alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketPlace {
    folder: PathBuf,
    path: PathBuf,
}

/// The usual folder in `$XDG_RUNTIME_DIR`, and the name in it.
const USUAL: [&str; 2] = ["keyfob-gateway", "local.sock"];
/// For this user alone.
const FOLDER_MODE: u32 = 0o700;
const SOCKET_MODE: u32 = 0o600;

impl SocketPlace {
    /// Takes a path over; nothing is made yet.
    pub fn at(path: PathBuf) -> Result<Self, PlaceError> {
        match (path.parent(), path.file_name()) {
            (Some(folder), Some(_)) if !folder.as_os_str().is_empty() => {
                Ok(Self { folder: folder.to_owned(), path })
            }
            _ => Err(PlaceError::NoFolder(path)),
        }
    }

    /// Returns the usual place in the user's folder for sockets.
    pub fn usual(runtime_folder: Option<&Path>) -> Result<Self, PlaceError> {
        let [folder, name] = USUAL;
        Self::at(runtime_folder.ok_or(PlaceError::NoUsualPlace)?.join(folder).join(name))
    }

    /// Returns the path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Listens there, for this user alone; a socket that nobody serves any more gives way.
    ///
    /// The socket comes to its path with its mode: it is bound under another name in the same folder and moved, so there
    /// is no moment in which somebody else could connect, and a link at the path is never followed.
    pub fn bind(&self) -> Result<UnixListener, PlaceError> {
        self.make_folder()?;
        self.make_room()?;
        let mut name = std::ffi::OsString::from(format!(".{}-", std::process::id()));
        name.push(self.path.file_name().unwrap_or_default());
        let beside = self.folder.join(name);
        // What a run of the same number left behind; in a folder that is ours alone.
        drop(fs::remove_file(&beside));
        let listener = UnixListener::bind(&beside).map_err(|source| self.problem(source))?;
        let moved = fs::set_permissions(&beside, Permissions::from_mode(SOCKET_MODE))
            .and_then(|()| fs::rename(&beside, &self.path))
            .and_then(|()| listener.set_nonblocking(true));
        if let Err(source) = moved {
            drop(fs::remove_file(&beside));
            return Err(self.problem(source));
        }
        Ok(listener)
    }

    /// Removes the socket at the end; the next start would, too.
    pub fn leave(&self) {
        drop(fs::remove_file(&self.path));
    }

    fn problem(&self, source: io::Error) -> PlaceError {
        PlaceError::Io { path: self.path.clone(), source }
    }

    /// Makes the folder with its mode, or sees to it that the one that is there is ours alone.
    fn make_folder(&self) -> Result<(), PlaceError> {
        match DirBuilder::new().mode(FOLDER_MODE).create(&self.folder) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(self.problem(source)),
        }
        // The link itself: a link could be turned to another folder later.
        let found = fs::symlink_metadata(&self.folder).map_err(|source| self.problem(source))?;
        if is_ours_alone(&found) { Ok(()) } else { Err(PlaceError::OpenFolder(self.folder.clone())) }
    }

    fn make_room(&self) -> Result<(), PlaceError> {
        let found = match fs::symlink_metadata(&self.path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(self.problem(source)),
        };
        if !found.file_type().is_socket() {
            return Err(PlaceError::NotASocket(self.path.clone()));
        }
        match UnixStream::connect(&self.path) {
            Ok(_) => Err(PlaceError::Taken(self.path.clone())),
            Err(_) => Ok(()),
        }
    }
}

fn is_ours_alone(found: &Metadata) -> bool {
    found.is_dir()
        && found.uid() == rustix::process::geteuid().as_raw()
        && found.permissions().mode() & 0o777 == FOLDER_MODE
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn folder(mode: u32) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
        folder
    }

    #[test]
    fn g_01_only_loopback_is_listened_on() {
        for address in ["127.0.0.1:0", "127.8.8.8:1", "[::1]:8787"] {
            assert!(loopback(address.parse().unwrap()).is_ok(), "{address}");
        }
        for address in ["0.0.0.0:0", "[::]:0", "10.0.0.1:80", "192.168.1.2:80", "[::ffff:10.0.0.1]:1"] {
            assert!(
                matches!(loopback(address.parse().unwrap()), Err(PlaceError::NotLoopback(_))),
                "{address}"
            );
        }
    }

    #[test]
    fn g_07_the_socket_and_its_folder_are_for_their_user_alone() {
        let runtime = folder(0o700);
        let place = SocketPlace::usual(Some(runtime.path())).unwrap();

        let _listener = place.bind().unwrap();

        let mode = |path: &Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(&runtime.path().join("keyfob-gateway")), 0o700);
        assert_eq!(mode(place.path()), 0o600);
        let names: Vec<_> =
            fs::read_dir(&place.folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["local.sock"]);
        assert!(UnixStream::connect(place.path()).is_ok());
    }

    #[test]
    fn g_07_what_is_planted_at_the_path_is_refused_and_left_alone() {
        let own = folder(0o700);
        let elsewhere = folder(0o700);
        let served = SocketPlace::at(elsewhere.path().join("other.sock")).unwrap();
        let _other = served.bind().unwrap();
        let place = SocketPlace::at(own.path().join("local.sock")).unwrap();

        for target in [served.path().to_owned(), elsewhere.path().join("nothing")] {
            symlink(&target, place.path()).unwrap();
            assert!(matches!(place.bind(), Err(PlaceError::NotASocket(_))), "{target:?}");
            assert_eq!(fs::read_link(place.path()).unwrap(), target);
            fs::remove_file(place.path()).unwrap();
        }
        fs::File::create(place.path()).unwrap();
        assert!(matches!(place.bind(), Err(PlaceError::NotASocket(_))));
    }

    #[test]
    fn g_07_a_folder_that_others_can_enter_or_that_is_a_link_is_refused() {
        for mode in [0o755, 0o770, 0o711, 0o1777] {
            let open = folder(mode);
            let place = SocketPlace::at(open.path().join("local.sock")).unwrap();
            assert!(matches!(place.bind(), Err(PlaceError::OpenFolder(_))), "{mode:o}");
        }
        let (own, real) = (folder(0o700), folder(0o700));
        symlink(real.path(), own.path().join("link")).unwrap();
        let place = SocketPlace::at(own.path().join("link/local.sock")).unwrap();
        assert!(matches!(place.bind(), Err(PlaceError::OpenFolder(_))));
    }

    #[test]
    fn a_socket_that_nobody_serves_gives_way_and_one_that_is_served_does_not() {
        let own = folder(0o700);
        let place = SocketPlace::at(own.path().join("local.sock")).unwrap();
        drop(place.bind().unwrap());

        let listener = place.bind().unwrap();
        assert!(matches!(place.bind(), Err(PlaceError::Taken(_))));
        drop(listener);

        assert!(matches!(SocketPlace::usual(None), Err(PlaceError::NoUsualPlace)));
        assert!(matches!(SocketPlace::at("local.sock".into()), Err(PlaceError::NoFolder(_))));
    }
}
