//! An issuer that answers each request as its scenario says, and well where the scenario says nothing.

use super::uses::credential;
use anyhow::{Context as _, Result};
use keyfob_codex::client::CLIENT_ID;
use keyfob_jose::{SigningKey, TokenType};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub(crate) const USER_CODE: &str = "/api/accounts/deviceauth/usercode";
pub(crate) const POLL: &str = "/api/accounts/deviceauth/token";
pub(crate) const TOKEN: &str = "/oauth/token";
/// The same address, asked for an API key in the place of an ID token (RFC 8693).
pub(crate) const EXCHANGE: &str = "/oauth/token (token exchange)";
pub(crate) const REVOKE: &str = "/oauth/revoke";
pub(crate) const WHO_AM_I: &str = "/api/accounts/v1/user-auth-credential/whoami";
/// A model is asked at an address that ends so.
const MODEL: &str = "/responses";
const DISCOVERY: &str = "/.well-known/openid-configuration";
const KEYS: &str = "/.well-known/jwks.json";

/// An end that no test lives to see.
const FAR: i64 = 4_000_000_000;
/// The one account that there is.
pub(crate) const WORKSPACE: &str = "acct-1";

/// What a request is answered with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// What a good issuer answers.
    Good,
    /// This status and body.
    Says(u16, &'static str),
    /// A good answer without this member.
    Without(&'static str),
    /// A good answer with something else as this member.
    With(&'static str, &'static str),
    /// Nothing: the connection is closed.
    Closes,
    /// Nothing, and the connection stays open.
    Silence,
}

/// By address, what is answered to the first request and those after it; the last one stays.
pub(crate) type Answers = &'static [(&'static str, &'static [Answer])];

#[derive(Debug, Default)]
struct Script {
    answers: Answers,
    /// What belongs to the sign-in that was begun in a browser.
    nonce: Option<String>,
    asked: Vec<String>,
    /// What was shown to the model.
    shown: Vec<String>,
    times: BTreeMap<&'static str, usize>,
}

/// The issuer, until it is dropped.
#[derive(Debug)]
pub(crate) struct Fake {
    pub(crate) url: String,
    pub(crate) address: SocketAddr,
    part: Arc<Part>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Part {
    url: String,
    key: SigningKey,
    script: Mutex<Script>,
}

impl Fake {
    /// Begins to serve; `url` is its name where that is not its address.
    pub(crate) async fn start(url: Option<&str>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let url = url.map_or_else(|| format!("http://{address}"), str::to_owned);
        let part =
            Arc::new(Part { url: url.clone(), key: SigningKey::generate()?, script: Mutex::default() });
        let served = Arc::clone(&part);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let part = Arc::clone(&served);
                tokio::spawn(async move {
                    // Whoever asks may go away.
                    let _answered = part.serve(stream).await;
                });
            }
        });
        Ok(Self { url, address, part, serving })
    }

    /// Begins a scenario.
    pub(crate) fn play(&self, answers: Answers) {
        *self.part.script() = Script { answers, ..Script::default() };
    }

    /// Takes what the address of a sign-in asks for.
    pub(crate) fn expect_nonce(&self, nonce: Option<String>) {
        self.part.script().nonce = nonce;
    }

    /// Returns what was asked for since the scenario began.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.part.script().asked.clone()
    }

    /// Returns what was shown to the model since the scenario began.
    pub(crate) fn shown(&self) -> Vec<String> {
        self.part.script().shown.clone()
    }

    /// Returns what the Codex CLI stores of a sign-in at `issuer`.
    pub(crate) fn stored_account(&self, issuer: &str) -> Result<String> {
        let tokens = self.part.tokens(None)?;
        let document = json!({
            "auth_mode": "chatgpt", "OPENAI_API_KEY": null,
            "tokens": {
                "id_token": tokens.get("id_token"), "access_token": tokens.get("access_token"),
                "refresh_token": "the-refresh-token", "account_id": WORKSPACE,
                "oauth_provenance": { "issuer": issuer, "client_id": CLIENT_ID },
            },
            "last_refresh": "2026-11-22T13:45:27.128760237Z",
        });
        Ok(document.to_string())
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Part {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(&self, stream: TcpStream) -> Result<()> {
        let mut stream = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            anyhow::ensure!(stream.read_line(&mut head).await? > 0, "gone");
        }
        let (first, fields) = head.split_once("\r\n").context("no request")?;
        let length = fields.to_ascii_lowercase();
        let length = length.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body).await?;
        let mut words = first.split(' ');
        let (method, path) = (words.next().context("no method")?, words.next().context("no path")?);
        let body = String::from_utf8_lossy(&body);
        if path.ends_with(MODEL) {
            let line =
                fields.lines().find(|line| line.to_ascii_lowercase().starts_with("authorization: bearer "));
            let token = line.and_then(|line| line.get("authorization: bearer ".len()..));
            let shown = token.map_or_else(|| "nothing".to_owned(), |token| credential(token.trim_end()));
            let of = path.strip_suffix(MODEL).filter(|of| *of != "/v1").unwrap_or_default();
            let place = if of.is_empty() { String::new() } else { format!(" at {of}") };
            self.script().shown.push(format!("shows {shown}{place}"));
            return refuse(stream).await;
        }
        let is_exchange = path == TOKEN && body.contains("token-exchange");
        let path = if is_exchange { EXCHANGE } else { path };
        let (status, answer) = match self.next(method, path) {
            Answer::Good => (200, self.good(path)?),
            Answer::Without(member) => (200, with(&self.good(path)?, member, None)?),
            Answer::With(member, value) => (200, with(&self.good(path)?, member, Some(value))?),
            Answer::Says(status, text) => (status, text.to_owned()),
            Answer::Closes => return Ok(()),
            Answer::Silence => return std::future::pending().await,
        };
        let length = answer.len();
        let head =
            format!("HTTP/1.1 {status} \r\nContent-Type: application/json\r\nContent-Length: {length}");
        stream.write_all(format!("{head}\r\nConnection: close\r\n\r\n{answer}").as_bytes()).await?;
        Ok(stream.shutdown().await?)
    }

    fn next(&self, method: &str, path: &str) -> Answer {
        let mut script = self.script();
        script.asked.push(format!("{method} {path}"));
        let Some((path, answers)) = script.answers.iter().find(|(of, _)| *of == path) else {
            return Answer::Good;
        };
        let times = script.times.entry(path).or_default();
        *times += 1;
        answers.get(*times - 1).or(answers.last()).copied().unwrap_or(Answer::Good)
    }

    fn good(&self, path: &str) -> Result<String> {
        let url = &self.url;
        let answer = match path {
            DISCOVERY => json!({
                "issuer": url, "authorization_endpoint": format!("{url}/oauth/authorize"),
                "token_endpoint": format!("{url}{TOKEN}"), "jwks_uri": format!("{url}{KEYS}"),
                "code_challenge_methods_supported": ["S256"],
            }),
            KEYS => self.key.key_set(),
            USER_CODE => json!({
                "device_auth_id": "the-device", "user_code": "WXYZ-12345", "interval": "1",
            }),
            POLL => json!({
                "authorization_code": "the-code",
                "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
                "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            }),
            TOKEN => self.tokens(self.script().nonce.clone().as_deref())?,
            EXCHANGE => json!({ "access_token": "sk-of-the-exchange" }),
            WHO_AM_I => json!({
                "email": "mia@example.org", "chatgpt_user_id": "user-1", "chatgpt_account_id": WORKSPACE,
                "chatgpt_plan_type": "pro", "chatgpt_account_is_fedramp": false,
            }),
            _ => json!({}),
        };
        Ok(answer.to_string())
    }

    #[expect(clippy::disallowed_methods, reason = "an issuer lives in real time")]
    fn tokens(&self, nonce: Option<&str>) -> Result<Value> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let access = json!({
            "iss": self.url, "iat": now, "exp": FAR, "sub": "user-1",
            "https://api.openai.com/auth": { "chatgpt_account_id": WORKSPACE, "chatgpt_plan_type": "pro" },
        });
        let claims = json!({
            "iss": self.url, "aud": CLIENT_ID, "sub": "user-1", "email": "mia@example.org", "iat": now,
            "exp": FAR, "nonce": nonce,
            "https://api.openai.com/auth": {
                "chatgpt_account_id": WORKSPACE, "chatgpt_plan_type": "pro", "chatgpt_user_id": "user-1",
            },
        });
        Ok(json!({
            "id_token": self.key.sign(TokenType::IdToken, &claims)?,
            "access_token": self.key.sign(TokenType::AccessToken, &access)?,
            "refresh_token": "the-refresh-token", "token_type": "Bearer", "expires_in": 3_600,
        }))
    }
}

/// Answers for a model that wants nothing of anybody.
async fn refuse(mut stream: BufReader<TcpStream>) -> Result<()> {
    let answer = r#"{"error":{"message":"no","type":"invalid_request_error"}}"#;
    let head = format!("HTTP/1.1 400 \r\nContent-Type: application/json\r\nContent-Length: {}", answer.len());
    stream.write_all(format!("{head}\r\nConnection: close\r\n\r\n{answer}").as_bytes()).await?;
    Ok(stream.shutdown().await?)
}

/// Returns the JSON `text` with `value` as `member`, or without that.
fn with(text: &str, member: &str, value: Option<&str>) -> Result<String> {
    let mut document: Value = serde_json::from_str(text)?;
    let members = document.as_object_mut().context("no object")?;
    match value {
        Some(value) => members.insert(member.to_owned(), serde_json::from_str(value)?),
        None => members.remove(member),
    };
    Ok(document.to_string())
}
