//! A D-Bus and a gnome-keyring of a test's own.

use futures_util::StreamExt as _;
use keyfob_client::store::SessionBus;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use zbus::connection::Builder;

/// A bus and what runs on it; all of it ends with the value.
pub(crate) struct Keyring {
    folder: TempDir,
    address: String,
    children: Vec<Child>,
}

const SECRETS: &str = "org.freedesktop.secrets";
const PEER: &str = "org.freedesktop.DBus.Peer";
const LAST: &str = "Ping";

impl Keyring {
    /// A bus on which nobody keeps secrets, and on which nobody is started on demand.
    pub(crate) fn bus_alone() -> Self {
        Self::bus_with("")
    }

    /// A bus with a keyring that is open and deletes nothing.
    pub(crate) fn that_keeps_everything() -> Self {
        let mut keyring =
            Self::bus_with("<deny send_interface=\"org.freedesktop.Secret.Item\" send_member=\"Delete\"/>");
        keyring.restart();
        keyring
    }

    fn bus_with(more_policy: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("unix:path={}/bus", folder.path().display());
        let configuration = folder.path().join("bus.conf");
        crate::fixture::put(
            &configuration,
            format!(
                "<busconfig><type>session</type><listen>{address}</listen><auth>EXTERNAL</auth>\
                 <policy context=\"default\"><allow send_destination=\"*\"/>\
                 <allow receive_sender=\"*\"/><allow own=\"*\"/>{more_policy}</policy></busconfig>"
            ),
        );
        let mut bus = Command::new("dbus-daemon")
            .args(["--nofork", "--print-address=1", "--config-file"])
            .arg(configuration)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Debian's package `dbus` has dbus-daemon");
        // It prints its address once it listens.
        BufReader::new(bus.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        Self { folder, address, children: vec![bus] }
    }

    /// A bus with a keyring that is open.
    pub(crate) fn unlocked() -> Self {
        let mut keyring = Self::bus_alone();
        keyring.restart();
        keyring
    }

    /// A bus with a daemon that has no keyring at all, as on a machine without a desktop.
    pub(crate) fn without_collection() -> Self {
        let mut keyring = Self::bus_alone();
        keyring.run_daemon(&[], "");
        keyring
    }

    /// Ends the session of its owner, who comes back without giving the password.
    pub(crate) fn lock(&mut self) {
        self.stop_daemon();
        self.run_daemon(&[], "");
    }

    /// Ends the daemon; the bus stays.
    pub(crate) fn stop_daemon(&mut self) {
        kill(self.children.pop().unwrap());
    }

    /// Starts the daemon with the keyring open.
    pub(crate) fn restart(&mut self) {
        self.run_daemon(&["--unlock"], "a password");
    }

    pub(crate) fn bus(&self) -> SessionBus {
        SessionBus::new(self.address.clone())
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Runs `secret-tool`, as another program would use the keyring.
    pub(crate) fn secret_tool(&self, arguments: &[&str], secret: &str) -> String {
        let mut child = self
            .command("secret-tool")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Debian's package `libsecret-tools` has secret-tool");
        child.stdin.take().unwrap().write_all(secret.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
    }

    /// Returns what `work` asks the keyring, in order.
    pub(crate) fn asked_by(&self, work: impl FnOnce()) -> Vec<String> {
        on_a_runtime(async {
            let connect =
                || async { Builder::address(self.address.as_str()).unwrap().build().await.unwrap() };
            let (monitor, other) = (connect().await, connect().await);
            let mut messages = zbus::MessageStream::from(&monitor);
            let proxy = zbus::fdo::MonitoringProxy::new(&monitor).await.unwrap();
            proxy.become_monitor(&["type='method_call'".try_into().unwrap()], 0).await.unwrap();
            work();
            // The last of them, so that it is known when all have been seen.
            other.call_method(Some(SECRETS), "/", Some(PEER), LAST, &()).await.unwrap();
            let mut asked = Vec::new();
            while let Some(message) = messages.next().await {
                let message = message.unwrap();
                let header = message.header();
                match header.member().map(ToString::to_string) {
                    Some(member) if member == LAST => break,
                    Some(member) if header.destination().is_some_and(|name| name == SECRETS) => {
                        asked.push(member);
                    }
                    Some(_) | None => {}
                }
            }
            asked
        })
    }

    fn command(&self, program: &str) -> Command {
        let home = self.folder.path();
        let mut command = Command::new(program);
        command
            .env("HOME", home)
            .env("XDG_DATA_HOME", home.join("share"))
            .env("XDG_RUNTIME_DIR", home)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .env_remove("DISPLAY")
            .current_dir(home)
            .process_group(0);
        command
    }

    fn run_daemon(&mut self, how: &[&str], password: &str) {
        let control = self.folder.path().join("control");
        let mut daemon = self
            .command("gnome-keyring-daemon")
            .args(["--foreground", "--components=secrets", "--control-directory"])
            .arg(control)
            .args(how)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Debian's package `gnome-keyring` has gnome-keyring-daemon");
        daemon.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        self.children.push(daemon);
        on_a_runtime(wait_for_owner(&self.address));
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        for child in self.children.drain(..).rev() {
            kill(child);
        }
    }
}

/// Waits until somebody serves secrets on the bus.
async fn wait_for_owner(address: &str) {
    let connection = Builder::address(address).unwrap().build().await.unwrap();
    let bus = zbus::fdo::DBusProxy::new(&connection).await.unwrap();
    let mut changes = bus.receive_name_owner_changed_with_args(&[(0, SECRETS)]).await.unwrap();
    if !bus.name_has_owner(SECRETS.try_into().unwrap()).await.unwrap() {
        changes.next().await.unwrap();
    }
}

pub(crate) fn on_a_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}
