//! A network of a test's own: nothing but loopback, every port of it free, and no way to the rest of the world.

use anyhow::{Context as _, Result, ensure};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::marker::PhantomData;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// The calling thread's stay in a network of its own, with all that it starts meanwhile; ends when dropped.
#[derive(Debug)]
pub struct Network {
    outside: File,
    /// It is this thread that has moved.
    _of_this_thread: PhantomData<*const ()>,
}

impl Network {
    /// Moves the calling thread into a new network; needs root.
    pub fn enter() -> Result<Self> {
        let outside = File::open("/proc/thread-self/ns/net")?;
        // Holds the network until we are in it.
        let mut first = Command::new("unshare")
            .args(["--net", "sh", "-c", "ip link set lo up && echo up && exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run `unshare`")?;
        let mut up = String::new();
        BufReader::new(first.stdout.take().context("no standard output")?).read_line(&mut up)?;
        ensure!(up == "up\n", "no network of one's own, which needs root");
        move_to(&File::open(Path::new("/proc").join(first.id().to_string()).join("ns/net"))?)?;
        drop(first.stdin.take());
        first.wait()?;
        Ok(Self { outside, _of_this_thread: PhantomData })
    }
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
