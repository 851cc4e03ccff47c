//! TLS toward callers: which protocol is agreed on, and a certificate that changes.

use crate::world::{World, soon};
use futures_util::{FutureExt as _, StreamExt as _};
use http::{Request, StatusCode};
use keyfob_gateway::connection::{ConnectionLimits, Transport};
use keyfob_gateway::streams::Streams;
use keyfob_gateway::tls::{Tls, TlsFiles};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Writes a certificate of its own for `localhost` and its key.
pub(crate) fn make(folder: &Path, name: &str) {
    let of = |ending: &str| folder.join(format!("{name}{ending}"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(of(".key"))
        .arg("-out")
        .arg(of(".pem"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}

/// Puts the pair `name` where the gateway looks.
fn put(folder: &Path, name: &str, key: &str) {
    std::fs::copy(folder.join(format!("{name}.pem")), folder.join("live.pem")).unwrap();
    std::fs::copy(folder.join(format!("{key}.key")), folder.join("live.key")).unwrap();
}

async fn world(folder: &TempDir) -> (World, Arc<Tls>) {
    world_within(folder, ConnectionLimits::default()).await
}

async fn world_within(folder: &TempDir, limits: ConnectionLimits) -> (World, Arc<Tls>) {
    make(folder.path(), "a");
    make(folder.path(), "b");
    put(folder.path(), "a", "a");
    let files = TlsFiles { certificate: folder.path().join("live.pem"), key: folder.path().join("live.key") };
    let tls = Arc::new(Tls::open(files).unwrap());
    let transport = Transport { tls: Some(Arc::clone(&tls)), limits };
    (World::with(transport, Streams::default()).await, tls)
}

/// Connects, trusting the certificate `name` alone.
async fn connect(
    world: &World,
    folder: &TempDir,
    name: &str,
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(world.gateway).await.unwrap();
    shake_hands(stream, folder, name, protocols).await
}

async fn shake_hands(
    stream: TcpStream,
    folder: &TempDir,
    name: &str,
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    let file = folder.path().join(format!("{name}.pem"));
    roots.add(CertificateDer::from_pem_file(file).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let host = ServerName::try_from("localhost").unwrap();
    soon(TlsConnector::from(Arc::new(config)).connect(host, stream)).await
}

#[tokio::test]
async fn both_protocols_are_spoken_over_tls_and_the_open_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (world, _tls) = world(&folder).await;

    let stream = connect(&world, &folder, "a", &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let health = Request::get("https://localhost/healthz").body(()).unwrap();
    let (response, _) = soon(sender.ready()).await.unwrap().send_request(health, true).unwrap();
    assert_eq!(soon(response).await.unwrap().status(), StatusCode::OK);

    let mut stream = connect(&world, &folder, "a", &["http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    soon(stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    let plain = soon(async {
        let mut stream = TcpStream::connect(world.gateway).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: g\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok();
        answer
    });
    assert!(!plain.await.starts_with(b"HTTP/"));
}

#[tokio::test]
async fn g_43_a_new_certificate_counts_from_then_on_and_a_bad_one_never_does() {
    let folder = tempfile::tempdir().unwrap();
    let (world, tls) = world(&folder).await;
    let mut standing = connect(&world, &folder, "a", &["http/1.1"]).await.unwrap();

    // The halves of two pairs.
    put(folder.path(), "b", "a");
    tls.reload();
    // A good one after it is read after it, so that both were looked at once it is served.
    assert!(connect(&world, &folder, "a", &["http/1.1"]).await.is_ok());
    put(folder.path(), "b", "b");
    tls.reload();
    soon(async { while connect(&world, &folder, "b", &["http/1.1"]).await.is_err() {} }).await;
    assert!(connect(&world, &folder, "a", &["http/1.1"]).await.is_err());

    standing.write_all(b"GET /healthz HTTP/1.1\r\nhost: g\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    soon(standing.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
}

/// Connects from another address of loopback.
async fn connect_from(address: &str, world: &World) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(address.parse().unwrap(), 0)).unwrap();
    socket.connect(world.gateway).await.unwrap()
}

/// A handshake that begins and never ends; what is returned is done when it was hung up on.
async fn begun(address: &str, world: &World) -> impl Future<Output = ()> + use<> {
    /// The beginning of a record that announces 512 bytes of a handshake.
    const BEGINNING: &[u8] = &[22, 3, 1, 2, 0, 1];
    let mut stream = connect_from(address, world).await;
    stream.write_all(BEGINNING).await.ok();
    async move { drop(stream.read(&mut [0]).await) }
}

#[tokio::test]
async fn g_45_whoever_only_begins_handshakes_keeps_nobody_from_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let limits = ConnectionLimits {
        head: Duration::from_hours(1),
        most_handshakes: 6,
        most_handshakes_of_address: 4,
        ..ConnectionLimits::default()
    };
    let (world, _tls) = world_within(&folder, limits).await;

    let of_one = futures_util::stream::FuturesUnordered::new();
    for _ in 0..8 {
        of_one.push(begun("127.0.0.2", &world).await);
    }
    let mut of_one = of_one.chunks(4);
    soon(of_one.next()).await.unwrap();
    assert!(of_one.next().now_or_never().is_none(), "four of the address are waited for");
    let honest = connect_from("127.0.0.3", &world).await;
    assert!(shake_hands(honest, &folder, "a", &["h2"]).await.is_ok());

    let of_another = [begun("127.0.0.4", &world).await, begun("127.0.0.4", &world).await];
    soon(begun("127.0.0.4", &world).await).await;
    drop((of_one, of_another));
    soon(async { while connect(&world, &folder, "a", &["h2"]).await.is_err() {} }).await;
}

#[test]
fn a_certificate_with_the_key_of_another_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), "a");
    make(folder.path(), "b");
    let files = |certificate: &str, key: &str| TlsFiles {
        certificate: folder.path().join(certificate),
        key: folder.path().join(key),
    };
    let said = |files: TlsFiles| {
        Tls::open(files).unwrap_err().to_string().replace(folder.path().to_str().unwrap(), "")
    };

    assert_eq!(said(files("a.pem", "b.key")), "the key in /b.key does not belong to the certificate");
    assert_eq!(said(files("a.key", "a.key")), "/a.key holds no certificate in PEM");
    assert_eq!(said(files("a.pem", "a.pem")), "/a.pem holds no key in PEM");
    assert_eq!(said(files("c.pem", "a.key")), "cannot read /c.pem");
}
