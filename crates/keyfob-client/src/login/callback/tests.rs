//! The callback server, over real sockets.

use super::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

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

#[test]
fn c_10_a_parameter_that_comes_twice_makes_the_callback_nothing() {
    let parsed = Callback::parse("code=a+b&state=%73&iss=https%3A%2F%2Fid.test&other=1&other=2");
    let expected = Callback {
        state: Some(State::new("s")),
        code: Some(AuthorizationCode::new("a b")),
        issuer: Some("https://id.test".into()),
        ..Callback::default()
    };
    assert_eq!(parsed, Some(expected));
    for query in ["state=a&state=a", "code=a&code=b", "error=a&error=b", "iss=a&iss=a"] {
        assert_eq!(Callback::parse(query), None, "{query}");
    }
}

#[tokio::test]
async fn c_08_only_names_of_this_address_are_answered() {
    let server = CallbackServer::open().await.unwrap();
    let port = server.port;
    let hosts = [
        "Host: evil.test\r\n".to_owned(),
        String::new(),
        format!("Host: 127.0.0.1:{port}\r\nHost: 127.0.0.1:{port}\r\n"),
        format!("Host: localhost:{port}@evil.test\r\n"),
        format!("Host: 127.0.0.1.:{port}\r\n"),
        "Host: 127.0.0.1\r\n".to_owned(),
    ];
    for host in hosts {
        let answer = send(port, &format!("GET /done HTTP/1.1\r\n{host}\r\n")).await;
        assert!(matches!(status(&answer), "400" | "421"), "{host:?}: {answer}");
    }
    let answer = send(port, &format!("GET /done HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n")).await;
    assert_eq!(status(&answer), "404");
}

#[tokio::test]
async fn c_09_scripts_of_other_pages_are_not_answered() {
    let mut server = CallbackServer::open().await.unwrap();
    let target = "/auth/callback?code=a&state=b";

    for headers in
        ["Origin: https://evil.test\r\n", "Sec-Fetch-Mode: no-cors\r\n", "Sec-Fetch-Mode: cors\r\n"]
    {
        assert_eq!(status(&get(server.port, target, headers).await), "403", "{headers}");
    }
    let post = format!("POST {target} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", server.port);
    assert_eq!(status(&send(server.port, &post).await), "403");
    assert!(server.callbacks.try_recv().is_err(), "no callback came through");
}

#[tokio::test]
async fn codex_defect_05_and_06_no_open_address_ends_a_sign_in() {
    let mut server = CallbackServer::open().await.unwrap();

    for path in ["/success", "/cancel", "/done", "/", "/auth/callback/", "/auth/callback?state=a&state=a"] {
        let answer = get(server.port, path, "").await;
        assert!(matches!(status(&answer), "404" | "400"), "{path}: {answer}");
    }
    assert!(server.callbacks.try_recv().is_err(), "no callback came through");
}

#[tokio::test]
async fn c_13_the_result_page_is_shown_after_the_fact_and_the_code_leaves_the_address_bar() {
    let mut server = CallbackServer::open().await.unwrap();
    let port = server.port;
    let browser = tokio::spawn(async move {
        let first = get(port, "/auth/callback?code=a&state=b", "Sec-Fetch-Mode: navigate\r\n").await;
        let second = get(port, "/done", "").await;
        (first, second)
    });

    let waiting = server.callbacks.recv().await.unwrap();
    server.finish(Page::SignedIn, Some(waiting.reply)).await;
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
async fn c_11_slow_connections_do_not_keep_the_browser_out() {
    let mut server = CallbackServer::open().await.unwrap();
    let mut slow = Vec::new();
    for _ in 0..500 {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).await.unwrap();
        stream.write_all(b"GET /auth").await.unwrap();
        slow.push(stream);
    }
    let port = server.port;
    let browser = tokio::spawn(async move { get(port, "/auth/callback?code=a&state=b", "").await });

    let waiting = server.callbacks.recv().await.unwrap();
    waiting.reply.send(Reply::Refuse).unwrap();

    assert_eq!(status(&browser.await.unwrap()), "400");
}
