//! Callers that send what no library would.

use super::servers::Seen;
use crate::http2::{PREFACE, frame, literal};
use crate::world::soon;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Admitted,
    Refused,
}

/// Sends these bytes and returns the status of each answer until the gateway hangs up.
pub(super) async fn at_once(gateway: SocketAddr, bytes: &str) -> Vec<u16> {
    let mut stream = TcpStream::connect(gateway).await.unwrap();
    rest(&mut stream, bytes, Vec::new()).await
}

/// The same, where the rest is sent when the first request was answered.
pub(super) async fn one_after_another(gateway: SocketAddr, first: &str, bytes: &str) -> Vec<u16> {
    let mut stream = TcpStream::connect(gateway).await.unwrap();
    stream.write_all(first.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nok") {
        assert_ne!(soon(stream.read_buf(&mut answer)).await.unwrap(), 0, "the answer broke off");
    }
    rest(&mut stream, bytes, answer).await
}

async fn rest(stream: &mut TcpStream, bytes: &str, mut answers: Vec<u8>) -> Vec<u16> {
    // It may hang up on what it has refused already.
    stream.write_all(bytes.as_bytes()).await.ok();
    soon(stream.read_to_end(&mut answers)).await.ok();
    let answers = String::from_utf8(answers).unwrap();
    let statuses =
        answers.split("HTTP/1.").skip(1).map(|answer| answer.split(' ').nth(1).unwrap().parse().unwrap());
    statuses.filter(|status| *status != 100).collect()
}

/// Sends a request over HTTP/2 with the lines of one of HTTP/1.1 as its fields, and what comes after them as its body.
///
/// Returns what came of it, and what a server must see of it if it was admitted.
pub(super) async fn over_http2(gateway: SocketAddr, bytes: &str, authorization: &str) -> (Told, Seen) {
    let (head, body) = bytes.split_once("\r\n\r\n").unwrap_or((bytes, ""));
    let (first, lines) = head.trim_start().split_once('\n').unwrap();
    let mut words = first.split_ascii_whitespace();
    let (method, target) = (words.next().unwrap(), words.next().unwrap_or("/v1/responses"));
    let fields = [(":method", method), (":scheme", "http"), (":authority", "g"), (":path", target)];
    let mut block: Vec<u8> = fields.iter().flat_map(|(name, value)| literal(name, value)).collect();
    for line in lines.replace("{}", "").split("\r\n") {
        // What is chunked over HTTP/1.1 comes as it is: the chunks are the body.
        if bytes.contains("?chunk.") && line.starts_with("transfer-encoding") {
            continue;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        block.extend(literal(&name.to_ascii_lowercase(), value.strip_prefix(' ').unwrap_or(value)));
    }
    block.extend(literal("authorization", authorization));
    let mut stream = TcpStream::connect(gateway).await.unwrap();
    let frames = [frame(4, 0, 0, b""), frame(1, 4, 1, &block), frame(0, 1, 1, body.as_bytes())].concat();
    stream.write_all(&[PREFACE, &frames].concat()).await.ok();
    let told = soon(answer(&mut stream)).await;
    let target = format!("/base{target}");
    (told, Seen { method: method.to_owned(), target, body: body.to_owned(), whole: true })
}

/// Reads frames until the one stream has ended.
async fn answer(stream: &mut TcpStream) -> Told {
    /// The static table of RFC 7541 has `:status: 200` at 8.
    const OK: u8 = 0x88;
    let mut told = Told::Refused;
    loop {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).await.is_err() {
            return Told::Refused;
        }
        let [a, b, c, kind, flags, number @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        if stream.read_exact(&mut payload).await.is_err() {
            return Told::Refused;
        }
        let is_ours = u32::from_be_bytes(number) == 1;
        match kind {
            1 if is_ours && payload.first() == Some(&OK) => told = Told::Admitted,
            3 if is_ours => return Told::Refused,
            7 => return Told::Refused,
            _ => {}
        }
        if is_ours && matches!(kind, 0 | 1) && flags & 1 == 1 {
            return told;
        }
    }
}
