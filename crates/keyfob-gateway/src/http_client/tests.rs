use super::*;
use crate::body::{BodyError, full};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioExecutor;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;

/// Serves HTTP/2 without TLS and counts connections; a request's answer is its path.
async fn h2_server() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let accepted = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&accepted);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            let service = service_fn(|request: Request<Incoming>| async move {
                assert_eq!(request.version(), Version::HTTP_2);
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(request.uri().path().to_owned()))))
            });
            let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(builder.serve_connection(TokioIo::new(stream), service));
        }
    });
    (address, accepted)
}

fn h2_request(address: &str, number: usize) -> Request<Body> {
    let uri = format!("http://{address}/{number}");
    Request::post(uri).version(Version::HTTP_2).body(full("{}")).unwrap()
}

#[tokio::test]
async fn a_hundred_requests_share_one_connection_over_http2_and_more_take_another() {
    let (address, accepted) = h2_server().await;
    let client = HttpClient::new(Trust::Nobody).unwrap();

    for (count, connections) in [(100, 1), (101, 2)] {
        let answers = (0..count).map(|number| client.request(h2_request(&address, number)));
        let answers = futures_util::future::join_all(answers).await;

        for (number, answer) in answers.into_iter().enumerate() {
            let body = answer.unwrap().into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, format!("/{number}"));
        }
        assert_eq!(accepted.load(Ordering::SeqCst), connections);
    }
}

#[tokio::test]
async fn an_answer_that_comes_before_its_request_is_over_is_read_while_the_rest_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"first\r\n") {
            tokio::io::AsyncReadExt::read_buf(&mut stream, &mut seen).await.unwrap();
        }
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await.unwrap();
        while !seen.ends_with(b"0\r\n\r\n") {
            tokio::io::AsyncReadExt::read_buf(&mut stream, &mut seen).await.unwrap();
        }
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"done").await.unwrap();
    });
    let (more, rest) = tokio::sync::oneshot::channel::<()>();
    let frame = |text: &'static str| Ok::<_, BodyError>(hyper::body::Frame::data(Bytes::from(text)));
    let body = futures_util::stream::unfold((0, Some(rest)), move |(step, mut rest)| async move {
        match (step, rest.take()) {
            (0, rest) => Some((frame("first"), (1, rest))),
            (1, Some(rest)) => {
                rest.await.unwrap();
                Some((frame("second"), (2, None)))
            }
            _ => None,
        }
    });
    let body = http_body_util::StreamBody::new(body).boxed_unsync();
    let client = HttpClient::new(Trust::Nobody).unwrap();

    let answer =
        client.request(Request::post(format!("http://{address}/")).body(body).unwrap()).await.unwrap();
    more.send(()).unwrap();

    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "done");
    server.await.unwrap();
}
