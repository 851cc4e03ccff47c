//! Small disks: a file system of a home's own, which a program can fill.

use anyhow::{Context as _, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Room for a login and the trial file before a refresh, and little more.
const SIZE: &str = "size=256k,mode=700";

/// Lays an empty disk over `folder`; it goes with the world.
pub(crate) fn mount_small(folder: &Path) -> Result<()> {
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", SIZE, "tmpfs"]).arg(folder).status();
    ensure!(mounted.context("cannot run `mount`")?.success(), "no disk at {}", folder.display());
    Ok(())
}

/// Takes away every disk below `folder`.
pub(crate) fn unmount_below(folder: &Path) {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(1)).map(PathBuf::from);
    for point in points.filter(|point| point.starts_with(folder)) {
        // What is left there is removed with the next world.
        let _unmounted = Command::new("umount").arg("--lazy").arg(point).status();
    }
}
