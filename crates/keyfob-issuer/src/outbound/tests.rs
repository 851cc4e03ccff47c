//! Where nothing of ours goes, whoever names it.

use super::*;
use std::cell::Cell;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;

/// Answers one request with these bytes.
fn server(answer: Vec<u8>) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = vec![0; 4096];
        let length = stream.read(&mut head).unwrap();
        // Whoever has read enough hangs up.
        let _written = stream.write_all(&answer);
        String::from_utf8_lossy(&head[..length]).into_owned()
    });
    (address, thread)
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// Without a proxy.
fn way(reach: Reach) -> Way {
    Way { reach, proxy: None }
}

async fn nowhere(_host: String, _port: u16) -> io::Result<Vec<SocketAddr>> {
    Err(io::Error::from(io::ErrorKind::NotFound))
}

async fn fetch_here(answer: Vec<u8>) -> Result<Vec<u8>, OutboundError> {
    let (address, thread) = server(answer);
    let url = Url::parse(&format!("http://keys.test:{}/jwks", address.port())).unwrap();
    let fetched = fetch_by(&url, &way(Reach::Everything), async |_, _| Ok(vec![address])).await;
    let head = thread.join().unwrap();
    assert!(head.starts_with("GET /jwks HTTP/1.1\r\n") && !head.contains("authorization"), "{head}");
    fetched
}

#[test]
fn i_67_addresses_that_are_nobodys_or_somebodys_own_are_not_of_the_internet() {
    let public = [
        "1.1.1.1",
        "140.82.112.3",
        "100.63.0.1",
        "2606:50c0::153",
        "64:ff9b::8c52:7003",
        "2002:8c52:7003::1",
    ];
    let private = [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.1.2.3",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:a00:1::1",
        "3fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ];
    for address in public {
        assert!(is_public(address.parse().unwrap()), "{address}");
    }
    for address in private {
        assert!(!is_public(address.parse().unwrap()), "{address}");
    }
}

#[tokio::test]
async fn i_67_addresses_in_every_spelling_other_schemes_and_users_are_refused_before_a_connection() {
    for url in [
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://017700000001/",
        "https://[::1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://[64:ff9b::a9fe:a9fe]/",
    ] {
        let refused = fetch_by(&Url::parse(url).unwrap(), &way(Reach::Public), nowhere).await;
        assert!(matches!(refused, Err(OutboundError::PrivateAddress { .. })), "{url}: {refused:?}");
    }
    for url in [
        "http://1.1.1.1/",
        "ftp://1.1.1.1/",
        "https://user@1.1.1.1/",
        "https://:password@1.1.1.1/",
        "file:///etc/passwd",
        "data:,x",
    ] {
        let refused = fetch_by(&Url::parse(url).unwrap(), &way(Reach::Public), nowhere).await;
        assert!(matches!(refused, Err(OutboundError::UnsafeAddress(_))), "{url}: {refused:?}");
    }
    let far = Url::parse("http://10.0.0.1/").unwrap();
    let refused = fetch_by(&far, &way(Reach::Everything), nowhere).await;
    assert!(
        matches!(refused, Err(OutboundError::UnsafeAddress(_))),
        "plain http leaves this machine: {refused:?}"
    );
}

#[tokio::test]
async fn i_67_a_name_is_resolved_once_and_one_private_address_among_public_ones_is_enough() {
    let asked = Cell::new(0);
    let url = Url::parse("https://rebinding.test/jwks").unwrap();
    let lookup = async |host: String, port: u16| {
        asked.set(asked.get() + 1);
        assert_eq!((&*host, port), ("rebinding.test", 443));
        Ok(vec!["1.1.1.1:443".parse().unwrap(), "127.0.0.1:443".parse().unwrap()])
    };

    let refused = fetch_by(&url, &way(Reach::Public), lookup).await;

    assert!(matches!(refused, Err(OutboundError::PrivateAddress { .. })), "{refused:?}");
    assert_eq!(asked.get(), 1);
}

#[tokio::test]
async fn i_67_the_connection_goes_to_the_resolved_address_and_a_document_comes_back() {
    // Nothing but the lookup above knows the name.
    assert_eq!(fetch_here(answer("200 OK", b"{}")).await.unwrap(), b"{}");
}

async fn post_here(answer: Vec<u8>) -> (Result<(), OutboundError>, String) {
    let (address, thread) = server(answer);
    let url = Url::parse(&format!("http://hook.test:{}/hook", address.port())).unwrap();
    let message = Message { headers: &[("webhook-id", "1")], body: Body::Json("{}".to_owned()) };
    let posted = post_by(&url, &way(Reach::Everything), message, async |_, _| Ok(vec![address])).await;
    (posted, thread.join().unwrap())
}

#[tokio::test]
async fn i_67_i_88_a_message_goes_through_the_same_door_and_follows_no_redirect() {
    let (posted, head) = post_here(answer("204 No Content", b"")).await;
    assert!(posted.is_ok(), "{posted:?}");
    assert!(head.starts_with("POST /hook HTTP/1.1\r\n") && head.contains("webhook-id: 1\r\n"), "{head}");
    for refusal in ["302 Found\r\nlocation: http://169.254.169.254/", "400 Bad Request", "503 Busy"] {
        let (posted, _) = post_here(answer(refusal, b"")).await;
        assert!(matches!(posted, Err(OutboundError::Status { .. })), "{posted:?}");
    }
    let message = Message { headers: &[], body: Body::Json(String::new()) };
    let here = Url::parse("https://169.254.169.254/").unwrap();
    let refused = post_by(&here, &way(Reach::Public), message, nowhere).await;
    assert!(matches!(refused, Err(OutboundError::PrivateAddress { .. })), "{refused:?}");
}

#[tokio::test]
async fn i_67_redirects_are_not_followed_and_large_or_compressed_answers_not_read() {
    let redirected = fetch_here(answer("302 Found\r\nlocation: http://169.254.169.254/", b"")).await;
    assert!(matches!(redirected, Err(OutboundError::Status { .. })), "{redirected:?}");
    let large = fetch_here(answer("200 OK", &vec![b' '; MOST_BYTES + 1])).await;
    assert!(matches!(large, Err(OutboundError::TooLarge(_))), "{large:?}");
    let compressed = fetch_here(answer("200 OK\r\ncontent-encoding: gzip", b"x")).await;
    assert!(matches!(compressed, Err(OutboundError::TooLarge(_))), "{compressed:?}");
}

#[tokio::test]
async fn i_67_through_a_proxy_names_are_its_to_resolve_and_what_is_private_is_refused_before_it() {
    let (address, thread) = server(answer("403 Forbidden", b""));
    let proxy = Url::parse(&format!("http://{address}")).unwrap();
    let through = |reach| Way { reach, proxy: Some(proxy.clone()) };
    let fetch = async |url: &str, reach| fetch_by(&Url::parse(url).unwrap(), &through(reach), nowhere).await;

    for private in ["https://169.254.169.254/", "https://[::ffff:10.0.0.1]/", "https://0x7f000001/"] {
        let refused = fetch(private, Reach::Public).await;
        assert!(matches!(refused, Err(OutboundError::PrivateAddress { .. })), "{private}: {refused:?}");
    }
    for own in ["https://localhost/", "https://a.localhost./"] {
        let refused = fetch(own, Reach::Public).await;
        assert!(matches!(refused, Err(OutboundError::Resolve { .. })), "{own}: {refused:?}");
    }
    let plain = fetch("http://keys.test/", Reach::Everything).await;
    assert!(matches!(plain, Err(OutboundError::UnsafeAddress(_))), "{plain:?}");

    let asked = fetch("https://keys.test/jwks", Reach::Public).await;
    assert!(matches!(asked, Err(OutboundError::Http { .. })), "{asked:?}");
    let head = thread.join().unwrap();
    assert!(head.starts_with("CONNECT keys.test:443 HTTP/1.1\r\n"), "the first thing that came: {head}");
}

#[tokio::test]
async fn i_67_this_machine_itself_is_not_reached_through_a_proxy() {
    let (address, thread) = server(answer("200 OK", b"{}"));
    let proxy = Some(Url::parse("http://127.0.0.1:1").unwrap());
    let url = Url::parse(&format!("http://{address}/jwks")).unwrap();

    let fetched = fetch_by(&url, &Way { reach: Reach::Everything, proxy }, nowhere).await;

    assert_eq!(fetched.unwrap(), b"{}");
    assert!(thread.join().unwrap().starts_with("GET /jwks HTTP/1.1\r\n"));
}
