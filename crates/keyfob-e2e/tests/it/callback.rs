//! The loopback callback of a sign-in, with whoever else comes to it.

use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::process::{LIMIT, Program};
use keyfob_e2e::{Network, World, files};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;
use url::Url;

const INTERRUPTED: i32 = 130;
const CROWD: usize = 500;
const NOBODY: [&str; 3] = ["--reuid=65534", "--regid=65534", "--clear-groups"];

#[tokio::test]
async fn c_02_a_wrong_state_is_refused_and_the_login_goes_on() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    let mut client = world.form_client()?;
    let (mut login, address) = home.start_sign_in().await?;
    let callback = client.approve(&address, world.owner()).await?;
    let forged = forged(&callback, "forged-state");
    let mut stateless = callback.clone();
    stateless.query_pairs_mut().clear().append_pair("error", "access_denied");

    let refused = client.get(&forged).await?;
    let refused_without_state = client.get(&stateless).await?;
    let stored_meanwhile = home.auth_text().is_ok();
    let accepted = client.deliver(&callback).await?;
    login.finished(LIMIT).await?.expect_code(0)?;

    assert_eq!((refused.status.as_u16(), refused_without_state.status.as_u16()), (400, 400));
    assert!(!stored_meanwhile, "a refused callback stores nothing");
    assert!(accepted.status.is_success() && accepted.has_id("signed-in"), "{}", accepted.text);
    home.token().await?;
    world.finish().await
}

#[tokio::test]
async fn c_02_a_thousand_wrong_callbacks_do_not_end_a_login_and_the_right_one_works_once() -> Result<()> {
    let _network = Network::enter()?;
    let world = World::start().await?;
    let home = world.home("mia")?;
    let mut client = world.form_client()?;
    let (mut earlier, address) = home.start_sign_in().await?;
    let of_earlier = state(&address)?;
    earlier.interrupt();
    earlier.finished(LIMIT).await?.expect_code(INTERRUPTED)?;
    let (mut login, address) = home.start_sign_in().await?;
    let callback = client.approve(&address, world.owner()).await?;
    let long = "x".repeat(of_earlier.len());
    let wrong = ["", "short", long.as_str(), of_earlier.as_str()].map(|state| forged(&callback, state));

    for number in 0..1_000 {
        let mut address = wrong[number % wrong.len()].clone();
        if number % 3 == 0 {
            address.query_pairs_mut().append_pair("error", "access_denied");
        }
        let refused = client.get(&address).await?.status.as_u16();
        ensure!(refused == 400, "number {number}: {refused} for {address}");
    }
    client.deliver(&callback).await?;
    login.finished(LIMIT).await?.expect_code(0)?;

    let replayed = client.get(&callback).await;
    ensure!(replayed.is_err(), "somebody still answers the callback: {replayed:?}");
    ensure!(world.wire().redeemed_codes() == 1);
    world.finish().await
}

#[tokio::test]
async fn c_07_no_address_ends_a_login_whoever_asks_for_it() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    let mut client = world.form_client()?;
    let (mut login, address) = home.start_sign_in().await?;
    let callback = client.approve(&address, world.owner()).await?;

    for path in ["/cancel", "/success", "/success?id_token=a", "/done", "/", "/quit"] {
        let target = callback.join(path)?;
        let stranger = Program::new("curl", Path::new("setpriv"), Path::new("/"))
            .args(NOBODY)
            .args([
                "curl",
                "--silent",
                "--noproxy",
                "*",
                "--output",
                "/dev/null",
                "--write-out",
                "%{http_code}",
            ])
            .args([target.as_str()]);
        let told = stranger.run(world.evidence()).await?.stdout;
        ensure!(told == "404", "{path}: {told}");
    }
    let accepted = client.deliver(&callback).await?;
    login.finished(LIMIT).await?.expect_code(0)?;

    ensure!(accepted.has_id("signed-in"), "{}", accepted.text);
    world.finish().await
}

#[tokio::test]
async fn c_14_a_callback_that_comes_fifty_times_at_once_is_redeemed_once_and_shows_one_page() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    let (mut login, address) = home.start_sign_in().await?;
    let callback = world.form_client()?.approve(&address, world.owner()).await?;

    let bring = |target: Url| tokio::task::spawn_blocking(move || ask(&target));
    let browsers: Vec<_> = (0..50)
        .map(|_| {
            let (brought, result) = (bring(callback.clone()), callback.join("/done"));
            tokio::spawn(async move { Ok::<_, anyhow::Error>((brought.await??, bring(result?).await??)) })
        })
        .collect();
    let mut answers = Vec::new();
    for browser in browsers {
        answers.push(browser.await??);
    }
    login.finished(LIMIT).await?.expect_code(0)?;

    let (sent_on, page) = answers.first().context("no answer")?;
    ensure!(sent_on.starts_with("HTTP/1.1 302 ") && page.contains("id=\"signed-in\""), "{sent_on} {page}");
    for (number, other) in answers.iter().enumerate() {
        ensure!(undated(&other.0) == undated(sent_on), "answer {number}: {}", other.0);
        ensure!(undated(&other.1) == undated(page), "page {number}: {}", other.1);
    }
    ensure!(world.wire().redeemed_codes() == 1, "redeemed {} times", world.wire().redeemed_codes());
    home.token().await?;
    world.finish().await
}

/// Asks as a browser does, and returns the whole answer.
fn ask(target: &Url) -> Result<String> {
    let (host, port) = (target.host_str().context("no host")?, target.port().context("no port")?);
    let mut stream = TcpStream::connect((host, port))?;
    let line =
        target.query().map_or_else(|| target.path().to_owned(), |query| format!("{}?{query}", target.path()));
    stream.write_all(format!("GET {line} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn undated(answer: &str) -> Vec<&str> {
    answer.lines().filter(|line| !line.starts_with("date: ")).collect()
}

/// Connects again and again, and sends a byte a second.
async fn drip(port: u16, connected: mpsc::Sender<()>) {
    loop {
        let Ok(mut stream) = tokio::net::TcpStream::connect(("127.0.0.1", port)).await else { return };
        // Only the first time is waited for.
        let _counted = connected.try_send(());
        for byte in b"GET /auth/callback?code=".iter().cycle() {
            if stream.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

/// After so long without a whole request a connection is closed; whoever waits behind it takes longer.
const SLOW_ARE_GIVEN_UP: Duration = Duration::from_secs(5);

#[tokio::test]
async fn c_11_five_hundred_slow_connections_do_not_hold_up_the_callback() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    let mut client = world.form_client()?;
    let (mut login, address) = home.start_sign_in().await?;
    let callback = client.approve(&address, world.owner()).await?;
    let port = callback.port().context("no port")?;
    let (connected, mut all) = mpsc::channel(CROWD);
    let slow: Vec<_> = (0..CROWD).map(|_| tokio::spawn(drip(port, connected.clone()))).collect();
    for _ in 0..CROWD {
        all.recv().await.context("nobody connects")?;
    }

    let began = Instant::now();
    let accepted = client.deliver(&callback).await?;
    let took = began.elapsed();
    login.finished(LIMIT).await?.expect_code(0)?;
    slow.iter().for_each(tokio::task::JoinHandle::abort);

    eprintln!("the callback took {took:?} beside {CROWD} slow connections");
    ensure!(accepted.has_id("signed-in"), "{}", accepted.text);
    ensure!(took < SLOW_ARE_GIVEN_UP, "the callback waited for slow connections: {took:?}");
    world.finish().await
}

#[tokio::test]
async fn c_11_an_interrupted_sign_in_leaves_no_process_no_port_and_no_file() -> Result<()> {
    let _network = Network::enter()?;
    let world = World::start().await?;
    let home = world.home("mia")?;
    let temporary = home.codex_home().join("temporary");
    files::make_folder(&temporary)?;
    let (mut looked, _) = home.start_sign_in().await?;
    looked.kill();
    looked.finished(LIMIT).await?;
    let before = files::below(&home.codex_home());

    let program = home.sign_in_program()?.env("TMPDIR", &temporary);
    let mut login = program.start(world.evidence()).await?;
    let address = home.printed_address(&login).await?;
    let port = redirect(&address)?.port().context("no port")?;
    let (open, _waits) = (TcpStream::connect(("127.0.0.1", port))?, TcpStream::connect(("127.0.0.1", port))?);
    drop(open);
    login.interrupt();
    let ended = login.finished(LIMIT).await?.expect_code(INTERRUPTED)?;

    ensure!(ended.stderr.ends_with("error: cancelled\n"), "{}", ended.stderr);
    ensure!(TcpListener::bind(("127.0.0.1", port)).is_ok(), "port {port} is still held");
    ensure!(files::below(&home.codex_home()) == before, "{:?}", files::below(&home.codex_home()));
    world.quiet().await?;
    world.finish().await
}

#[tokio::test]
async fn c_17_whoever_brings_their_own_code_is_named_and_takes_no_place() -> Result<()> {
    let world = World::start().await?;
    let eve = world.add_person("eve@example.org").await?;
    let (empty, taken) = (world.home("empty")?, world.home("taken")?);
    taken.sign_in(&mut world.form_client()?).await?;
    let before = taken.auth_text()?;

    // Somebody on this machine saw the address in the browser's arguments, and signs in with it first.
    let (mut into_empty, address) = empty.start_sign_in().await?;
    let callback = world.form_client()?.approve(&address, &eve).await?;
    world.form_client()?.deliver(&callback).await?;
    let told = into_empty.finished(LIMIT).await?.expect_code(0)?;
    let (mut into_taken, address) = taken.start_sign_in().await?;
    let callback = world.form_client()?.approve(&address, &eve).await?;
    world.form_client()?.deliver(&callback).await?;
    let refused = into_taken.finished(LIMIT).await?.expect_code(1)?;

    let workspace = empty.tokens()?.account_id.context("no workspace")?;
    let who = format!("Signed in as eve@example.org, workspace {workspace} at ");
    ensure!(told.stderr.contains(&who), "{}", told.stderr);
    ensure!(refused.stderr.contains("eve@example.org"), "{}", refused.stderr);
    ensure!(taken.auth_text()? == before, "the login was exchanged for somebody else's");
    // Of the two sessions that began, the one that nobody has is over.
    let listed: Value = serde_json::from_str(&empty.expect(0, &["session", "list", "--json"]).await?.stdout)?;
    let sessions = listed.get("sessions").and_then(Value::as_array).context("no sessions")?;
    ensure!(sessions.len() == 1, "{listed}");
    world.finish().await
}

fn forged(callback: &Url, state: &str) -> Url {
    let mut forged = callback.clone();
    forged.query_pairs_mut().clear().append_pair("code", "forged-code");
    if !state.is_empty() {
        forged.query_pairs_mut().append_pair("state", state);
    }
    forged
}

fn state(address: &Url) -> Result<String> {
    parameter(address, "state")
}

pub(crate) fn redirect(address: &Url) -> Result<Url> {
    Ok(Url::parse(&parameter(address, "redirect_uri")?)?)
}

pub(crate) fn parameter(address: &Url, name: &str) -> Result<String> {
    let found = address.query_pairs().find(|(own, _)| own == name);
    Ok(found.with_context(|| format!("no {name} in the address"))?.1.into_owned())
}
