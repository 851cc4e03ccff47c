//! An issuer that does what a good one never does, path by path, and a sign-in at it.

use crate::{Home, Ran};
use keyfob_jose::{SigningKey, TokenType};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};

pub(crate) const DISCOVERY: &str = "/.well-known/openid-configuration";
pub(crate) const TOKEN: &str = "/oauth/token";
pub(crate) const KEYS: &str = "/keys";
pub(crate) const REVOKE: &str = "/oauth/revoke";
pub(crate) const USER_CODE: &str = "/api/accounts/deviceauth/usercode";
pub(crate) const POLL: &str = "/api/accounts/deviceauth/token";
pub(crate) const WHO_AM_I: &str = "/api/accounts/v1/user-auth-credential/whoami";
pub(crate) const SESSIONS: &str = "/api/sessions";

/// Answers by path; it ends with the process of the test.
pub(crate) struct FakeIssuer {
    pub(crate) url: String,
    pub(crate) key: SigningKey,
    asked: mpsc::Receiver<String>,
    answers: Arc<Mutex<BTreeMap<String, String>>>,
}

impl FakeIssuer {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers: Arc<Mutex<BTreeMap<String, String>>> = Arc::default();
        let known = Arc::clone(&answers);
        let (asks, asked) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (known, asks) = (Arc::clone(&known), asks.clone());
                std::thread::spawn(move || serve(stream, &known, &asks));
            }
        });
        let issuer = Self { url, key: SigningKey::generate().unwrap(), asked, answers };
        issuer.answer(DISCOVERY, "200 OK", &issuer.metadata().to_string());
        issuer.answer(KEYS, "200 OK", &issuer.key.key_set().to_string());
        issuer
    }

    /// A discovery document with which nothing is wrong.
    pub(crate) fn metadata(&self) -> Value {
        let url = &self.url;
        json!({
            "issuer": url, "authorization_endpoint": format!("{url}/authorize"), "token_endpoint": format!("{url}{TOKEN}"),
            "jwks_uri": format!("{url}{KEYS}"), "keyfob_sessions_endpoint": format!("{url}{SESSIONS}"),
            "code_challenge_methods_supported": ["S256"],
        })
    }

    pub(crate) fn answer(&self, path: &str, status: &str, body: &str) {
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}");
        self.answer_raw(path, format!("{head}\r\nConnection: close\r\n\r\n{body}"));
    }

    pub(crate) fn redirect(&self, path: &str, status: u16, to: &str) {
        let head = format!("HTTP/1.1 {status} Elsewhere\r\nLocation: {to}\r\nContent-Length: 0");
        self.answer_raw(path, format!("{head}\r\nConnection: close\r\n\r\n"));
    }

    pub(crate) fn answer_raw(&self, path: &str, answer: String) {
        self.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    /// Whether `path` was asked for, of all that was since this was called.
    pub(crate) fn was_asked(&self, path: &str) -> bool {
        self.asked.try_iter().any(|asked| asked == path)
    }

    /// How often `path` was asked for since this was called.
    pub(crate) fn times_asked(&self, path: &str) -> usize {
        self.asked.try_iter().filter(|asked| asked == path).count()
    }

    /// Tokens for somebody of whom `claims` tell.
    pub(crate) fn tokens(&self, claims: &Value) -> String {
        let access = json!({ "iat": 0, "exp": crate::signed_in::FAR, "sub": "u-1" });
        json!({
            "access_token": self.key.sign(TokenType::AccessToken, &access).unwrap(), "token_type": "Bearer",
            "refresh_token": "rt-canary-0123456789", "expires_in": 3_600,
            "id_token": self.key.sign(TokenType::IdToken, claims).unwrap(),
        })
        .to_string()
    }

    /// What an ID token for this sign-in says.
    pub(crate) fn claims(&self, sign_in: &SignIn) -> Value {
        json!({
            "iss": self.url, "aud": sign_in.parameter("client_id"), "sub": "u-1", "email": "mia@example.org",
            "iat": 0, "exp": crate::signed_in::FAR, "nonce": sign_in.parameter("nonce"),
            "https://api.openai.com/auth": { "chatgpt_account_id": "ws-1", "chatgpt_plan_type": "pro" },
        })
    }
}

fn serve(mut stream: TcpStream, answers: &Mutex<BTreeMap<String, String>>, asks: &mpsc::Sender<String>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if line == "\r\n" {
            break;
        }
        head.push(line.to_ascii_lowercase());
    }
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap();
    let missing = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let answer = answers.lock().unwrap().get(path).cloned().unwrap_or_else(|| missing.into());
    // A client that has read enough may close, and a test that has seen enough may end. Before there is an answer, since
    // a client may end with it, and then it is asked who asked.
    let _told = asks.send(path.to_owned());
    let _written = stream.write_all(answer.as_bytes());
}

/// A `keyfob login` that has printed its address.
pub(crate) struct SignIn {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    said: String,
    address: String,
}

impl SignIn {
    pub(crate) fn start(home: &Home, issuer: &FakeIssuer) -> Self {
        Self::start_with(home, issuer, &[])
    }

    pub(crate) fn start_with(home: &Home, issuer: &FakeIssuer, arguments: &[&str]) -> Self {
        let mut command = home.command(&["login", "--no-browser", "--issuer", &issuer.url]);
        command.args(arguments);
        Self::begin(command)
    }

    /// Runs a command that prints the address on standard error.
    pub(crate) fn begin(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let (mut said, mut line) = (String::new(), String::new());
        while !line.starts_with("http") {
            line.clear();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "no address: {said}");
            said.push_str(&line);
        }
        Self { child, stderr, said, address: line.trim_end().to_owned() }
    }

    /// A parameter of the address, as it is written there.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.find(name).unwrap()
    }

    /// The same, if it is there.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        let query = self.address.split_once('?').unwrap().1;
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }

    /// Ends it without a callback.
    pub(crate) fn give_up(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Brings the callback with `query` beside the state, and waits for the end.
    pub(crate) fn finish(mut self, query: &str) -> Ran {
        let redirect = self.parameter("redirect_uri").replace("%3A", ":").replace("%2F", "/");
        let (host, path) = redirect.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let state = self.parameter("state");
        let mut stream = TcpStream::connect(host).unwrap();
        write!(stream, "GET /{path}?state={state}&{query} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 302 "), "{answer}");
        let mut stream = TcpStream::connect(host).unwrap();
        write!(stream, "GET /done HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        self.stderr.read_to_string(&mut self.said).unwrap();
        let code = self.child.wait().unwrap().code();
        Ran { code, stdout: String::new(), stderr: self.said }
    }
}
