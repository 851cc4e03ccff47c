//! The proxy that a company puts between its people and the world: tinyproxy, asked by CONNECT.

use crate::evidence::Evidence;
use crate::files;
use crate::front::Names;
use crate::leak::Stream;
use crate::process::{Program, Running};
use anyhow::{Context as _, Result};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

/// A running proxy; it alone knows by which address the issuer's name is meant.
#[derive(Debug)]
pub struct ForwardProxy {
    running: Running,
    address: SocketAddr,
}

const PORT: u16 = 8888;
/// It leads to https and nowhere else.
const CONFIGURATION: &str = "
Timeout 60
MaxClients 100
LogLevel Connect
ConnectPort 443
Allow 127.0.0.1
Allow 10.77.0.0/30
";

impl ForwardProxy {
    pub(crate) async fn start(
        world: &Path,
        names: &Names,
        at: Ipv4Addr,
        evidence: &Evidence,
    ) -> Result<Self> {
        let file = world.join("tinyproxy.conf");
        files::replace(&file, format!("Listen {at}\nPort {PORT}{CONFIGURATION}").as_bytes())?;
        let address = SocketAddr::from((at, PORT));
        let program = Program::new("tinyproxy", Path::new("tinyproxy"), world).args([
            Path::new("-d"),
            Path::new("-c"),
            &file,
        ]);
        let running = names.tell(program).start(evidence).await;
        let running = running.context("Debian's package `tinyproxy-bin` has it")?;
        running.serves(address).await?;
        Ok(Self { running, address })
    }

    /// Returns what `HTTPS_PROXY` is to hold.
    pub fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the host of every connection that it made for somebody, in order.
    pub fn connections(&self) -> Vec<String> {
        let log = self.running.printed_on(Stream::Stdout);
        let made = log.lines().filter_map(|line| line.split_once("Established connection to host \""));
        made.filter_map(|(_, rest)| Some(rest.split_once('"')?.0.to_owned())).collect()
    }
}
