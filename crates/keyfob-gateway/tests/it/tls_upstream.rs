//! Upstreams over TLS, as the program reaches them.

use crate::command_line::edge;
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

fn acceptor(folder: &Path) -> TlsAcceptor {
    make(folder, "upstream");
    let certificate = CertificateDer::from_pem_file(folder.join("upstream.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("upstream.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
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
    let acceptor = acceptor(folder.path());
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
