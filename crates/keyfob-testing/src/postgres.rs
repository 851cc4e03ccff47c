//! PostgreSQL: one server that all tests share, each with a database of its own, or a server of a test's own.

mod cluster;

use anyhow::{Context as _, Result};
use cluster::Cluster;
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

pub use cluster::Stop;

/// A server that runs at least as long as this value.
#[derive(Debug)]
pub struct Server {
    cluster: Cluster,
    /// Whoever is about to end the server waits for this lock; the system lets it go when this process ends.
    _in_use: File,
}

/// An empty database; dropped with this value.
#[derive(Debug)]
pub struct Database {
    server: Server,
    name: String,
}

/// How long the shared server waits for another test, in seconds.
const LINGER: u32 = 10;

impl Server {
    /// Returns the server that all tests of this user share; the first one starts it.
    pub fn shared() -> Result<Self> {
        let place =
            std::env::temp_dir().join(format!("keyfob-postgres-{}", rustix::process::getuid().as_raw()));
        Self::at(&place, LINGER)
    }

    /// Starts a server of one's own, to be restarted at will.
    pub fn own() -> Result<Self> {
        Self::at(&std::env::temp_dir().join(format!("keyfob-postgres-{}", random_name()?)), 0)
    }

    /// Makes an empty database.
    pub fn database(self) -> Result<Database> {
        let name = format!("test_{}", random_name()?);
        self.cluster.query("postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(Database { server: self, name })
    }

    fn at(place: &Path, linger: u32) -> Result<Self> {
        let in_use = lock_file(place, "in-use")?;
        flock(&in_use, FlockOperation::LockShared)?;
        let starting = lock_file(place, "starting")?;
        flock(&starting, FlockOperation::LockExclusive)?;
        let cluster = Cluster::at(place.to_owned());
        if !cluster.is_running() {
            cluster.start().with_context(|| format!("no PostgreSQL in {}", place.display()))?;
            cluster.end_when_free(&lock_path(place, "in-use"), linger)?;
        }
        Ok(Self { cluster, _in_use: in_use })
    }
}

impl Database {
    /// Returns its address; whoever asks through the socket is let in.
    pub fn url(&self) -> String {
        self.url_of("keyfob")
    }

    /// Returns its address for a user of its own, who is let in with `password` alone.
    pub fn url_with_password(&self, password: &str) -> Result<String> {
        let user = format!("user_{}", random_name()?);
        let create = format!("CREATE ROLE {user} LOGIN PASSWORD '{password}' IN ROLE with_password");
        self.query(&format!("{create}; GRANT ALL ON SCHEMA public TO {user}"))?;
        Ok(self.url_of(&user))
    }

    /// Runs a statement as its owner; returns what it prints, a row a line.
    pub fn query(&self, statement: &str) -> Result<String> {
        self.server.cluster.query(&self.name, statement)
    }

    /// Returns everything in it, as `pg_dump` writes it.
    pub fn dump(&self) -> Result<String> {
        self.server.cluster.dump(&self.name)
    }

    /// Stops the server and starts it again; for a server of one's own.
    pub fn restart(&self, stop: Stop) -> Result<()> {
        self.server.cluster.restart(stop)
    }

    fn url_of(&self, user: &str) -> String {
        format!("postgres://{user}@localhost/{}?host={}", self.name, self.server.cluster.folder().display())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A server that a test has stopped takes its databases along.
        let _dropped =
            self.server.cluster.query("postgres", &format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

fn lock_path(place: &Path, name: &str) -> PathBuf {
    place.with_extension(name)
}

fn lock_file(place: &Path, name: &str) -> Result<File> {
    let path = lock_path(place, name);
    let opened = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    opened.with_context(|| format!("cannot open {}", path.display()))
}

#[expect(clippy::disallowed_methods, reason = "names of what exists side by side")]
fn random_name() -> Result<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|_| anyhow::anyhow!("no randomness"))?;
    Ok(format!("{:016x}", u64::from_le_bytes(bytes)))
}
