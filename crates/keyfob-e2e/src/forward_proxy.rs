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
}

const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8888);
/// It leads to https and nowhere else.
const CONFIGURATION: &str = "
Listen 127.0.0.1
Port 8888
Timeout 60
MaxClients 100
LogLevel Connect
ConnectPort 443
Allow 127.0.0.1
";

impl ForwardProxy {
    pub(crate) async fn start(world: &Path, names: &Names, evidence: &Evidence) -> Result<Self> {
        let file = world.join("tinyproxy.conf");
        files::replace(&file, CONFIGURATION.as_bytes())?;
        let program = Program::new("tinyproxy", Path::new("tinyproxy"), world).args([
            Path::new("-d"),
            Path::new("-c"),
            &file,
        ]);
        let running = names.tell(program).start(evidence).await;
        let running = running.context("Debian's package `tinyproxy-bin` has it")?;
        running.serves(ADDRESS).await?;
        Ok(Self { running })
    }

    /// Returns what `HTTPS_PROXY` is to hold.
    pub fn address(&self) -> String {
        format!("http://{ADDRESS}")
    }

    /// Returns the host of every connection that it made for somebody, in order.
    pub fn connections(&self) -> Vec<String> {
        let log = self.running.printed_on(Stream::Stdout);
        let made = log.lines().filter_map(|line| line.split_once("Established connection to host \""));
        made.filter_map(|(_, rest)| Some(rest.split_once('"')?.0.to_owned())).collect()
    }
}
