//! A person's home with a local gateway over it, and an issuer that only refreshes.

use crate::world::{Answer, Exchange, FakeUpstream, FixedClock, NOW, soon};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use keyfob_client::Whereabouts;
use keyfob_client::tool_keys::{NewTool, ToolKeys, ToolName};
use keyfob_codex::auth_file::{AccountTokens, AuthFile, Provenance};
use keyfob_gateway::local::{Listener, LocalGateway, Person, SocketPlace, serve};
use keyfob_jose::{SigningKey, TokenType};
use keyfob_oauth::{
    AccessToken, ClientId, Entropy, EntropyError, IdToken, IssuerUrl, RefreshToken, Timestamp,
};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::ffi::OsString;
use std::io::Write as _;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Each drawing is another one.
#[derive(Debug, Default)]
pub(crate) struct Counting(AtomicU8);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.fill(self.0.fetch_add(1, Ordering::SeqCst));
        Ok(())
    }
}

/// A folder for its user alone, whatever the umask of the run is.
pub(crate) fn private_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(folder.path(), mode).unwrap();
    folder
}

/// `$CODEX_HOME`, in a folder that goes when the test ends.
pub(crate) struct Home {
    folder: TempDir,
}

impl Home {
    pub(crate) fn new(configuration: &str) -> Self {
        let home = Self { folder: private_folder() };
        home.put("config.toml", configuration);
        std::fs::create_dir(home.own_folder()).unwrap();
        home
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn own_folder(&self) -> PathBuf {
        self.path().join("keyfob")
    }

    pub(crate) fn put(&self, name: &str, text: &str) {
        std::fs::File::create(self.path().join(name)).unwrap().write_all(text.as_bytes()).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// The lines of audit of a tool, without what differs from run to run.
    pub(crate) fn audit(&self, tool: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.own_folder().join(format!("gateway-audit/{tool}.jsonl")));
        let lines = text.unwrap_or_default();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .map(|mut line| {
                assert_eq!(line["request_id"].as_str().unwrap().len(), 24);
                line.as_object_mut().unwrap().remove("request_id");
                line
            })
            .collect()
    }
}

/// A provider at `upstream` with these lines in its entry.
pub(crate) fn provider(upstream: SocketAddr, lines: &str) -> String {
    format!(
        "model_provider = 'p'\n[model_providers.p]\nname = 'P'\nbase_url = 'http://{upstream}/base/v1'\n{lines}\n"
    )
}

/// A running gateway.
pub(crate) struct Local {
    pub(crate) home: Home,
    pub(crate) upstream: FakeUpstream,
    pub(crate) address: SocketAddr,
    pub(crate) socket: PathBuf,
    pub(crate) key: String,
    runtime: TempDir,
    entropy: Arc<Counting>,
    _stop: oneshot::Sender<()>,
    _tasks: JoinSet<()>,
}

/// What the provider of most tests goes by.
pub(crate) const PROVIDER_TOKEN: &str = "sk-provider-0123456789";

impl Local {
    /// A gateway whose provider has a token of its own, and a tool with a key.
    pub(crate) async fn new() -> Self {
        Self::with(&format!("experimental_bearer_token = '{PROVIDER_TOKEN}'"), &[], |_| {}).await
    }

    /// A gateway whose provider has these lines, with these variables set, after `prepare`.
    pub(crate) async fn with(lines: &str, variables: &[(&str, &str)], prepare: impl FnOnce(&Home)) -> Self {
        let upstream = FakeUpstream::start().await;
        let home = Home::new(&provider(upstream.address, lines));
        prepare(&home);
        let variables: HashMap<String, OsString> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), value.into())).collect();
        let person = Person {
            whereabouts: Whereabouts { codex_home: Some(home.path().to_owned()), ..Whereabouts::default() },
            provider: None,
            login: None,
            login_variable: None,
            folder: None,
            variable: Box::new(move |name| variables.get(name).cloned()),
            without: Vec::new(),
        };
        let entropy = Arc::new(Counting::default());
        let gateway = LocalGateway::new(person, Arc::new(FixedClock), Arc::clone(&entropy) as _).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let runtime = private_folder();
        let place = SocketPlace::usual(Some(runtime.path())).unwrap();
        let bound = UnixListener::from_std(place.bind().unwrap()).unwrap();
        let listeners = vec![Listener::Tcp(listener), Listener::Unix(bound)];
        let (stop, stopped) = oneshot::channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listeners, Arc::new(gateway), async { drop(stopped.await) }));
        let mut local = Self {
            home,
            upstream,
            address,
            socket: place.path().to_owned(),
            key: String::new(),
            runtime,
            entropy,
            _stop: stop,
            _tasks: tasks,
        };
        local.key = local.tool("tool", None);
        local
    }

    pub(crate) fn runtime_folder(&self) -> &Path {
        self.runtime.path()
    }

    /// Answers the provider's next request.
    pub(crate) async fn reply(&self, status: u16, body: &str) -> Exchange {
        self.upstream.answer(&answer(status, body)).await
    }

    pub(crate) fn keys(&self) -> ToolKeys {
        ToolKeys::of(&keyfob_client::Home::new(self.home.path().to_owned()))
    }

    /// Makes a key.
    pub(crate) fn tool(&self, name: &str, quota: Option<u32>) -> String {
        let (name, quota) = (ToolName::parse(name).unwrap(), quota.and_then(NonZeroU32::new));
        let (tool, now) = (NewTool { name, quota, sandbox: None }, Timestamp::from_unix(NOW));
        self.keys().create(&tool, now, &*self.entropy).unwrap().expose().to_owned()
    }

    pub(crate) fn revoke(&self, name: &str) {
        self.keys().revoke(&ToolName::parse(name).unwrap()).unwrap();
    }

    /// A POST without a key.
    pub(crate) fn bare(&self) -> http::request::Builder {
        Request::post("/v1/responses")
            .header("host", self.address.to_string())
            .header("content-type", "application/json")
    }

    /// A POST with the tool's key.
    pub(crate) fn request(&self) -> http::request::Builder {
        self.with_key(&self.key)
    }

    pub(crate) fn with_key(&self, key: &str) -> http::request::Builder {
        self.bare().header("authorization", format!("Bearer {key}"))
    }

    /// Sends a request to the port and returns the answer as soon as it begins.
    pub(crate) async fn begin(
        &self,
        request: http::request::Builder,
        body: impl Into<Bytes>,
    ) -> Response<Incoming> {
        exchange(TcpStream::connect(self.address).await.unwrap(), request, body.into()).await
    }

    /// Sends a request to the port and returns the whole answer.
    pub(crate) async fn send(&self, request: http::request::Builder, body: impl Into<Bytes>) -> Answer {
        whole(self.begin(request, body).await).await
    }

    /// Sends a request to the socket and returns the whole answer.
    pub(crate) async fn send_to_socket(&self, request: http::request::Builder) -> Answer {
        let stream = UnixStream::connect(&self.socket).await.unwrap();
        whole(exchange(stream, request, Bytes::from_static(b"{}")).await).await
    }

    /// Sends these bytes to the port and returns everything that comes back until the gateway hangs up.
    pub(crate) async fn send_raw(&self, bytes: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        soon(stream.read_to_end(&mut answer)).await.ok();
        String::from_utf8(answer).unwrap()
    }
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    request: http::request::Builder,
    body: Bytes,
) -> Response<Incoming> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    // Owned by the answer: it ends when the answer's body does, or is dropped.
    tokio::spawn(connection);
    soon(sender.send_request(request.body(Full::new(body)).unwrap())).await.unwrap()
}

async fn whole(answer: Response<Incoming>) -> Answer {
    let (parts, body) = answer.into_parts();
    let body = soon(body.collect()).await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// An answer that ends its connection, so that each request comes to the upstream on one of its own.
pub(crate) fn answer(status: u16, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

/// An issuer whose only answer is the next access token.
pub(crate) struct Refresher {
    pub(crate) url: String,
    key: SigningKey,
    refreshes: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Refresher {
    pub(crate) async fn start() -> Self {
        Self::answering(200).await
    }

    /// Answers each refresh with `status`; one that is not 200 says that the session has ended.
    pub(crate) async fn answering(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let refreshes = Arc::new(AtomicUsize::new(0));
        let made = Arc::clone(&refreshes);
        let key = SigningKey::generate().unwrap();
        let tokens: Vec<String> = (1..9).map(|number| token(&key, &url, number)).collect();
        let tokens = Mutex::new(tokens.into_iter());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = vec![0; 16 * 1024];
                let length = stream.read(&mut head).await.unwrap();
                let asked = String::from_utf8_lossy(&head[..length]).into_owned();
                let (status, body) = if asked.starts_with("POST /oauth/token ") {
                    made.fetch_add(1, Ordering::SeqCst);
                    let next = tokens.lock().unwrap().next().unwrap();
                    let granted =
                        json!({ "access_token": next, "refresh_token": "rt-next", "token_type": "Bearer" });
                    let ended = json!({ "error": "invalid_grant" });
                    (status, if status == 200 { granted } else { ended })
                } else {
                    (404, json!({}))
                };
                stream.write_all(answer(status, &body.to_string()).as_bytes()).await.ok();
            }
        });
        Self { url, key, refreshes, _tasks: tasks }
    }

    /// How often it was asked.
    pub(crate) fn refreshes(&self) -> usize {
        self.refreshes.load(Ordering::SeqCst)
    }

    /// The access token with this number; the login is stored with the first, 0.
    pub(crate) fn token(&self, number: u8) -> Said {
        Said(token(&self.key, &self.url, number))
    }

    /// Signs somebody in.
    pub(crate) fn sign_in(&self, home: &Home) {
        let id = json!({ "sub": "mia", "https://api.openai.com/auth": { "chatgpt_account_id": "ws-1" } });
        let tokens = AccountTokens {
            access_token: AccessToken::new(self.token(0).0),
            refresh_token: Some(RefreshToken::new("rt-first")),
            id_token: IdToken::new(self.key.sign(TokenType::IdToken, &id).unwrap()),
            provenance: Some(Provenance {
                issuer: IssuerUrl::parse(&self.url).unwrap(),
                client_id: ClientId::new("app"),
            }),
            account_id: Some("ws-1".into()),
            last_refresh: Some(Timestamp::from_unix(NOW)),
        };
        home.put("auth.json", &AuthFile::of_account(&tokens, "owner").to_text());
    }
}

/// A token; signatures differ from one signing to the next, so tokens are told by their claims.
#[derive(Debug)]
pub(crate) struct Said(String);

impl Said {
    /// Whether a request was sent with it.
    pub(crate) fn is_in(&self, authorization: &[&str]) -> bool {
        let signed = self.0.rsplit_once('.').unwrap().0;
        matches!(authorization, [only] if only.starts_with(&format!("Bearer {signed}.")))
    }
}

fn token(key: &SigningKey, issuer: &str, number: u8) -> String {
    let claims = json!({ "iss": issuer, "aud": issuer, "jti": number, "iat": NOW, "exp": NOW + 3600 });
    key.sign(TokenType::AccessToken, &claims).unwrap()
}
