//! `floor-gateway ADDRESS UPSTREAM KEY THREADS`: the floor of a gateway on hyper, which adds the model server's key and nothing
//! else.
//!
//! Each thread has its listener, its connections and what it keeps open to the model server, as in `keyfob-gateway`. Nobody
//! is asked who they are; there are no limits, no policy, no log, and no second look at what HTTP lets be read in two ways.

use anyhow::{Context as _, Result};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::SendRequest;
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// The gateway's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BACKLOG: u32 = 4_096;

/// Where requests go, and with what.
#[derive(Clone)]
struct Model {
    address: SocketAddr,
    key: HeaderValue,
}

thread_local! {
    /// The connections to the model server that nobody uses.
    static KEPT: RefCell<Vec<SendRequest<Incoming>>> = const { RefCell::new(Vec::new()) };
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, address, upstream, key, threads] = arguments.as_slice() else {
        anyhow::bail!("usage: floor-gateway ADDRESS UPSTREAM KEY THREADS")
    };
    let address: SocketAddr = address.parse()?;
    let model = Model { address: upstream.parse()?, key: HeaderValue::from_str(&format!("Bearer {key}"))? };
    let mut others = Vec::new();
    for _ in 1..threads.parse::<usize>()? {
        let model = model.clone();
        others.push(std::thread::spawn(move || run(address, &model)));
    }
    run(address, &model)
}

fn run(address: SocketAddr, model: &Model) -> Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(listen(address, model))
}

async fn listen(address: SocketAddr, model: &Model) -> Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(address).context("cannot listen")?;
    let listener: TcpListener = socket.listen(BACKLOG)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve(stream, model.clone()));
    }
}

async fn serve(stream: TcpStream, model: Model) {
    let service = service_fn(|request| forward(&model, request));
    // A client that hangs up has measured enough.
    let _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn forward(model: &Model, mut request: Request<Incoming>) -> Result<Response<Answer>> {
    let mut connection = loop {
        let Some(mut kept) = KEPT.with_borrow_mut(Vec::pop) else { break connect(model.address).await? };
        // One that has ended meanwhile is of no use.
        if kept.ready().await.is_ok() {
            break kept;
        }
    };
    request.headers_mut().insert(AUTHORIZATION, model.key.clone());
    let answer = connection.send_request(request).await?;
    Ok(answer.map(|body| Answer { body, connection: Some(connection) }))
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Incoming>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// An answer, which gives back what it came over.
struct Answer {
    body: Incoming,
    connection: Option<SendRequest<Incoming>>,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if self.body.is_end_stream()
            && let Some(connection) = self.connection.take()
        {
            KEPT.with_borrow_mut(|kept| kept.push(connection));
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
