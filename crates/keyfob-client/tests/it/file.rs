//! The file among links, mounts, masks and folders of others.

use crate::fixture::{digest, home, is_empty, put, record, run_test, stored, text};
use keyfob_client::store::{CredentialStore as _, Slot, StoreError};
use keyfob_client::{FileStore, Home, HomeError};
use keyfob_oauth::Timestamp;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Something mounted, until the test ends.
struct Mount(PathBuf);

impl Mount {
    fn new(arguments: &[&str], place: &Path) -> Self {
        assert!(Command::new("mount").args(arguments).arg(place).status().unwrap().success());
        Self(place.to_owned())
    }

    /// Mounts a file by itself, as `docker run -v auth.json` does.
    fn of_file(source: &Path, place: &Path) -> Self {
        put(place, "");
        Self::new(&["--bind", source.to_str().unwrap()], place)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _status = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn c_32_files_and_folders_are_for_this_user_alone() {
    let (_folder, home) = home();
    let store = FileStore::new(home.clone());
    put(&home.auth_file(), text("sk-1"));
    set_mode(&home.auth_file(), 0o644);

    store.save(digest(&store), &record("sk-2")).unwrap();

    let lock = home.path().join("auth.json.lock");
    let modes = [home.path(), &home.own_folder(), &home.auth_file(), &lock].map(mode);
    assert_eq!(modes, [0o700, 0o700, 0o600, 0o600]);
}

#[test]
fn c_32_no_umask_makes_them_looser_or_unusable() {
    for umask in ["000", "022", "777"] {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")]);
        run_test(shell, "file::c_32_files_and_folders_are_for_this_user_alone");
    }
}

#[test]
fn c_33_a_home_that_a_group_may_write_to_is_tightened() {
    let (_folder, home) = home();
    set_mode(home.path(), 0o2775);

    home.make().unwrap();

    assert_eq!(mode(home.path()), 0o2755);
}

#[test]
fn c_33_a_home_or_a_way_to_it_that_everybody_may_write_to_is_refused() {
    let (folder, home) = home();
    set_mode(home.path(), 0o777);
    assert!(matches!(home.make(), Err(HomeError::Exposed(path)) if path == home.path()));

    set_mode(home.path(), 0o700);
    set_mode(folder.path(), 0o777);
    assert!(matches!(home.make(), Err(HomeError::Exposed(path)) if path == folder.path()));

    set_mode(folder.path(), 0o1777);
    home.make().unwrap();
}

#[test]
fn c_33_a_home_or_a_way_to_it_that_belongs_to_another_user_is_refused() {
    let (folder, home) = home();
    let nobody = 65534;
    for path in [home.path(), folder.path()] {
        std::os::unix::fs::chown(path, Some(nobody), None).unwrap();
        assert!(matches!(home.make(), Err(HomeError::Foreign(foreign)) if foreign == path));
        std::os::unix::fs::chown(path, Some(0), None).unwrap();
    }
}

#[test]
fn c_34_a_second_name_of_the_file_keeps_the_old_login() {
    let (folder, home) = home();
    let store = FileStore::new(home.clone());
    let first = store.save(None, &record("sk-1")).unwrap();
    let twin = folder.path().join("twin");
    fs::hard_link(home.auth_file(), &twin).unwrap();

    store.save(Some(first), &record("sk-2")).unwrap();

    assert_eq!(fs::read_to_string(twin).unwrap(), text("sk-1"));
    assert_eq!(stored(&store), Some(text("sk-2")));
}

#[test]
fn c_35_links_to_other_file_systems_and_to_nothing_yet_are_followed() {
    let (folder, home) = home();
    let store = FileStore::new(home.clone());
    let other = folder.path().join("other");
    fs::create_dir(&other).unwrap();
    let _tmpfs = Mount::new(&["-t", "tmpfs", "tmpfs"], &other);
    let target = other.join("auth.json");
    symlink(&target, home.path().join("hop")).unwrap();
    symlink("hop", home.auth_file()).unwrap();
    assert!(is_empty(&store));

    let first = store.save(None, &record("sk-1")).unwrap();
    store.save(Some(first), &record("sk-2")).unwrap();

    assert_eq!(fs::read_to_string(&target).unwrap(), text("sk-2"));
    assert_ne!(fs::metadata(&target).unwrap().dev(), fs::metadata(home.path()).unwrap().dev());
    assert!(fs::symlink_metadata(home.auth_file()).unwrap().is_symlink());
    assert_eq!(mode(&target), 0o600);
}

#[test]
fn c_35_a_link_in_a_circle_is_an_error_and_stays() {
    let (_folder, home) = home();
    symlink("auth.json", home.auth_file()).unwrap();
    let store = FileStore::new(home.clone());

    assert!(matches!(store.load(), Err(StoreError::Read { .. })));
    assert!(matches!(store.save(None, &record("sk-1")), Err(StoreError::Link { .. })));
    assert!(fs::symlink_metadata(home.auth_file()).unwrap().is_symlink());
}

#[test]
fn c_36_a_file_that_is_mounted_by_itself_is_written_in_place() {
    let (folder, home) = home();
    let source = folder.path().join("on-the-host.json");
    put(&source, text("sk-1"));
    let _mount = Mount::of_file(&source, &home.auth_file());
    let store = FileStore::new(home.clone());

    let second = store.save(digest(&store), &record("sk-2")).unwrap();
    assert_eq!(fs::read_to_string(&source).unwrap(), text("sk-2"));
    store.remove(second).unwrap();

    assert!(is_empty(&store));
    assert_eq!(fs::read_to_string(&source).unwrap(), "");
    let sidecar = fs::read_to_string(home.own_folder().join("auth.json.sidecar")).unwrap();
    assert!(!sidecar.contains("sk-"));
    store.save(None, &record("sk-3")).unwrap();
    assert_eq!(stored(&store), Some(text("sk-3")));
}

#[test]
fn r_34_a_file_that_a_crash_tore_is_completed_and_any_other_damage_is_not() {
    let (folder, home) = home();
    let source = folder.path().join("on-the-host.json");
    put(&source, text("sk-1"));
    let _mount = Mount::of_file(&source, &home.auth_file());
    let store = FileStore::new(home.clone());
    let second = store.save(digest(&store), &record("sk-2")).unwrap();
    let whole = text("sk-2");

    for length in [0, 1, whole.len() / 2, whole.len() - 1] {
        for padding in ["", "\0\0\0"] {
            put(&source, format!("{}{padding}", &whole[..length]));
            assert_eq!(digest(&store), Some(second), "torn at {length}");
            assert_eq!(fs::read_to_string(&source).unwrap(), whole);
        }
    }
    put(&source, "garbage");
    assert!(matches!(store.load().unwrap().record(), Err(StoreError::Corrupt { .. })));
    assert_eq!(fs::read_to_string(&source).unwrap(), "garbage");
}

#[test]
fn c_38_a_damaged_file_is_kept_beside_the_new_one_for_this_user_alone() {
    let (_folder, home) = home();
    let store = FileStore::new(home.clone());
    let kept = |name: &str| home.path().join(name).display().to_string();
    for (bytes, name) in [
        ("{\"auth", "auth.json.corrupt-7"),
        ("{\"auth", "auth.json.corrupt-7"),
        ("", "auth.json.corrupt-7-2"),
    ] {
        put(&home.auth_file(), bytes);
        set_mode(&home.auth_file(), 0o644);
        let Slot::Corrupt { digest, bytes: damaged, .. } = store.load().unwrap() else { panic!("damage") };

        let place = store.set_aside(&damaged, Timestamp::from_unix(7)).unwrap();
        assert_eq!(fs::read_to_string(home.auth_file()).unwrap(), bytes, "until there is a new one");
        store.save(Some(digest), &record("sk-1")).unwrap();

        assert_eq!((place, fs::read_to_string(home.path().join(name)).unwrap()), (kept(name), bytes.into()));
        assert_eq!((mode(&home.path().join(name)), stored(&store)), (0o600, Some(text("sk-1"))));
    }
    store.forget().unwrap();
    assert_eq!(home.damaged_files(), Vec::<PathBuf>::new());
}

#[test]
fn r_12_on_a_read_only_disk_the_login_is_read_and_nothing_can_be_prepared() {
    let (_folder, home) = home();
    let store = FileStore::new(home.clone());
    let saved = store.save(None, &record("sk-1")).unwrap();
    let path = home.path().to_str().unwrap();
    let _bind = Mount::new(&["--bind", path], home.path());
    let _read_only = Mount::new(&["-o", "remount,bind,ro"], home.path());

    let prepare = store.prepare();

    assert_eq!(stored(&store), Some(text("sk-1")));
    assert!(matches!(
        prepare,
        Err(StoreError::Write { source, .. }) if source.kind() == std::io::ErrorKind::ReadOnlyFilesystem
    ));
    assert!(store.save(Some(saved), &record("sk-2")).is_err());
    store.forget().expect("there is nothing to remove");
    assert_eq!(stored(&store), Some(text("sk-1")));
}

#[test]
fn r_11_a_full_disk_is_found_out_before_a_token_is_spent_and_the_login_stays() {
    let folder = tempfile::tempdir().unwrap();
    let _tmpfs = Mount::new(&["-t", "tmpfs", "-o", "size=128k", "tmpfs"], folder.path());
    let home = Home::new(folder.path().join("home"));
    home.make().unwrap();
    let store = FileStore::new(home.clone());
    let saved = store.save(None, &record("sk-1")).unwrap();
    store.prepare().unwrap();
    let filler = vec![0; 1024 * 1024];
    let mut file = fs::File::create(folder.path().join("filler")).unwrap();
    assert!(std::io::Write::write_all(&mut file, &filler).is_err());

    for result in [store.prepare(), store.save(Some(saved), &record("sk-2")).map(drop)] {
        assert!(matches!(
            result,
            Err(StoreError::Write { source, .. }) if source.kind() == std::io::ErrorKind::StorageFull
        ));
    }
    assert_eq!(stored(&store), Some(text("sk-1")));
}

#[test]
fn c_37_what_is_larger_than_any_login_is_not_read() {
    let (_folder, home) = home();
    put(&home.auth_file(), vec![b' '; 1024 * 1024 + 1]);

    assert!(matches!(FileStore::new(home).load(), Err(StoreError::TooLarge(_))));
}

#[test]
fn c_31_a_reader_never_sees_half_a_login() {
    let (_folder, home) = home();
    let store = FileStore::new(home.clone());
    let mut saved = store.save(None, &record("sk-0")).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);

    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let other = FileStore::new(home.clone());
            let mut loads = 0;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                assert!(stored(&other).is_some());
                loads += 1;
            }
            loads
        });
        for round in 0..200 {
            saved = store.save(Some(saved), &record(&format!("sk-{round}"))).unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });

    assert_eq!(stored(&store), Some(text("sk-199")));
}
