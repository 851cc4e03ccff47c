//! An issuer that answers every request alike, or holds its answer back.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

pub(crate) struct Stub(TcpListener);

/// A request that was read and waits for its answer.
pub(crate) struct Asked(TcpStream);

impl Stub {
    pub(crate) fn open() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub(crate) fn issuer(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }

    /// Waits for a request; a connection that asks nothing is passed over.
    pub(crate) fn asked(&self) -> Asked {
        loop {
            let (mut stream, _) = self.0.accept().unwrap();
            if stream.read(&mut [0; 4096]).unwrap() > 0 {
                return Asked(stream);
            }
        }
    }

    /// Runs `act` while this answers each request with `status` and `body`.
    pub(crate) fn answering<T>(self, status: &'static str, body: String, act: impl FnOnce() -> T) -> T {
        // The thread ends with the process of the test.
        std::thread::spawn(move || {
            loop {
                self.asked().answer(status, &body);
            }
        });
        act()
    }
}

impl Asked {
    pub(crate) fn answer(mut self, status: &str, body: &str) {
        let length = body.len();
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        write!(
            self.0,
            "HTTP/1.1 {status}\r\nDate: {date}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .unwrap();
    }
}
