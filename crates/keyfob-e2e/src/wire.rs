//! The wire between everybody and the issuer: it counts refreshes, learns every token, and loses answers on demand.

use crate::evidence::Evidence;
use crate::leak::Kind;
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

/// Where an answer breaks off; the issuer has done its part by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Nothing of it arrives.
    BeforeHead,
    /// The head arrives, and nothing of the body.
    AfterHead,
    /// The head and half of the body arrive.
    InBody,
}

/// An answer that has come back from the issuer and is kept on the wire until this is dropped.
#[derive(Debug)]
pub struct Held {
    has_come: oneshot::Receiver<()>,
    _release: oneshot::Sender<()>,
}

impl Held {
    /// Waits until the issuer has answered.
    pub async fn has_come(&mut self) -> Result<()> {
        timeout(LIMIT, &mut self.has_come).await.context("no refresh was asked for")??;
        Ok(())
    }
}

/// What becomes of the answer to a refresh.
#[derive(Debug)]
enum Fault {
    Cut(Cut),
    Hold {
        has_come: oneshot::Sender<()>,
        release: oneshot::Receiver<()>,
    },
    /// The issuer is not asked.
    Instead {
        status: u16,
        body: String,
    },
}

/// What went over the wire since it was there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How often the issuer was asked to refresh.
    pub refreshes: usize,
    /// How many different refresh tokens it answered with.
    pub successors: usize,
}

impl Tally {
    /// Returns what came after `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self { refreshes: self.refreshes - before.refreshes, successors: self.successors - before.successors }
    }
}

/// Listens at the issuer's address and hands each request on to the issuer.
#[derive(Debug)]
pub struct Wire {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Seen {
    redeemed_codes: usize,
    refreshes: usize,
    successors: HashSet<String>,
    faults: VecDeque<Fault>,
    /// So many revocations are still to be refused.
    refused_revocations: usize,
    /// How many pushes were swallowed, once they are.
    swallowed_pushes: Option<usize>,
}

const LIMIT: Duration = Duration::from_mins(1);
const LARGEST: usize = 1024 * 1024;
const HEAD_END: &[u8] = b"\r\n\r\n";

impl Wire {
    /// Begins to listen at `address`, in front of the issuer at `issuer`.
    pub(crate) async fn start(address: SocketAddr, issuer: SocketAddr, evidence: Evidence) -> Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let seen = Arc::new(Mutex::new(Seen::default()));
        let end = End { issuer, seen: Arc::clone(&seen), evidence };
        Ok(Self { seen, task: tokio::spawn(accept(listener, end)) })
    }

    /// Returns what went over it so far.
    pub fn tally(&self) -> Tally {
        let seen = locked(&self.seen);
        Tally { refreshes: seen.refreshes, successors: seen.successors.len() }
    }

    /// Returns how often the issuer was asked to redeem a code.
    pub fn redeemed_codes(&self) -> usize {
        locked(&self.seen).redeemed_codes
    }

    /// Breaks off the answers to the next refreshes, one for each of `cuts`.
    pub fn lose(&self, cuts: impl IntoIterator<Item = Cut>) {
        locked(&self.seen).faults.extend(cuts.into_iter().map(Fault::Cut));
    }

    /// Keeps back the answer to the next refresh, which the issuer has done by then.
    pub fn hold(&self) -> Held {
        let (come, has_come) = oneshot::channel();
        let (release, released) = oneshot::channel();
        locked(&self.seen).faults.push_back(Fault::Hold { has_come: come, release: released });
        Held { has_come, _release: release }
    }

    /// Answers the next refreshes in the issuer's place, `times` in a row.
    pub fn answer_instead(&self, times: usize, status: u16, body: &str) {
        let answer = || Fault::Instead { status, body: body.to_owned() };
        locked(&self.seen).faults.extend(std::iter::repeat_with(answer).take(times));
    }

    /// Answers the next revocations with 503 in the issuer's place, `times` in a row.
    pub fn refuse_revocations(&self, times: usize) {
        locked(&self.seen).refused_revocations = times;
    }

    /// Swallows from now on what the feed answers to those who wait for news; who asks without waiting is answered.
    pub fn swallow_pushes(&self) {
        locked(&self.seen).swallowed_pushes.get_or_insert(0);
    }

    /// Returns how many answers were swallowed.
    pub fn swallowed_pushes(&self) -> usize {
        locked(&self.seen).swallowed_pushes.unwrap_or_default()
    }

    /// Has the issuer answer by itself again; returns how many faults were still to come.
    pub fn mend(&self) -> usize {
        std::mem::take(&mut locked(&self.seen).faults).len()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn locked(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, end: End) {
    let mut exchanges = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let end = end.clone();
        // A side that goes away ends its exchange, as it does without us.
        exchanges.spawn(async move { timeout(LIMIT, end.exchange(client)).await });
        while exchanges.try_join_next().is_some() {}
    }
}

/// The issuer's end of the wire.
#[derive(Clone)]
struct End {
    issuer: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    evidence: Evidence,
}

impl End {
    /// Hands one request on and its answer back, then closes the connection.
    async fn exchange(&self, mut client: TcpStream) -> Result<()> {
        let request = Message::read_request(&mut client).await?;
        let fault = request.is_refresh().then(|| self.note_refresh()).flatten();
        if request.is_to("/oauth/revoke") && self.refuses_revocation() {
            client.write_all(answer(503, "").as_bytes()).await?;
            return Ok(client.shutdown().await?);
        }
        if let Some(Fault::Instead { status, body }) = fault {
            client.write_all(answer(status, &body).as_bytes()).await?;
            return Ok(client.shutdown().await?);
        }
        let mut issuer = TcpStream::connect(self.issuer).await?;
        issuer.write_all(&request.with_close()).await?;
        let mut bytes = Vec::new();
        issuer.read_to_end(&mut bytes).await?;
        let answer = Message::split(bytes)?;
        if request.waits_for_news() && self.swallows_push() {
            // Whoever asked gives up after a while.
            client.read_u8().await?;
        }
        if ["/oauth/device_authorization", "/api/accounts/deviceauth/usercode"]
            .iter()
            .any(|path| request.is_to(path))
        {
            self.note_device(&answer.body);
        }
        if request.is_code() {
            locked(&self.seen).redeemed_codes += 1;
        }
        if request.is_to("/oauth/token") {
            self.note_tokens(&answer.body, request.is_refresh());
        }
        let cut = match fault {
            Some(Fault::Cut(cut)) => Some(cut),
            Some(Fault::Hold { has_come, release }) => {
                // Whoever waited for it may have given up.
                let _told = has_come.send(());
                let _released = release.await;
                None
            }
            Some(Fault::Instead { .. }) | None => None,
        };
        client.write_all(answer.until(cut)).await?;
        client.shutdown().await?;
        Ok(())
    }

    fn note_refresh(&self) -> Option<Fault> {
        let mut seen = locked(&self.seen);
        seen.refreshes += 1;
        seen.faults.pop_front()
    }

    fn refuses_revocation(&self) -> bool {
        let mut seen = locked(&self.seen);
        let refuses = seen.refused_revocations > 0;
        seen.refused_revocations = seen.refused_revocations.saturating_sub(1);
        refuses
    }

    fn swallows_push(&self) -> bool {
        locked(&self.seen).swallowed_pushes.as_mut().is_some_and(|swallowed| {
            *swallowed += 1;
            true
        })
    }

    fn note_device(&self, answer: &[u8]) {
        let Ok(answer) = serde_json::from_slice::<Value>(answer) else { return };
        for code in ["device_code", "device_auth_id"].iter().filter_map(|name| answer.get(name)?.as_str()) {
            self.evidence.note(Kind::DeviceCode, code);
        }
    }

    /// Every token that was ever given out is a secret of this run, also one that nobody received.
    fn note_tokens(&self, answer: &[u8], is_refresh: bool) {
        let Ok(answer) = serde_json::from_slice::<Value>(answer) else { return };
        let member = |name| answer.get(name).and_then(Value::as_str);
        for (name, kind) in [
            ("access_token", Kind::AccessToken),
            ("refresh_token", Kind::RefreshToken),
            ("id_token", Kind::IdToken),
        ] {
            if let Some(value) = member(name) {
                self.evidence.note(kind, value);
            }
        }
        if let Some(successor) = member("refresh_token").filter(|_| is_refresh) {
            locked(&self.seen).successors.insert(successor.to_owned());
        }
    }
}

/// A request or an answer of HTTP/1.1.
struct Message {
    /// With the empty line at its end.
    head: String,
    body: Vec<u8>,
    whole: Vec<u8>,
}

impl Message {
    fn split(whole: Vec<u8>) -> Result<Self> {
        let head = head_length(&whole).context("no end of a head")?;
        let (head, body) = whole.split_at(head);
        let (head, body) = (String::from_utf8(head.to_vec())?, body.to_vec());
        Ok(Self { head, body, whole })
    }

    async fn read_request(client: &mut TcpStream) -> Result<Self> {
        let mut bytes = Vec::new();
        while !is_whole(&bytes)? {
            ensure!(bytes.len() < LARGEST, "a request without end");
            if client.read_buf(&mut bytes).await? == 0 {
                bail!("a request that breaks off");
            }
        }
        Self::split(bytes)
    }

    fn is_to(&self, path: &str) -> bool {
        self.head.starts_with(&format!("POST {path} "))
    }

    /// A question that the feed answers once there is news.
    fn waits_for_news(&self) -> bool {
        let line = self.head.lines().next().unwrap_or_default();
        line.starts_with("GET /api/revocations?") && !line.contains("&wait=0 ")
    }

    fn is_code(&self) -> bool {
        self.is_to("/oauth/token") && self.has(b"grant_type=authorization_code")
    }

    fn has(&self, form: &[u8]) -> bool {
        self.body.windows(form.len()).any(|part| part == form)
    }

    /// Our form or the JSON of the Codex CLI.
    fn is_refresh(&self) -> bool {
        let in_json = || {
            let body: Value = serde_json::from_slice(&self.body).ok()?;
            Some(body.get("grant_type")? == "refresh_token")
        };
        self.is_to("/oauth/token") && (self.has(b"grant_type=refresh_token") || in_json() == Some(true))
    }

    /// The request, asking for the answer to end with the connection: so its end needs no parsing.
    fn with_close(&self) -> Vec<u8> {
        let kept = self.head.trim_end().lines().filter(|line| header(line, "connection").is_none());
        let lines: Vec<&str> = kept.chain(["connection: close", "", ""]).collect();
        [lines.join("\r\n").as_bytes(), &self.body].concat()
    }

    fn until(&self, cut: Option<Cut>) -> &[u8] {
        let end = match cut {
            None => self.whole.len(),
            Some(Cut::BeforeHead) => 0,
            Some(Cut::AfterHead) => self.head.len(),
            Some(Cut::InBody) => self.head.len() + self.body.len() / 2,
        };
        self.whole.get(..end).unwrap_or_default()
    }
}

fn answer(status: u16, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Instead\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

fn head_length(bytes: &[u8]) -> Option<usize> {
    bytes.windows(HEAD_END.len()).position(|part| part == HEAD_END).map(|start| start + HEAD_END.len())
}

fn is_whole(bytes: &[u8]) -> Result<bool> {
    let Some(end) = head_length(bytes) else { return Ok(false) };
    let (head, body) = bytes.split_at(end);
    let head = std::str::from_utf8(head)?;
    ensure!(head.lines().all(|line| header(line, "transfer-encoding").is_none()), "a request in chunks");
    let length = head.lines().find_map(|line| header(line, "content-length"));
    Ok(body.len() >= length.map_or(Ok(0), str::parse)?)
}

fn header<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (own, value) = line.split_once(':')?;
    own.eq_ignore_ascii_case(name).then(|| value.trim())
}
