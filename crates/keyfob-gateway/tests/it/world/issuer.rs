//! An issuer that says what a test wants.

use super::{AUDIENCE, NOW, read_head, soon};
use keyfob_jose::{SigningKey, TokenType};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// An issuer that serves discovery and keys; gone when dropped.
pub(crate) struct FakeIssuer {
    pub(crate) url: String,
    pub(crate) key: SigningKey,
    documents: Arc<Mutex<(Value, Vec<u8>)>>,
    feed: Arc<Mutex<FakeFeed>>,
    key_requests: Arc<AtomicUsize>,
    tasks: JoinSet<()>,
}

impl FakeIssuer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let key = SigningKey::generate().unwrap();
        let discovery = json!({
            "issuer": url, "jwks_uri": format!("{url}/jwks"), "keyfob_revocations_endpoint": format!("{url}/feed"),
            "introspection_endpoint": format!("{url}/introspect"),
        });
        let documents = Arc::new(Mutex::new((discovery, key.key_set().to_string().into_bytes())));
        let key_requests = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        let feed = Arc::<Mutex<FakeFeed>>::default();
        let served = (Arc::clone(&documents), Arc::clone(&feed), Arc::clone(&key_requests));
        tasks.spawn(serve_documents(listener, served.0, served.1, served.2));
        Self { url, key, documents, feed, key_requests, tasks }
    }

    /// Answers every question of the feed like this from now on.
    pub(crate) fn tell(&self, answer: FakeAnswer) {
        self.feed.lock().unwrap().answer = Some(answer);
    }

    /// Answers every question about a key like this from now on.
    pub(crate) fn introspect(&self, status: u16, answer: Value) {
        self.feed.lock().unwrap().introspected = Some((status, answer));
    }

    /// Returns the questions that the feed was asked so far, with who asked.
    pub(crate) fn questions(&self) -> Vec<String> {
        self.feed.lock().unwrap().questions.clone()
    }

    /// Signs what the feed answers to who knows `after`.
    pub(crate) fn feed(&self, after: u64, epoch: u64, revoked: &Value) -> String {
        self.feed_of(&self.key, &json!({ "after": after, "epoch": epoch, "revoked": revoked }))
    }

    /// Signs an answer of the feed with `key`, with these claims in place of the usual ones.
    pub(crate) fn feed_of(&self, key: &SigningKey, changes: &Value) -> String {
        let mut claims = json!({ "iss": self.url, "aud": "gateway", "iat": NOW, "exp": NOW + 60 });
        for (claim, value) in changes.as_object().unwrap() {
            claims[claim] = value.clone();
        }
        key.sign(TokenType::Revocations, &claims).unwrap()
    }

    pub(crate) fn publish(&self, key_set: impl Into<Vec<u8>>) {
        self.documents.lock().unwrap().1 = key_set.into();
    }

    pub(crate) fn discovery(&self, document: Value) {
        self.documents.lock().unwrap().0 = document;
    }

    pub(crate) fn key_requests(&self) -> usize {
        self.key_requests.load(Ordering::SeqCst)
    }

    /// Stops answering for good.
    pub(crate) async fn leave(&mut self) {
        self.tasks.shutdown().await;
    }

    pub(crate) fn claims(&self) -> Value {
        json!({
            "iss": self.url, "aud": AUDIENCE, "sub": "u-1", "client_id": "app", "workspace_id": "w-1",
            "scope": "openid", "sid": "s-1", "jti": "t-1", "iat": NOW, "exp": NOW + 600,
        })
    }

    pub(crate) fn token(&self) -> String {
        self.token_with("jti", json!("t-1"))
    }

    /// A token for a gateway whose clock is the real one.
    pub(crate) fn token_of_today(&self) -> String {
        let now = real_now();
        let mut claims = self.claims();
        (claims["iat"], claims["exp"]) = (json!(now - 10), json!(now + 600));
        self.key.sign(TokenType::AccessToken, &claims).unwrap()
    }

    pub(crate) fn token_with(&self, claim: &str, value: Value) -> String {
        let mut claims = self.claims();
        claims[claim] = value;
        self.key.sign(TokenType::AccessToken, &claims).unwrap()
    }
}

#[expect(clippy::disallowed_methods, reason = "the program that is started has the real clock")]
fn real_now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// What a feed answers.
pub(crate) type FakeAnswer = Box<dyn Fn(&str) -> (u16, String) + Send>;

/// A feed that answers what a test says.
#[derive(Default)]
struct FakeFeed {
    answer: Option<FakeAnswer>,
    questions: Vec<String>,
    /// What introspection answers, by status and body.
    introspected: Option<(u16, Value)>,
}

impl FakeFeed {
    fn ask(&mut self, head: &str) -> (u16, String) {
        let question = head.split(' ').nth(1).unwrap().to_owned();
        let asker = asker(head);
        let answer = self.answer.as_ref().map_or((503, String::new()), |answer| answer(&question));
        self.questions.push(format!("{question} {asker}"));
        answer
    }
}

fn asker(head: &str) -> &str {
    head.lines().find(|line| line.starts_with("authorization: ")).unwrap_or_default()
}

async fn serve_documents(
    listener: TcpListener,
    documents: Arc<Mutex<(Value, Vec<u8>)>>,
    feed: Arc<Mutex<FakeFeed>>,
    key_requests: Arc<AtomicUsize>,
) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = read_head(&mut stream).await;
        let mut status = 200;
        let body = if head.starts_with("GET /.well-known/openid-configuration ") {
            documents.lock().unwrap().0.to_string().into_bytes()
        } else if head.starts_with("GET /feed?") {
            let (answered, body) = feed.lock().unwrap().ask(&head);
            status = answered;
            body.into_bytes()
        } else if head.starts_with("POST /introspect ") {
            let token = soon(read_token(&mut stream, &head)).await;
            let mut feed = feed.lock().unwrap();
            feed.questions.push(format!("{token} {}", asker(&head)));
            let (answered, body) = feed.introspected.clone().unwrap();
            status = answered;
            body.to_string().into_bytes()
        } else {
            assert!(head.starts_with("GET /jwks "), "{head}");
            key_requests.fetch_add(1, Ordering::SeqCst);
            documents.lock().unwrap().1.clone()
        };
        let head =
            format!("HTTP/1.1 {status} OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        // The gateway may hang up on a document that is too large.
        if stream.write_all(head.as_bytes()).await.is_ok() {
            stream.write_all(&body).await.ok();
        }
    }
}

/// Reads the whole body of a request for introspection, some of which may be in what was read as its head.
async fn read_token(stream: &mut TcpStream, head: &str) -> String {
    let (head, begun) = head.split_once("\r\n\r\n").unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = begun.as_bytes().to_vec();
    while body.len() < length.parse().unwrap() {
        assert_ne!(stream.read_buf(&mut body).await.unwrap(), 0, "the body broke off");
    }
    String::from_utf8(body).unwrap().strip_prefix("token=").unwrap().to_owned()
}
