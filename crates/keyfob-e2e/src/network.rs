//! A network of a test's own: nothing but loopback, every port of it free, and no way to the rest of the world; and
//! another beside it, as of another machine.

use anyhow::{Context as _, Result, ensure};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::marker::PhantomData;
use std::net::Ipv4Addr;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The calling thread's stay in a network of its own, with all that it starts meanwhile; ends when dropped.
#[derive(Debug)]
pub struct Network {
    outside: File,
    /// It is this thread that has moved.
    _of_this_thread: PhantomData<*const ()>,
}

/// A network beside the test's own: a wire leads from it to [`Neighbour::OURS`] there, and neither reaches the other's
/// loopback. It goes with the value.
#[derive(Debug)]
pub struct Neighbour(Held);

/// A network that a process holds until it is dropped.
#[derive(Debug)]
struct Held(Child);

impl Network {
    /// Moves the calling thread into a new network; needs root.
    pub fn enter() -> Result<Self> {
        let outside = File::open("/proc/thread-self/ns/net")?;
        // It is there without its holder once we are in it.
        move_to(&File::open(Held::new()?.path())?)?;
        Ok(Self { outside, _of_this_thread: PhantomData })
    }
}

impl Neighbour {
    /// The address in the test's own network that is reached from there.
    pub const OURS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

    /// Makes one beside `_own`, in which the calling thread is.
    pub fn beside(_own: &Network) -> Result<Self> {
        let held = Held::new()?;
        let number = held.0.id().to_string();
        run(&["ip", "link", "add", "wire", "type", "veth", "peer", "name", "far", "netns", &number])?;
        run(&["ip", "address", "add", &format!("{}/30", Self::OURS), "dev", "wire"])?;
        run(&["ip", "link", "set", "wire", "up"])?;
        let neighbour = Self(held);
        let inside = neighbour.entering();
        let inside = |command: &[&'static str]| {
            run(&inside.iter().map(String::as_str).chain(command.iter().copied()).collect::<Vec<_>>())
        };
        inside(&["ip", "address", "add", "10.77.0.2/30", "dev", "far"])?;
        inside(&["ip", "link", "set", "far", "up"])?;
        Ok(neighbour)
    }

    /// Returns the words before those of a command that is to run in it.
    pub fn entering(&self) -> Vec<String> {
        vec!["nsenter".into(), format!("--net={}", self.0.path().display()), "--".into()]
    }
}

impl Held {
    fn new() -> Result<Self> {
        let mut holder = Command::new("unshare")
            .args(["--net", "sh", "-c", "ip link set lo up && echo up && exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run `unshare`")?;
        let mut up = String::new();
        let stdout = holder.stdout.take();
        let held = Self(holder);
        BufReader::new(stdout.context("no standard output")?).read_line(&mut up)?;
        ensure!(up == "up\n", "no network of one's own, which needs root");
        Ok(held)
    }

    fn path(&self) -> PathBuf {
        Path::new("/proc").join(self.0.id().to_string()).join("ns/net")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // It ends with its standard input; one that cannot be waited for ends with its test.
        drop(self.0.stdin.take());
        let _ended = self.0.wait();
    }
}

fn run(command: &[&str]) -> Result<()> {
    let (program, arguments) = command.split_first().context("no command")?;
    let status =
        Command::new(program).args(arguments).status().with_context(|| format!("cannot run {program}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}

impl Drop for Network {
    fn drop(&mut self) {
        // A thread that cannot go back ends with its test.
        let _moved = move_to(&self.outside);
    }
}

fn move_to(network: &File) -> Result<()> {
    move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network)).context("not let in")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn every_port_is_free_in_a_network_of_ones_own_and_as_before_outside() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();

        let network = Network::enter().unwrap();
        let inside = TcpListener::bind(address);
        drop(network);
        let outside = TcpListener::bind(address);

        assert!(inside.is_ok(), "{inside:?}");
        assert_eq!(outside.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    }
}
