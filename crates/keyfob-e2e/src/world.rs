//! A world: an issuer, a gateway, and homes for people, all of them real and all of them gone afterwards.

mod front;
mod machines;

use crate::browser::Person;
use crate::environment::{self, SystemEntropy};
use crate::evidence::{Evidence, Sampler};
use crate::files;
use crate::form_client::FormClient;
use crate::front::{Front, Names, Passes};
use crate::gate::Gate;
use crate::home::Home;
use crate::leak::{Kind, Stream};
use crate::network::Network;
use crate::place::Store;
use crate::process::{LIMIT, Log, Program, Running};
use crate::process_table::{self, Entry};
use crate::scene;
use crate::wire::Wire;
use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use keyfob_jose::SigningKey;
use keyfob_oauth::Entropy;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use url::Url;

const OWNER: &str = "mia@example.org";
const PORTS: std::ops::Range<u16> = 20_000..32_000;
/// What runs as long as its world.
const SERVERS: [&str; 7] =
    ["keyfob-issuer", "keyfob-gateway", "dbus-daemon", "gnome-keyring-daemon", "haproxy", "tinyproxy", "cat"];
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// Where the 32 bytes of a P-256 private key are in PKCS#8 (RFC 5915, RFC 5208); all before them is the same in all.
const SCALAR_IN_PKCS8: std::ops::Range<usize> = 36..68;

/// An issuer and a gateway that run until it is dropped.
#[derive(Debug)]
pub struct World {
    gateway: Running,
    behind: SocketAddr,
    issuer: Running,
    wire: Wire,
    front: Option<Front>,
    _sampler: Sampler,
    folder: TempDir,
    issuer_url: Url,
    gateway_url: Url,
    signing_key: SigningKey,
    owner: Person,
    evidence: Evidence,
    log: Log,
}

impl World {
    /// Makes an issuer with one account, and a gateway with the demo behind it.
    pub async fn start() -> Result<Self> {
        Self::start_with(Log::Usual, None, "").await
    }

    /// Makes a world whose issuer has `settings` in its `issuer.toml` as well.
    pub async fn start_with_issuer(settings: &str) -> Result<Self> {
        Self::start_with(Log::Usual, None, settings).await
    }

    /// Makes a world in which our programs log everything that they can, with what their libraries log.
    pub async fn start_at_trace_level() -> Result<Self> {
        Self::start_with(Log::Trace, None, "").await
    }

    /// Makes a world whose issuer is `https://{host}`, behind HAProxy; in a network of its own, where port 443 is free.
    pub async fn start_behind_tls(_own: &Network, host: &str, log: Log) -> Result<Self> {
        Self::start_with(log, Some(host), "trusted_proxies = [\"127.0.0.1\"]\n").await
    }

    async fn start_with(log: Log, host: Option<&str>, settings: &str) -> Result<Self> {
        let folder = scene::make_folder()?;
        let evidence = Evidence::default();
        let sampler = Sampler::start(folder.path().to_owned(), evidence.clone())?;
        let signing_key = SigningKey::generate()?;
        write_signing_key(&signing_key, &folder.path().join("signing-key.pem"), &evidence)?;
        let owner = Person { email: OWNER.into(), password: environment::random_token()? };
        evidence.note(Kind::Password, owner.password.expose());
        files::replace(&folder.path().join("password"), owner.password.expose().as_bytes())?;

        let (front, back) = (free_address()?, free_address()?);
        let issuer_url = match host {
            None => Url::parse(&format!("http://localhost:{}", front.port()))?,
            Some(host) => Url::parse(&format!("https://{host}"))?,
        };
        let wire = Wire::start(front, back, evidence.clone()).await?;
        let front = match host {
            None => None,
            Some(host) => Some(Front::start(folder.path(), host, front, Passes::Requests, &evidence).await?),
        };
        let (folder_path, url) = (folder.path(), &issuer_url);
        make_issuer(folder_path, url, settings, &owner, &evidence).await?;
        let issuer = serve_issuer(folder_path, back, &evidence, log).await?;
        let names = front.as_ref().map(|front| &front.names);
        let (gateway, gateway_url) =
            start_gateway(folder.path(), &issuer_url, names, &[], &evidence, log).await?;
        Ok(Self {
            gateway,
            behind: back,
            issuer,
            wire,
            front,
            _sampler: sampler,
            folder,
            issuer_url,
            gateway_url,
            signing_key,
            owner,
            evidence,
            log,
        })
    }

    /// Makes a home for the owner; each name is another machine.
    pub fn home(&self, name: &str) -> Result<Home> {
        Home::make(
            self.folder.path().join("homes").join(name),
            self.issuer_url.clone(),
            self.owner.clone(),
            self.folder.path().join("password"),
            self.evidence.clone(),
            self.log,
        )
    }

    /// Adds somebody to the issuer.
    pub async fn add_person(&self, email: &str) -> Result<Person> {
        let person = Person { email: email.to_owned(), password: environment::random_token()? };
        self.evidence.note(Kind::Password, person.password.expose());
        let path = environment::program("keyfob-issuer")?;
        Program::new("keyfob-issuer user", &path, self.folder.path())
            .args(["user", "add", "--email", email])
            .args([Path::new("--data"), &self.folder.path().join("issuer")])
            .stdin(format!("{}\n", person.password.expose()))
            .run(&self.evidence)
            .await?
            .expect_code(0)?;
        Ok(person)
    }

    /// Runs a command of the issuer on its host; returns what it printed.
    pub async fn on_host(&self, arguments: &[&str]) -> Result<String> {
        let path = environment::program("keyfob-issuer")?;
        let finished = Program::new("keyfob-issuer on its host", &path, self.folder.path())
            .args(arguments)
            .args([Path::new("--data"), &self.folder.path().join("issuer")])
            .run(&self.evidence)
            .await?
            .expect_code(0)?;
        Ok(finished.stdout)
    }

    /// Makes a home for the owner whose login is kept in `store`.
    pub async fn home_with(&self, name: &str, store: Store) -> Result<Home> {
        self.home(name)?.keep_in(store).await
    }

    /// Makes a closed gate.
    pub fn gate(&self) -> Result<Gate> {
        Gate::new(self.folder.path())
    }

    /// Returns somebody who fills forms at the issuer.
    pub fn form_client(&self) -> Result<FormClient> {
        FormClient::new(self.issuer_url.clone(), self.names().ok(), self.evidence.clone())
    }

    /// Returns the issuer's address without a slash at its end.
    pub fn issuer(&self) -> &str {
        self.issuer_url.as_str().trim_end_matches('/')
    }

    /// Returns the wire between everybody and the issuer.
    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Returns the gateway's address without a slash at its end.
    pub fn gateway(&self) -> &str {
        self.gateway_url.as_str().trim_end_matches('/')
    }

    /// Returns the account that exists.
    pub fn owner(&self) -> &Person {
        &self.owner
    }

    /// Returns the key with which the issuer signs.
    pub fn signing_key(&self) -> &SigningKey {
        &self.signing_key
    }

    /// Returns what this run has shown.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// Registers the resource server `gateway`; returns the file with its name and its secret.
    pub async fn add_resource_server(&self) -> Result<PathBuf> {
        let added = Program::new(
            "keyfob-issuer resource-server",
            &environment::program("keyfob-issuer")?,
            self.folder.path(),
        )
        .args(["resource-server", "add", "gateway"])
        .args([Path::new("--data"), &self.folder.path().join("issuer")])
        .run(&self.evidence)
        .await?
        .expect_code(0)?;
        let secret = added.stdout.trim();
        self.evidence.note(Kind::ServerSecret, secret);
        let file = self.folder.path().join("gateway.secret");
        files::replace(&file, format!("gateway:{secret}\n").as_bytes())?;
        Ok(file)
    }

    /// Puts a gateway that follows what has ended in the place of the one that runs.
    pub async fn follow_revocations(&mut self) -> Result<()> {
        let file = self.add_resource_server().await?;
        let more = [Path::new("--revocations-file"), &file];
        let names = self.names().ok();
        let started =
            start_gateway(self.folder.path(), &self.issuer_url, names, &more, &self.evidence, self.log)
                .await?;
        self.gateway.kill();
        self.gateway.finished(LIMIT).await?;
        (self.gateway, self.gateway_url) = started;
        Ok(())
    }

    /// Puts a gateway with the demo behind it, a name at the issuer, and `settings` in its file, in the place of the one that
    /// runs.
    pub async fn configure_gateway(&mut self, settings: &str) -> Result<()> {
        let file = self.folder.path().join("gateway.toml");
        if !self.folder.path().join("gateway.secret").exists() {
            self.add_resource_server().await?;
        }
        let address = free_address()?;
        let text = format!(
            "listen = \"{address}\"\nissuer = \"{}\"\nresource_server = \"gateway.secret\"\n{settings}\n",
            self.issuer()
        );
        files::replace(&file, text.as_bytes())?;
        let arguments = [Path::new("edge"), Path::new("--config"), &file];
        let started = serve_gateway(
            self.folder.path(),
            &arguments,
            address,
            self.names().ok(),
            &self.evidence,
            self.log,
        )
        .await?;
        self.gateway.kill();
        self.gateway.finished(LIMIT).await?;
        (self.gateway, self.gateway_url) = started;
        Ok(())
    }

    /// Ends the issuer for good.
    pub async fn stop_issuer(&mut self) -> Result<()> {
        self.issuer.kill();
        self.issuer.finished(LIMIT).await?;
        Ok(())
    }

    /// Waits until nothing runs but what serves the others.
    pub async fn quiet(&self) -> Result<()> {
        let is_served = |entry: &Entry| !SERVERS.contains(&entry.program().as_str());
        let quiet = async {
            while process_table::processes_of(self.folder.path()).iter().any(is_served) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(LIMIT, quiet).await.context("a program goes on without end")
    }

    /// Ends everything, then fails if a secret of this run is anywhere but in its place.
    pub async fn finish(mut self) -> Result<()> {
        self.quiet().await?;
        let front = self.front.as_mut().map(|front| &mut front.running);
        for running in [&mut self.gateway, &mut self.issuer].into_iter().chain(front) {
            running.kill();
            running.finished(LIMIT).await?;
        }
        let leaks = self.evidence.leaks(self.folder.path())?;
        let lines: Vec<String> = leaks.iter().map(ToString::to_string).collect();
        ensure!(leaks.is_empty(), "secrets leaked:\n{}", lines.join("\n"));
        Ok(())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        scene::end(self.folder.path());
    }
}

async fn make_issuer(
    folder: &Path,
    url: &Url,
    settings: &str,
    owner: &Person,
    evidence: &Evidence,
) -> Result<()> {
    let data = folder.join("issuer");
    let key = folder.join("signing-key.pem");
    let address = url.as_str().trim_end_matches('/');
    Program::new("keyfob-issuer init", &environment::program("keyfob-issuer")?, folder)
        .args(["init", "--url", address, "--owner", &owner.email])
        .args([Path::new("--data"), &data, Path::new("--signing-key"), &key])
        .stdin(format!("{}\n", owner.password.expose()))
        .run(evidence)
        .await?
        .expect_code(0)?;
    let seal = std::fs::read(data.join("seal.key")).context("no seal key")?;
    evidence.note_bytes(Kind::SealKey, seal.trim_ascii());
    let file = data.join("issuer.toml");
    let text = std::fs::read_to_string(&file)?;
    // A key stands before the first table, a table stands after everything.
    let (before, after) = if settings.starts_with('[') { ("", settings) } else { (settings, "") };
    files::replace(&file, format!("{before}{text}{after}").as_bytes())?;
    Ok(())
}

async fn serve_issuer(folder: &Path, listen: SocketAddr, evidence: &Evidence, log: Log) -> Result<Running> {
    let issuer = Program::new("keyfob-issuer serve", &environment::program("keyfob-issuer")?, folder)
        .args([Path::new("serve"), Path::new("--data"), &folder.join("issuer")])
        .args(["--listen", &listen.to_string()])
        .log(log)
        .start(evidence)
        .await?;
    issuer.line(Stream::Stderr, |line| line.starts_with("keyfob-issuer: serving")).await?;
    Ok(issuer)
}

async fn start_gateway(
    folder: &Path,
    issuer: &Url,
    names: Option<&Names>,
    more: &[&Path],
    evidence: &Evidence,
    log: Log,
) -> Result<(Running, Url)> {
    let address = free_address()?;
    let listen = address.to_string();
    let issuer = issuer.as_str().trim_end_matches('/');
    let usual = ["edge", "--listen", &listen, "--upstream", "demo", "--issuer", issuer].map(Path::new);
    serve_gateway(folder, &[&usual[..], more].concat(), address, names, evidence, log).await
}

async fn serve_gateway(
    folder: &Path,
    arguments: &[&Path],
    address: SocketAddr,
    names: Option<&Names>,
    evidence: &Evidence,
    log: Log,
) -> Result<(Running, Url)> {
    let gateway = Program::new("keyfob-gateway edge", &environment::program("keyfob-gateway")?, folder)
        .args(arguments)
        .log(log);
    let gateway = match names {
        None => gateway,
        Some(names) => names.tell(gateway).env("SSL_CERT_FILE", names.ca()),
    };
    let gateway = gateway.start(evidence).await?;
    gateway.line(Stream::Stderr, |line| line.starts_with("keyfob-gateway: edge on")).await?;
    Ok((gateway, Url::parse(&format!("http://{address}"))?))
}

fn write_signing_key(key: &SigningKey, path: &Path, evidence: &Evidence) -> Result<()> {
    let body = key.to_pkcs8_base64().expose();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    let scalar = STANDARD.decode(body)?.get(SCALAR_IN_PKCS8).context("a key too short")?.to_vec();
    evidence.note_bytes(Kind::SigningKey, &scalar);
    files::replace(path, pem.as_bytes())
}

/// Returns an address that nobody listens on; its port is below those that the system gives to outgoing connections.
pub fn free_address() -> Result<SocketAddr> {
    loop {
        let random = u16::from_le_bytes((&SystemEntropy as &dyn Entropy).bytes()?);
        let port = PORTS.start + random % (PORTS.end - PORTS.start);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
}
