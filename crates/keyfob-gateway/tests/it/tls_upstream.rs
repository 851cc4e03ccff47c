//! Upstreams over TLS, as the program reaches them.

use crate::command_line::{configured, edge};
use crate::config_file::put;
use crate::pressure::program::{ready, token};
use crate::tls::make;
use crate::world::{FakeIssuer, World, soon};
use http::Request;
use http_body_util::BodyExt as _;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Speaks with whoever trusts `upstream.pem`, in the first of these protocols that both know.
fn acceptor(folder: &Path, protocols: &[&str]) -> TlsAcceptor {
    make(folder, "upstream");
    let certificate = CertificateDer::from_pem_file(folder.join("upstream.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("upstream.key")).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// Returns the next request's connection, once its head has come.
async fn next(listener: &TcpListener, acceptor: &TlsAcceptor) -> TlsStream<TcpStream> {
    let (stream, _) = soon(listener.accept()).await.unwrap();
    let mut stream = soon(acceptor.accept(stream)).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        assert_ne!(soon(stream.read_buf(&mut head)).await.unwrap(), 0);
    }
    stream
}

#[tokio::test]
async fn g_28_g_11_an_answer_over_tls_that_does_not_say_that_it_ends_breaks_off_at_the_caller() {
    let folder = tempfile::tempdir().unwrap();
    let acceptor = acceptor(folder.path(), &[]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/v1", listener.local_addr().unwrap().port());
    let issuer = FakeIssuer::start().await;
    let mut program = edge(&["--issuer", &issuer.url, "--upstream", &url]);
    let mut child = program.env("SSL_CERT_FILE", folder.path().join("upstream.pem")).spawn().unwrap();
    let (address, _lines) = ready(&mut child).await;
    let world = World::demo().await;
    let request = || {
        let request = Request::get("/v1/models").header("host", "g");
        request.header("authorization", format!("Bearer {}", token(&issuer)))
    };
    let until_the_end = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nok";
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n";

    for (bytes, says_so, is_whole) in [
        (until_the_end, true, true),
        (until_the_end, false, false),
        (chunked, true, false),
        (chunked, false, false),
    ] {
        let (answer, ()) = tokio::join!(world.try_begin(address, request(), ""), async {
            let mut stream = next(&listener, &acceptor).await;
            stream.write_all(bytes.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
            if says_so {
                stream.shutdown().await.unwrap();
            }
        });

        let body = match answer {
            Ok(answer) => soon(answer.into_body().collect()).await,
            Err(error) => Err(error),
        };
        let body = body.ok().map(http_body_util::Collected::to_bytes);
        assert_eq!(body.as_deref(), is_whole.then_some(&b"ok"[..]), "{bytes:?} {says_so}");
    }
}

#[tokio::test]
async fn g_12_a_web_socket_is_asked_for_over_http1_where_tls_would_choose_http2() {
    let folder = tempfile::tempdir().unwrap();
    let acceptor = acceptor(folder.path(), &["h2", "http/1.1"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = FakeIssuer::start().await;
    let config = folder.path().join("gateway.toml");
    let text = format!(
        "listen = '127.0.0.1:0'\nissuer = '{}'\n[streams]\nweb_sockets = true\n[upstream.a]\nurl = 'https://localhost:{}/v1'\n",
        issuer.url,
        listener.local_addr().unwrap().port()
    );
    put(&config, &text);
    let mut program = configured(&config);
    let mut child = program.env("SSL_CERT_FILE", folder.path().join("upstream.pem")).spawn().unwrap();
    let (address, _lines) = ready(&mut child).await;

    let mut caller = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /v1/responses HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        token(&issuer)
    );
    caller.write_all(request.as_bytes()).await.unwrap();

    let upstream = next(&listener, &acceptor).await;
    // It did not offer HTTP/2.
    assert_eq!(upstream.get_ref().1.alpn_protocol(), None);
}
