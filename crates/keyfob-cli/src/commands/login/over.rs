//! `keyfob login --over ssh:USER@HOST`: the login is kept over there, and the browser is here.
//!
//! ssh carries the callback to a socket that nobody else over there reaches, so that no port of a machine with several
//! users takes part (security C-67). The sign-in over there ends when its standard input does: with this one.

use super::super::handoff::{failure_of, plain};
use super::super::{on_runtime, unless_interrupted};
use super::face::Notes;
use super::prompt;
use crate::args::Login;
use crate::error::{CommandError, Failure, HandoffFailure};
use crate::exit::Exit;
use crate::output;
use keyfob_client::SystemEntropy;
use keyfob_client::login::Carried;
use keyfob_codex::client::{CALLBACK_PATH, CALLBACK_PORTS};
use keyfob_oauth::Entropy;
use serde_json::Value;
use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::Command;
use url::Url;

const SCHEME: &str = "ssh:";
/// What the program over there says is a few lines.
const MOST_BYTES: u64 = 256 * 1024;

/// Signs in another machine.
pub(super) fn run(arguments: &Login, machine: &str) -> Result<Exit, CommandError> {
    let host = machine.strip_prefix(SCHEME).ok_or_else(|| HandoffFailure::NotATarget(machine.to_owned()))?;
    let host = plain(host)?;
    let port = free_port().map_err(Failure::Setup)?;
    let random = (&SystemEntropy as &dyn Entropy)
        .token()
        .map_err(|error| Failure::Setup(std::io::Error::other(error)))?;
    let socket = format!("/tmp/keyfob-{}/callback", random.expose());
    let mut command = Command::new("ssh");
    command
        .args(["-T", "-o", "ExitOnForwardFailure=yes", "-o", "GatewayPorts=no"])
        // A connection that is shared with others would hold the port open when this has ended.
        .args(["-o", "ControlMaster=no", "-o", "ControlPath=none"])
        .args(["-L", &format!("{port}:{socket}"), "--", &host])
        .args(words(arguments, &socket, port).iter().map(|word| quoted(word)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    on_runtime(unless_interrupted(async {
        let mut child = command.spawn().map_err(|source| HandoffFailure::Start { program: "ssh", source })?;
        // Over there, its end is that of the sign-in.
        let _input = child.stdin.take();
        let mut wanted = !arguments.no_browser;
        if let Some(printed) = child.stdout.take() {
            let mut lines = BufReader::new(printed.take(MOST_BYTES)).lines();
            while let Some(line) = lines.next_line().await.map_err(Failure::Input)? {
                let document: Value = serde_json::from_str(&line).unwrap_or_default();
                let text = |member: &str| document.get(member).and_then(Value::as_str);
                if text("state") == Some("pending") {
                    if let (Some(address), true) = (text("address"), wanted) {
                        if !comes_back(address, port) {
                            return Err(HandoffFailure::NotASignIn(host.clone()).into());
                        }
                        prompt::open_browser(address.to_owned(), arguments.browser.clone(), Notes::Said);
                    }
                    // One page: what is over there may say what it likes.
                    wanted = false;
                }
                if arguments.json {
                    // Written anew, nothing in it is more than text.
                    output::data(&document.to_string()).map_err(Failure::Output)?;
                }
            }
        }
        let status = child.wait().await.map_err(Failure::Input)?;
        Ok(failure_of(host, status).map_or(Ok(()), Err)?)
    }))?;
    Ok(Exit::Ok)
}

/// Whether `address` is of a sign-in that comes back to the port that is carried over: no other page is opened at the word of
/// another machine.
fn comes_back(address: &str, port: u16) -> bool {
    let Ok(address) = Url::parse(address) else { return false };
    let back =
        address.query_pairs().find(|(name, _)| name == "redirect_uri").map(|(_, back)| back.into_owned());
    back == Some(format!("http://127.0.0.1:{port}{CALLBACK_PATH}"))
}

/// Returns the sign-in over there.
fn words(arguments: &Login, socket: &str, port: u16) -> Vec<String> {
    let mut words: Vec<String> =
        ["keyfob", "login", "--no-browser", "--json", "--callback-socket", socket].map(str::to_owned).into();
    words.extend(["--callback-port".to_owned(), port.to_string()]);
    for (flag, value) in
        [("--issuer", &arguments.issuer), ("--as", &arguments.name), ("--workspace", &arguments.workspace)]
    {
        words.extend(value.iter().flat_map(|value| [flag.to_owned(), value.clone()]));
    }
    if arguments.replace {
        words.push("--replace".to_owned());
    }
    words
}

/// Writes a word as the shell over there reads it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@+=%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Returns the port that the browser comes back to: the usual one, if it is free here.
fn free_port() -> std::io::Result<u16> {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    if let Some(port) = CALLBACK_PORTS.into_iter().find(is_free) {
        return Ok(port);
    }
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Returns where the callback comes in, where another machine has the browser.
pub(super) fn carried(arguments: &Login) -> Option<Carried> {
    let (socket, port) = arguments.callback_socket.clone().zip(arguments.callback_port)?;
    Some(Carried { socket, port })
}

/// Does `work`; where another machine has the browser, only as long as that machine holds the standard input open.
pub(super) async fn while_heard<T>(
    by_another: bool,
    work: impl Future<Output = Result<T, CommandError>>,
) -> Result<T, CommandError> {
    if !by_another {
        return work.await;
    }
    let (sender, ended) = tokio::sync::oneshot::channel();
    // It waits for the input for as long as the program runs, and nobody waits for it.
    drop(std::thread::spawn(move || {
        let mut nothing = [0; 64];
        while std::io::stdin().read(&mut nothing).is_ok_and(|read| read > 0) {}
        sender.send(())
    }));
    tokio::select! {
        result = work => result,
        _ended = ended => Err(Failure::Cancelled.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_16_no_page_is_opened_at_the_word_of_another_machine_but_a_sign_in_that_comes_back_here() {
        let back = "redirect_uri=http%3A%2F%2F127.0.0.1%3A1455%2Fauth%2Fcallback";
        let comes = |address: &str| comes_back(address, 1455);
        assert!(comes(&format!("https://id.test/authorize?a=b&{back}")));
        for other in [
            "https://id.test/authorize",
            "http://127.0.0.1:1455/auth/callback",
            "https://id.test/?redirect_uri=http%3A%2F%2F127.0.0.1%3A1457%2Fauth%2Fcallback",
            "https://id.test/?redirect_uri=https%3A%2F%2Fevil.test%3A1455%2Fauth%2Fcallback",
            "no address",
        ] {
            assert!(!comes(other), "{other}");
        }
    }

    #[test]
    fn s_21_what_another_shell_reads_is_the_word_that_was_meant() {
        for (word, written) in [
            ("https://id.test:8443/a", "https://id.test:8443/a"),
            ("a b", "'a b'"),
            ("$(x)", "'$(x)'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), written);
        }
    }
}
