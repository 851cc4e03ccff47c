//! A D-Bus and a gnome-keyring of one home, used as another program would use them.

use crate::evidence::Evidence;
use crate::files;
use crate::leak::Stream;
use crate::process::{LIMIT, Program, Running};
use anyhow::{Context as _, Result, ensure};
use futures_util::StreamExt as _;
use keyfob_codex::keyring::KeyringEntry;
use linux_keyutils::{KeyRing, KeyRingIdentifier};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A bus with an open keyring on it; both end with the value.
#[derive(Debug)]
pub(crate) struct Keyring {
    _daemon: Running,
    _bus: Running,
    address: String,
    folder: PathBuf,
}

const SECRETS: &str = "org.freedesktop.secrets";
/// Opens a keyring that holds nothing but this run's tokens, and is encrypted on the disk.
const PASSWORD: &str = "a password";

impl Keyring {
    /// Starts both; they keep their files in `folder`.
    pub(crate) async fn start(folder: PathBuf, evidence: &Evidence) -> Result<Self> {
        files::make_folder(&folder)?;
        let address = format!("unix:path={}/bus", folder.display());
        let bus = start_bus(&folder, &address, evidence).await?;
        let daemon = Program::new("gnome-keyring-daemon", Path::new("gnome-keyring-daemon"), &folder)
            .args(["--foreground", "--components=secrets", "--unlock", "--control-directory"])
            .args([folder.join("control")])
            .env("XDG_DATA_HOME", folder.join("share"))
            .env("XDG_RUNTIME_DIR", &folder)
            .env("DBUS_SESSION_BUS_ADDRESS", &address)
            .stdin(PASSWORD)
            .start(evidence)
            .await
            .context("Debian's package `gnome-keyring` has it")?;
        tokio::time::timeout(LIMIT, served(&address)).await.context("nobody serves secrets")??;
        Ok(Self { _daemon: daemon, _bus: bus, address, folder })
    }

    /// Returns what `DBUS_SESSION_BUS_ADDRESS` is to be.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Returns the secret of `entry`, if there is one.
    pub(crate) fn secret(&self, entry: &KeyringEntry) -> Result<Option<String>> {
        let output = self.tool("lookup", None, entry).output().context("cannot run `secret-tool`")?;
        // It ends with 1 when there is none, and when it could not ask; then it says why.
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(complaint.is_empty(), "`secret-tool` could not look: {complaint}");
        let secret = String::from_utf8(output.stdout)?;
        Ok((!secret.is_empty()).then_some(secret))
    }

    /// Replaces the secret of `entry`, as the Codex CLI does.
    pub(crate) fn store(&self, entry: &KeyringEntry, secret: &str) -> Result<()> {
        let mut child = self
            .tool("store", Some(&entry.label()), entry)
            .args(<[&str; 2]>::from(entry.mark()))
            .stdin(Stdio::piped())
            .spawn()
            .context("cannot run `secret-tool`")?;
        child.stdin.take().context("no standard input")?.write_all(secret.as_bytes())?;
        ensure!(child.wait()?.success(), "`secret-tool` stored nothing");
        Ok(())
    }

    /// Puts `secret` where the Codex CLI looks before it asks the keyring.
    pub(crate) fn cache(entry: &KeyringEntry, secret: &str) -> Result<()> {
        session()?.add_key(&entry.kernel_description(), secret)?;
        Ok(())
    }

    /// Returns what the Codex CLI would find before it asks the keyring.
    pub(crate) fn cached(entry: &KeyringEntry) -> Result<Option<String>> {
        match session()?.search(&entry.kernel_description()) {
            Ok(key) => Ok(Some(String::from_utf8(key.read_to_vec()?)?)),
            Err(_) => Ok(None),
        }
    }

    fn tool(&self, verb: &str, label: Option<&str>, entry: &KeyringEntry) -> Command {
        let mut command = Command::new("secret-tool");
        command
            .arg(verb)
            .args(label.map(|label| format!("--label={label}")))
            .args(entry.attributes().into_iter().flat_map(<[&str; 2]>::from))
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .env("HOME", &self.folder);
        command
    }
}

/// The kernel's keyring of this thread and of all that it starts; made if there is none, and gone with the last of them.
fn session() -> Result<KeyRing> {
    Ok(KeyRing::from_special_id(KeyRingIdentifier::Session, true)?)
}

async fn start_bus(folder: &Path, address: &str, evidence: &Evidence) -> Result<Running> {
    let configuration = folder.join("bus.conf");
    let text = format!(
        "<busconfig><type>session</type><listen>{address}</listen><auth>EXTERNAL</auth>\
         <policy context=\"default\"><allow send_destination=\"*\"/>\
         <allow receive_sender=\"*\"/><allow own=\"*\"/></policy></busconfig>"
    );
    files::replace(&configuration, text.as_bytes())?;
    let bus = Program::new("dbus-daemon", Path::new("dbus-daemon"), folder)
        .args(["--nofork", "--print-address=1", "--config-file"])
        .args([configuration])
        .start(evidence)
        .await
        .context("Debian's package `dbus-daemon` has it")?;
    bus.line(Stream::Stdout, |line| line.starts_with("unix:")).await?;
    Ok(bus)
}

/// Waits until somebody serves secrets on the bus.
async fn served(address: &str) -> Result<()> {
    let connection = zbus::connection::Builder::address(address)?.build().await?;
    let bus = zbus::fdo::DBusProxy::new(&connection).await?;
    let mut changes = bus.receive_name_owner_changed_with_args(&[(0, SECRETS)]).await?;
    if !bus.name_has_owner(SECRETS.try_into()?).await? {
        changes.next().await.context("the bus has gone")?;
    }
    Ok(())
}
