//! `floor-issuer ADDRESS FOLDER TOKENS [audit|feed]`: the floor of a durable issuer, which redeems refresh tokens and
//! nothing else.
//!
//! A request is answered once its rotation is on disk: the token is looked up by its SHA-256, works once, and has a
//! successor; two tokens are signed with ES256. There is no policy, no reuse detection, no repeated answer and no log.
//! `audit` adds an entry of a hash chain to every rotation and `feed` a line of a list of revocations: what it would cost
//! a refresh to write one.
//!
//! The first TOKENS refresh tokens are written to `FOLDER/tokens`, one a line.

mod ledger;
mod token;

use anyhow::{Context as _, Result};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use ledger::{Beside, Ledger};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use token::Signer;
use tokio::net::{TcpListener, TcpStream};

const MOST_BYTES: usize = 64 * 1024;

struct Floor {
    ledger: Ledger,
    signer: Signer,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let (address, folder, count, beside) = match arguments.as_slice() {
        [_, address, folder, count] => (address, folder, count, Beside::Nothing),
        [_, address, folder, count, word] => (address, folder, count, Beside::parse(word)?),
        _ => anyhow::bail!("usage: floor-issuer ADDRESS FOLDER TOKENS [audit|feed]"),
    };
    let folder = Path::new(folder);
    let signer = Signer::new()?;
    let first = (0..count.parse()?).map(|_| token::random()).collect::<Result<Vec<String>>>()?;
    let ledger = Ledger::open(&folder.join("floor.db"), &first, beside)?;
    std::fs::File::create(folder.join("tokens"))?.write_all(first.join("\n").as_bytes())?;
    let listener = TcpListener::bind(address).await.context("cannot listen")?;
    let floor = Arc::new(Floor { ledger, signer });
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve(stream, Arc::clone(&floor)));
    }
}

async fn serve(stream: TcpStream, floor: Arc<Floor>) {
    let service = service_fn(|request| answer(Arc::clone(&floor), request));
    // A client that hangs up has measured enough.
    let _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(floor: Arc<Floor>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
    let body = Limited::new(request.into_body(), MOST_BYTES).collect().await;
    let body = body.map_err(|_| anyhow::anyhow!("the body is too large or was cut off"))?.to_bytes();
    let mut pairs = body.split(|byte| *byte == b'&');
    let presented = pairs.find_map(|pair| pair.strip_prefix(b"refresh_token=")).unwrap_or_default();
    let next = token::random()?;
    let Some(family) = floor.ledger.rotate(token::digest(presented), token::digest(next.as_bytes())).await?
    else {
        let mut refused = Response::new(Full::from(r#"{"error":"invalid_grant"}"#));
        *refused.status_mut() = StatusCode::BAD_REQUEST;
        return Ok(refused);
    };
    let (access, identity) = (floor.signer.sign("at+jwt", family)?, floor.signer.sign("JWT", family)?);
    let body = format!(
        r#"{{"access_token":"{access}","token_type":"Bearer","expires_in":3600,"refresh_token":"{next}","id_token":"{identity}","scope":"openid email profile offline_access"}}"#
    );
    let mut response = Response::new(Full::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
