//! The callback server, over real sockets.

use super::*;
use keyfob_oauth::token::State;
use keyfob_oauth::{AuthorizationCode, IssuerUrl};
use std::io::{Read as _, Write as _};
use std::net::Ipv4Addr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const GENUINE: &str = "/auth/callback?code=a&state=genuine";

async fn open() -> CallbackServer {
    let issuer = IssuerUrl::parse("https://id.test").unwrap();
    let expected = ExpectedCallback { state: State::new("genuine"), issuer, names_itself: false };
    CallbackServer::open(RegisteredCallbacks::AnyPort, expected).await.unwrap()
}

async fn send(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn get(port: u16, target: &str, headers: &str) -> String {
    send(port, &format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}\r\n")).await
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[tokio::test]
async fn c_08_only_names_of_this_address_are_answered() {
    let server = open().await;
    let port = server.port;
    let hosts = [
        "Host: evil.test\r\n".to_owned(),
        String::new(),
        format!("Host: 127.0.0.1:{port}\r\nHost: 127.0.0.1:{port}\r\n"),
        format!("Host: localhost:{port}@evil.test\r\n"),
        format!("Host: 127.0.0.1.:{port}\r\n"),
        "Host: 127.0.0.1\r\n".to_owned(),
        format!("Host: LOCALHOST:{port}\r\n"),
        format!("Host: localhost:{port}.\r\n"),
    ];
    for host in hosts {
        let answer = send(port, &format!("GET /done HTTP/1.1\r\n{host}\r\n")).await;
        assert!(matches!(status(&answer), "400" | "421"), "{host:?}: {answer}");
    }
    let for_a_proxy = format!("GET http://127.0.0.1:{port}/done HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
    assert_eq!(status(&send(port, &for_a_proxy).await), "421");
    for name in ["127.0.0.1", "localhost", "[::1]"] {
        let answer = send(port, &format!("GET /done HTTP/1.1\r\nHost: {name}:{port}\r\n\r\n")).await;
        assert_eq!(status(&answer), "404", "{name}");
    }
}

#[tokio::test]
async fn c_09_scripts_of_other_pages_are_not_answered() {
    let mut server = open().await;
    for headers in [
        "Origin: https://evil.test\r\n",
        "Sec-Fetch-Mode: no-cors\r\n",
        "Sec-Fetch-Mode: cors\r\n",
        "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n",
        "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: embed\r\n",
    ] {
        let answer = get(server.port, GENUINE, headers).await;
        assert_eq!(status(&answer), "403", "{headers}");
        assert!(!answer.to_ascii_lowercase().contains("access-control-"), "{answer}");
    }
    for method in ["POST", "OPTIONS", "PUT", "HEAD", "TRACE"] {
        let request = format!("{method} {GENUINE} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", server.port);
        assert_eq!(status(&send(server.port, &request).await), "403", "{method}");
    }
    assert!(server.answers.try_recv().is_err(), "no callback came through");
}

#[tokio::test]
async fn codex_defect_05_and_06_no_open_address_ends_a_sign_in() {
    let mut server = open().await;

    for path in ["/success", "/cancel", "/done", "/", "/auth/callback/", "/auth/callback?state=a&state=a"] {
        let answer = get(server.port, path, "").await;
        assert!(matches!(status(&answer), "404" | "400"), "{path}: {answer}");
    }
    assert!(server.answers.try_recv().is_err(), "no callback came through");
}

#[tokio::test]
async fn c_13_the_result_page_is_shown_after_the_fact_and_the_code_leaves_the_address_bar() {
    let mut server = open().await;
    let port = server.port;
    let browser = tokio::spawn(async move {
        let first = get(port, GENUINE, "Sec-Fetch-Mode: navigate\r\n").await;
        let second = get(port, "/done", "").await;
        (first, second)
    });

    assert_eq!(server.answer().await, Some(Answer::Code(AuthorizationCode::new("a"))));
    server.finish(Page::SignedIn).await;
    let (first, second) = browser.await.unwrap();

    assert_eq!(status(&first), "302");
    assert!(first.contains("\r\nlocation: /done\r\n"), "{first}");
    assert_eq!(status(&second), "200");
    assert!(second.ends_with("</html>\n") && second.contains("id=\"signed-in\""), "{second}");
    for header in ["cache-control: no-store", "referrer-policy: no-referrer", "default-src 'none'"] {
        assert!(second.contains(header), "{header}");
    }
    // The port is closed, or somebody else's by now.
    if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok() {
        assert!(!get(port, "/done", "").await.contains("id=\"signed-in\""), "still served");
    }
}

#[tokio::test]
async fn c_10_a_callback_that_is_not_exactly_one_is_refused() {
    let mut server = open().await;

    for target in [
        "/auth/callback?code=a&state=genuine&state=bad".to_owned(),
        "/auth/callback?code=a&code=b&state=genuine".to_owned(),
        "/auth/callback?code=a%00&state=genuine".to_owned(),
        "/auth/callback?code=%FF&state=genuine".to_owned(),
        format!("/auth/callback?code=a&state=genuine&x={}", "x".repeat(LONGEST_QUERY)),
    ] {
        assert_eq!(status(&get(server.port, &target, "").await), "400", "{target}");
    }
    for path in
        ["/auth//callback", "/auth/callback/", "/auth/%63allback", "/auth/../auth/callback", "/AUTH/CALLBACK"]
    {
        let answer = get(server.port, &format!("{path}?code=a&state=genuine"), "").await;
        assert_eq!(status(&answer), "404", "{path}");
    }
    let headers = format!("X: {}\r\n", "x".repeat(LONGEST_HEADERS));
    assert_eq!(status(&get(server.port, GENUINE, &headers).await), "431");
    assert!(server.answers.try_recv().is_err(), "no callback came through");
}

#[tokio::test]
async fn c_02_while_the_code_is_redeemed_a_wrong_state_is_refused_at_once() {
    let mut server = open().await;
    let port = server.port;
    let browser = tokio::spawn(async move { get(port, GENUINE, "").await });
    server.answer().await.unwrap();

    let wrong = get(port, "/auth/callback?code=b&state=forged", "").await;

    assert_eq!(status(&wrong), "400");
    assert!(!browser.is_finished(), "the browser waits for the result");
}

/// Asks on a thread of its own: the request goes out with the connection, however busy the machine is.
fn ask(port: u16, target: &str) -> String {
    let mut stream = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test]
async fn c_14_the_callback_that_comes_fifty_times_counts_once_and_each_sees_the_result() {
    let mut server = open().await;
    let port = server.port;
    let browsers: Vec<_> = (0..50)
        .map(|_| tokio::task::spawn_blocking(move || (ask(port, GENUINE), ask(port, "/done"))))
        .collect();

    assert!(server.answer().await.is_some());
    // Whoever comes when the sign-in is over finds nobody.
    server.owed.clone().wait_for(|pages| *pages == 50).await.unwrap();
    server.finish(Page::SignedIn).await;

    for browser in browsers {
        let (sent_on, page) = browser.await.unwrap();
        assert_eq!((status(&sent_on), status(&page)), ("302", "200"));
    }
}

#[tokio::test]
async fn c_14_a_browser_that_has_gone_is_not_waited_for() {
    let mut server = open().await;
    let mut gone = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).await.unwrap();
    let request = format!("GET {GENUINE} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", server.port);
    gone.write_all(request.as_bytes()).await.unwrap();
    server.answer().await.unwrap();
    drop(gone);
    let mut owed = server.owed.clone();
    owed.wait_for(|pages| *pages == 0).await.unwrap();

    // It would take the whole limit to wait for somebody.
    tokio::time::timeout(RESULT_LIMIT / 2, server.finish(Page::SignedIn)).await.unwrap();
}

#[tokio::test]
async fn c_11_slow_connections_do_not_keep_the_browser_out() {
    let mut server = open().await;
    let mut slow = Vec::new();
    for _ in 0..500 {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).await.unwrap();
        stream.write_all(b"GET /auth").await.unwrap();
        slow.push(stream);
    }
    let port = server.port;
    let browser = tokio::spawn(async move { get(port, GENUINE, "").await });

    assert!(server.answer().await.is_some());
    for _ in 0..500 {
        slow.push(TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).await.unwrap());
    }
    assert_eq!(status(&get(port, "/auth/callback?state=forged", "").await), "400");
    server.result.send_replace(Some(Page::SignedIn));

    assert_eq!(status(&browser.await.unwrap()), "302", "who brought the callback keeps its place");
}
