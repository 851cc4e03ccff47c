//! What stands before an issuer that others reach: HAProxy, with a certificate of a CA of the world's own.

use crate::evidence::Evidence;
use crate::files;
use crate::process::{Program, Running};
use anyhow::{Context as _, Result};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// How an issuer behind TLS is found: nobody else knows its name, and nobody else trusts its certificate.
#[derive(Clone, Debug)]
pub struct Names {
    host: String,
    ca: PathBuf,
    hosts: PathBuf,
}

impl Names {
    /// Returns the name of the host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the file with the certificate of the CA.
    pub fn ca(&self) -> &Path {
        &self.ca
    }

    /// Lets `program` find the host by its name, as an entry in `/etc/hosts` would; only one that uses the system's libc.
    #[must_use]
    pub fn tell(&self, program: Program) -> Program {
        program.env("LD_PRELOAD", "libnss_wrapper.so").env("NSS_WRAPPER_HOSTS", &self.hosts)
    }
}

/// A running HAProxy.
#[derive(Debug)]
pub struct Front {
    pub(crate) names: Names,
    pub(crate) running: Running,
}

/// What it passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passes {
    /// Requests that it has read, as in operation.
    Requests,
    /// Whatever comes out of the encryption; who goes away behind it goes away before it.
    Bytes,
}

/// Where https is.
pub(crate) const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 443);

impl Front {
    /// Returns how it is found.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Begins to serve `https://{host}` in front of what listens at `back`.
    pub(crate) async fn start(
        world: &Path,
        host: &str,
        back: SocketAddr,
        passes: Passes,
        evidence: &Evidence,
    ) -> Result<Self> {
        let folder = world.join("front");
        files::make_folder(&folder)?;
        certify(&folder, host, evidence).await?;
        files::replace(&folder.join("hosts"), format!("{} {host}\n", ADDRESS.ip()).as_bytes())?;
        files::replace(&folder.join("haproxy.cfg"), configuration(&folder, back, passes).as_bytes())?;
        let running = Program::new("haproxy", Path::new("/usr/sbin/haproxy"), world)
            .args([Path::new("-db"), Path::new("-f"), &folder.join("haproxy.cfg")])
            .start(evidence)
            .await
            .context("Debian's package `haproxy` has it")?;
        running.serves(ADDRESS).await?;
        let names = Names { host: host.to_owned(), ca: folder.join("ca.pem"), hosts: folder.join("hosts") };
        Ok(Self { names, running })
    }
}

/// Makes a CA and a certificate of it for `host`, for two days.
async fn certify(folder: &Path, host: &str, evidence: &Evidence) -> Result<()> {
    let (name, certified) = (format!("/CN={host}"), format!("subjectAltName=DNS:{host}"));
    let of_ca =
        ["-subj", "/CN=A test's own CA", "-addext", "keyUsage=critical,keyCertSign", "-out", "ca.pem"];
    let of_server = ["-CA", "ca.pem", "-CAkey", "ca.pem.key", "-subj", &name, "-out", "server.pem"];
    let server_only = ["-addext", &certified, "-addext", "basicConstraints=critical,CA:FALSE"];
    for (arguments, key) in
        [(of_ca.to_vec(), "ca.pem.key"), ([of_server.as_slice(), &server_only].concat(), "server.pem.key")]
    {
        Program::new("openssl", Path::new("openssl"), folder)
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
            .args(["-days", "2", "-keyout", key])
            .args(arguments)
            .run(evidence)
            .await?
            .expect_code(0)?;
    }
    Ok(())
}

/// What `docs/operation.md` shows, and a line of log for each request: how it came, and no query.
fn configuration(folder: &Path, back: SocketAddr, passes: Passes) -> String {
    let certificate = folder.join("server.pem");
    let (mode, protocols, read) = match passes {
        Passes::Requests => {
            ("http", "h2,http/1.1", "log-format \"%HM %HP %ST %sslv %[ssl_fc_alpn]\"\n    option forwardfor")
        }
        Passes::Bytes => ("tcp", "http/1.1", ""),
    };
    format!(
        "global
    log stdout format raw local0
    ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
    mode {mode}
    log global
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend https
    bind {ADDRESS} ssl crt {certificate} alpn {protocols}
    {read}
    default_backend issuer
backend issuer
    server issuer {back}
",
        certificate = certificate.display(),
    )
}
