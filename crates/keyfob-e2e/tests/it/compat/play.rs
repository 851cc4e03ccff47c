//! Playing one scenario with one program.

use super::fake::Fake;
use super::uses::{GOES_ON, Uses};
use super::words::{Blanks, Said};
use super::{File, Looks, Play, Row, Step, Stored};
use anyhow::{Context as _, Result};
use keyfob_e2e::process::{Finished, LIMIT, Program, Running};
use keyfob_e2e::{Home, Scene, files};
use serde_json::Value;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use url::Url;

/// Nobody listens there.
pub(crate) const NOBODY: &str = "http://127.0.0.1:9";

/// With which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Codex,
    Keyfob,
}

/// Where scenarios are played.
#[derive(Debug)]
pub(crate) struct Player<'a> {
    pub(crate) scene: &'a Scene,
    pub(crate) fake: &'a Fake,
    pub(crate) codex: &'a Path,
    /// What every program is told.
    pub(crate) variables: &'a [(&'a str, String)],
}

impl Player<'_> {
    /// Plays `row` in a new home and returns what the program did.
    pub(crate) async fn play(&self, row: &Row, which: Which) -> Result<Said> {
        self.fake.play(row.play.answers);
        let squatters = Squatters::hold(row.play.held).await?;
        let earlier = if row.play.is_second {
            let home = self.home(&format!("{}-{which:?}-first", row.name), &row.play)?;
            let running = self.program(&home, &row.play, which)?.start(self.scene.evidence()).await?;
            let address = home.printed_address(&running).await?;
            Some((running, address))
        } else {
            None
        };
        let home = self.home(&format!("{}-{which:?}", row.name), &row.play)?;
        let mut blanks = self.blanks(&home);
        let mut running = self.program(&home, &row.play, which)?.start(self.scene.evidence()).await?;
        let mut browser = Vec::new();
        // One that refuses at once prints no address.
        if !row.play.steps.is_empty()
            && let Ok(address) = home.printed_address(&running).await
        {
            self.expect(&address, &mut blanks);
            for step in row.play.steps {
                step.take(&address, &running, &mut browser).await?;
            }
        }
        let finished = running.finished(LIMIT).await?;
        if let Some((running, address)) = earlier {
            browser.push(self.finish_earlier(running, &address, &mut blanks).await?);
        }
        if row.play.looks == Looks::Use {
            let uses = Uses::of(which, &finished, self.fake);
            return Ok(Said {
                end: if uses.goes_on { GOES_ON.to_owned() } else { end(&finished) },
                stored: stored(&home)?.to_owned(),
                asked: uses.asked,
                stderr: blanks.in_text(&uses.stderr),
                ..Said::default()
            });
        }
        let asked = self.fake.asked().into_iter().chain(squatters.end().await);
        Ok(Said {
            end: end(&finished),
            stored: stored(&home)?.to_owned(),
            asked: asked.collect(),
            browser: browser.iter().map(|line| blanks.in_text(line)).collect(),
            stdout: blanks.in_text(&finished.stdout),
            stderr: blanks.in_text(&finished.stderr),
        })
    }

    fn home(&self, name: &str, play: &Play) -> Result<Home> {
        let issuer = if play.stored == Stored::AccountElsewhere { NOBODY } else { &self.fake.url };
        let mut home = self.scene.home(name, Url::parse(issuer)?)?.with_variable("BROWSER", "true");
        for (variable, value) in self.variables {
            home = home.with_variable(variable, value);
        }
        for (variable, value) in play.variables {
            home = home.with_variable(variable, value.replace("ISSUER", &self.fake.url));
        }
        self.configure(&mut home, play)?;
        match play.stored {
            Stored::Nothing => {}
            Stored::Account | Stored::AccountElsewhere => {
                home.configure()?;
                home.write_auth_text(&self.fake.stored_account(issuer)?)?;
            }
            Stored::ApiKey => {
                home.write_auth_text(r#"{"auth_mode":"apikey","OPENAI_API_KEY":"sk-0123456789"}"#)?;
            }
            Stored::PersonalToken => {
                let token = r#"{"OPENAI_API_KEY":null,"personal_access_token":"at-0123456789"}"#;
                home.write_auth_text(token)?;
            }
        }
        Ok(home)
    }

    fn configure(&self, home: &mut Home, play: &Play) -> Result<()> {
        let project = home.folder().display().to_string();
        for (file, text) in play.files {
            let text = text.replace("ISSUER", &self.fake.url).replace("PROJECT", &project);
            let beside = |folder: &str, name: &str| {
                let path = home.folder().join(folder).join(name);
                files::make_folder(path.parent().context("no folder")?)?;
                files::replace(&path, text.as_bytes())
            };
            match file {
                File::Requirements | File::Managed | File::System => home.administer(file.name(), &text)?,
                File::User | File::OfHome(_) => beside("codex", file.name())?,
                File::OfProject(_) => beside(".codex", file.name())?,
            }
        }
        match play.peculiar {
            Some((file, how)) => home.make_peculiar(file.name(), how),
            None => Ok(()),
        }
    }

    fn program(&self, home: &Home, play: &Play, which: Which) -> Result<Program> {
        let named = |arguments: &[&str]| {
            let arguments = arguments.iter().map(|argument| argument.replace("ISSUER", &self.fake.url));
            arguments.collect::<Vec<_>>()
        };
        let program = match which {
            Which::Codex => home.codex(self.codex, &[])?.args(named(play.codex)),
            Which::Keyfob => home.keyfob(&[])?.args(named(play.keyfob)),
        };
        Ok(match play.input {
            Some(input) => program.stdin(input),
            None => program,
        })
    }

    fn blanks(&self, home: &Home) -> Blanks {
        let mut blanks = Blanks::default();
        blanks.hide(&home.codex_home().display().to_string(), "CODEX_HOME");
        blanks.hide(&home.folder().display().to_string(), "PROJECT");
        if self.is_among_others() {
            blanks.hide(&self.fake.url, "ISSUER");
        }
        blanks
    }

    /// Whether other tests use the ports of this network too.
    fn is_among_others(&self) -> bool {
        self.fake.url.starts_with("http://")
    }

    /// Takes note of what belongs to this sign-in alone.
    fn expect(&self, address: &Url, blanks: &mut Blanks) {
        for (name, word) in [("state", "STATE"), ("code_challenge", "CHALLENGE"), ("nonce", "NONCE")] {
            if let Some(value) = parameter(address, name) {
                blanks.hide(&value, word);
            }
        }
        if let (Some(port), true) = (port(address), self.is_among_others()) {
            blanks.hide(&format!("localhost:{port}"), "localhost:PORT");
            blanks.hide(&format!("127.0.0.1%3A{port}"), "127.0.0.1%3APORT");
        }
        self.fake.expect_nonce(parameter(address, "nonce"));
    }

    /// Finishes the login that came first, if it still waits.
    async fn finish_earlier(&self, mut first: Running, address: &Url, blanks: &mut Blanks) -> Result<String> {
        self.expect(address, blanks);
        let mut seen = Vec::new();
        visit(address, "/auth/callback?code=the-code&state=STATE", &mut seen).await?;
        let finished = first.finished(LIMIT).await?;
        let last =
            finished.stderr.lines().rfind(|line| !line.is_empty() && !line.starts_with("Signed in as"));
        Ok(format!("the first login: {}: {}", end(&finished), last.unwrap_or_default()))
    }
}

impl Step {
    async fn take(self, address: &Url, running: &Running, seen: &mut Vec<String>) -> Result<()> {
        match self {
            Self::Visit(path) => visit(address, path, seen).await,
            Self::Interrupt => {
                running.interrupt();
                Ok(())
            }
        }
    }
}

/// Returns what kind of login is in `home`.
fn stored(home: &Home) -> Result<&'static str> {
    let Ok(text) = home.auth_text() else { return Ok("nothing") };
    let login: Value = serde_json::from_str(&text)?;
    let has = |member: &str| login.get(member).is_some_and(|value| !value.is_null());
    let kinds = [("tokens", "an account"), ("personal_access_token", "a token"), ("OPENAI_API_KEY", "a key")];
    Ok(kinds.into_iter().find(|(member, _)| has(member)).map_or("something else", |(_, kind)| kind))
}

fn end(finished: &Finished) -> String {
    match (finished.status.code(), finished.status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no end".into(),
    }
}

fn parameter(address: &Url, name: &str) -> Option<String> {
    address.query_pairs().find(|(parameter, _)| parameter == name).map(|(_, value)| value.into_owned())
}

/// Returns the port that `address` sends browsers back to.
fn port(address: &Url) -> Option<u16> {
    Url::parse(&parameter(address, "redirect_uri")?).ok()?.port()
}

/// Asks for `path` where `address` sends browsers back to, and for what that leads to there.
async fn visit(address: &Url, path: &str, seen: &mut Vec<String>) -> Result<()> {
    let port = port(address).context("no port")?;
    let mut next = Some(path.replace("STATE", &parameter(address, "state").context("no state")?));
    while let Some(path) = next.take() {
        // A program that is about to end may still take the connection: it closes it without a word, or the server in the
        // Codex CLI says 500 and nothing else for a request that nobody took.
        let answer = ask(port, &path).await.unwrap_or_default();
        let is_untaken = answer.starts_with("HTTP/1.1 500 ") && answer.ends_with("\r\n\r\n");
        if answer.is_empty() || is_untaken {
            seen.push(format!("GET {path}: nobody answers"));
            return Ok(());
        }
        let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
        let status = head.split(' ').nth(1).context("no status")?;
        let location = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("location").then(|| value.to_owned())
        });
        seen.push(format!("GET {path}: {status} {}", location.clone().unwrap_or_else(|| visible(body))));
        next = match location {
            Some(location) => {
                let to = Url::parse(&format!("http://localhost:{port}"))?.join(&location)?;
                anyhow::ensure!(to.port() == Some(port), "it leads elsewhere: {to}");
                Some(
                    to.query().map_or_else(|| to.path().to_owned(), |query| format!("{}?{query}", to.path())),
                )
            }
            None => None,
        };
    }
    Ok(())
}

async fn ask(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Returns the text of a page, without its markup.
fn visible(page: &str) -> String {
    let mut text = page.to_owned();
    for (from, to) in [("<head", "</head>"), ("<style", "</style>"), ("<script", "</script>"), ("<", ">")] {
        while let Some((before, rest)) = text.split_once(from) {
            let after = rest.split_once(to).map_or("", |(_, after)| after);
            text = format!("{before} {after}");
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Another program at ports of the callback.
#[derive(Debug)]
struct Squatters {
    heard: Arc<Mutex<Vec<String>>>,
    serving: Vec<JoinHandle<()>>,
}

impl Squatters {
    async fn hold(ports: &[u16]) -> Result<Self> {
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let mut serving = Vec::new();
        for port in ports {
            let (port, listener) = (*port, TcpListener::bind(("127.0.0.1", *port)).await?);
            let heard = Arc::clone(&heard);
            serving.push(tokio::spawn(async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    let mut text = Vec::new();
                    // Whoever asked may be gone.
                    while !text.ends_with(b"\r\n\r\n") && stream.read_buf(&mut text).await.unwrap_or(0) > 0 {}
                    let text = String::from_utf8_lossy(&text).into_owned();
                    let line = format!("port {port} hears {}", text.lines().next().unwrap_or("nothing"));
                    heard.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                    let answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                    let _answered = stream.write_all(answer.as_bytes()).await;
                }
            }));
        }
        Ok(Self { heard, serving })
    }

    /// Lets the ports go, and returns what was said there.
    async fn end(self) -> Vec<String> {
        for serving in self.serving {
            serving.abort();
            // It was told to.
            let _cancelled = serving.await;
        }
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
