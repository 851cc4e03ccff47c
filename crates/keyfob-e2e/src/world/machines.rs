//! Other machines of a world, and other disks.

use super::World;
use crate::disk;
use crate::home::Home;
use crate::machine::{Has, Machine};
use crate::place::Store;
use anyhow::{Context as _, Result};

impl World {
    /// Makes a home as [`World::home_with`] does, on a small disk of its own.
    pub async fn home_on_small_disk(&self, name: &str, store: Store) -> Result<Home> {
        let home = self.home(name)?;
        disk::mount_small(&home.codex_home())?;
        home.keep_in(store).await
    }

    /// Makes a machine that `ssh` reaches.
    pub async fn machine(&self, has: Has) -> Result<Machine> {
        let port = self.issuer_url.port().context("an issuer without a port")?;
        Machine::behind_ssh(self.folder.path().join("machines/remote"), has, port, &self.evidence).await
    }

    /// Makes a container.
    pub async fn container(&self, has: Has) -> Result<Machine> {
        Machine::container(self.folder.path().join("machines/web"), has, &self.evidence).await
    }
}
