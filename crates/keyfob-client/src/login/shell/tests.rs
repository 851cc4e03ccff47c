//! How long a sign-in waits.

use super::*;
use crate::clock::SystemClock;
use crate::home::Home;
use crate::login::run::PATIENCE;
use crate::login::{Answer, ExpectedCallback};
use crate::network::Network;
use crate::store::SessionBus;
use keyfob_codex::client::RegisteredCallbacks;
use keyfob_codex::config::CredentialsStore;
use keyfob_oauth::token::State;
use std::net::Ipv4Addr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A sign-in that waits for the callback with the state `genuine`, for so long.
async fn waiting(patience: Duration) -> Shell {
    let issuer = IssuerUrl::parse("http://127.0.0.1:1").unwrap();
    let expected =
        ExpectedCallback { state: State::new("genuine"), issuer: issuer.clone(), names_itself: false };
    let server = CallbackServer::open(RegisteredCallbacks::AnyPort, expected).await.unwrap();
    let bus = SessionBus::new("unix:path=/nonexistent");
    let beside = Logins::new(
        Home::new("/nonexistent".into()),
        CredentialsStore::File,
        bus,
        Network::default(),
        Arc::default(),
    );
    Shell {
        store: beside.store(&Which::Shared),
        beside,
        http: Network::default().client(&issuer).unwrap(),
        issuer,
        client_id: ClientId::new("app"),
        workspaces: None,
        capabilities: Vec::new(),
        clock: Arc::new(SystemClock),
        machine: None,
        lock: None,
        server: Some(server),
        carried: None,
        deadline: tokio::time::Instant::now() + patience,
        redeemed: None,
    }
}

async fn call(port: u16, state: &str) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let target = format!("/auth/callback?code=a&state={state}");
    let request = format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn c_11_a_sign_in_ends_when_its_time_is_over_however_many_wrong_callbacks_come() {
    let mut shell = waiting(Duration::from_millis(200)).await;
    let port = shell.server.as_ref().unwrap().port;
    let caller = tokio::spawn(async move {
        loop {
            assert!(call(port, "forged").await.starts_with("HTTP/1.1 400 "));
        }
    });

    let (_nobody_types, mut typed) = mpsc::channel(1);
    let event = shell.callback(&mut typed).await.unwrap();

    assert!(matches!(event, Event::TimedOut), "{event:?}");
    assert!(!caller.is_finished(), "each of them was refused");
    caller.abort();
    assert_eq!(PATIENCE, Duration::from_mins(15));
}

#[tokio::test]
async fn c_11_the_callback_that_comes_in_time_counts() {
    let mut shell = waiting(PATIENCE).await;
    let port = shell.server.as_ref().unwrap().port;
    let caller = tokio::spawn(call(port, "genuine"));

    let (_nobody_types, mut typed) = mpsc::channel(1);
    let event = shell.callback(&mut typed).await.unwrap();

    assert!(matches!(event, Event::Called(Answer::Code(_))), "{event:?}");
    caller.abort();
}

#[tokio::test]
async fn s_19_a_line_that_says_nothing_is_told_and_the_sign_in_waits_on() {
    let mut shell = waiting(PATIENCE).await;
    let (person, mut typed) = mpsc::channel(1);

    person.send("http://127.0.0.1:1455/auth/callback?code=another&state=another".into()).await.unwrap();
    assert!(shell.callback(&mut typed).await.is_none());
    person.send("http://127.0.0.1:1455/auth/callback?code=a&state=genuine".into()).await.unwrap();
    let event = shell.callback(&mut typed).await.unwrap();

    assert!(matches!(event, Event::Called(Answer::Code(_))), "{event:?}");
}
