//! A scene: homes for a person at an issuer that the test plays itself.

use crate::browser::Person;
use crate::environment;
use crate::evidence::Evidence;
use crate::forward_proxy::ForwardProxy;
use crate::front::{Front, Passes};
use crate::home::Home;
use crate::network::Network;
use crate::process::Log;
use crate::{disk, process_table};
use anyhow::Result;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use tempfile::TempDir;
use url::Url;

/// A folder of a test is called this, the number of its process, and something random.
const PREFIX: &str = "world-";

/// Homes that are there until it is dropped, with whatever still runs in them.
#[derive(Debug)]
pub struct Scene {
    folder: TempDir,
    evidence: Evidence,
}

impl Scene {
    /// Makes one without anybody.
    pub fn new() -> Result<Self> {
        Ok(Self { folder: make_folder()?, evidence: Evidence::default() })
    }

    /// Makes a home at `issuer`; each name is another machine.
    pub fn home(&self, name: &str, issuer: Url) -> Result<Home> {
        let person = Person { email: "mia@example.org".into(), password: environment::random_token()? };
        let folder = self.folder.path();
        let password_file = folder.join("password");
        Home::make(
            folder.join("homes").join(name),
            issuer,
            person,
            password_file,
            self.evidence.clone(),
            Log::Usual,
        )
    }

    /// Serves `https://{host}` in front of what listens at `back`, byte for byte, with a proxy that leads there.
    pub async fn behind_tls(
        &self,
        _own: &Network,
        host: &str,
        back: SocketAddr,
    ) -> Result<(Front, ForwardProxy)> {
        let folder = self.folder.path();
        let front = Front::start(folder, host, back, Passes::Bytes, &self.evidence).await?;
        let proxy = ForwardProxy::start(folder, &front.names, Ipv4Addr::LOCALHOST, &self.evidence).await?;
        Ok((front, proxy))
    }

    /// Returns what this run has shown.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        end(self.folder.path());
    }
}

/// Makes a folder for one test, after ending what test processes that were killed could not end.
pub(crate) fn make_folder() -> Result<TempDir> {
    let work = environment::work_folder()?;
    end_abandoned(&work)?;
    let prefix = format!("{PREFIX}{}-", std::process::id());
    Ok(tempfile::Builder::new().prefix(&prefix).tempdir_in(&work)?)
}

/// Ends everything that was started in `folder`.
pub(crate) fn end(folder: &Path) {
    process_table::kill_all(folder);
    disk::unmount_below(folder);
}

fn end_abandoned(work: &Path) -> Result<()> {
    for entry in std::fs::read_dir(work)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            end(&entry.path());
            // Another test process may be doing the same.
            let _removed = std::fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}
