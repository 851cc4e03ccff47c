//! The callback in a real browser: pages of others that want it, and what the browser shows and keeps.

use crate::callback::{parameter, redirect};
use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::process::LIMIT;
use keyfob_e2e::{Browser, World, files};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

/// Serves the same page at every address of another origin.
async fn neighbour() -> Result<(Url, JoinHandle<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = Url::parse(&format!("http://{}/", listener.local_addr()?))?;
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let page = "<!doctype html><title>neighbour</title><body></body>";
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                page.len()
            );
            // A browser that goes away needs no answer.
            let _read = stream.read(&mut [0; 4096]).await;
            let _written = stream.write_all(format!("{head}{page}").as_bytes()).await;
        }
    });
    Ok((address, serving))
}

/// Tries every way in which a page reaches another origin without leaving itself; TARGET is the callback.
const REACHING: &str = r"
const done = arguments[arguments.length - 1];
const target = TARGET, origin = new URL(target).origin;
const element = (name, change) => new Promise(resolve => {
    const made = document.createElement(name);
    made.onload = made.onerror = resolve;
    change(made);
    document.body.append(made);
    setTimeout(resolve, 3000);
});
const tried = [];
for (const address of [target, origin + '/cancel', origin + '/success', origin + '/done']) {
    tried.push(
        fetch(address), fetch(address, { mode: 'no-cors' }), fetch(address, { method: 'POST', body: 'a' }),
        fetch(address, { headers: { 'x-a': 'b' } }), fetch(address, { mode: 'no-cors', credentials: 'include' }),
        element('img', made => made.src = address), element('script', made => made.src = address),
        element('iframe', made => made.src = address), element('embed', made => made.src = address),
        element('object', made => made.data = address),
        element('link', made => { made.rel = 'stylesheet'; made.href = address; }),
        element('link', made => { made.rel = 'prefetch'; made.href = address; }),
    );
    navigator.sendBeacon(address, 'a');
    new EventSource(address);
    new WebSocket(address.replace('http:', 'ws:'));
}
const frame = document.createElement('iframe');
frame.name = 'frame';
document.body.append(frame);
const form = document.createElement('form');
form.method = 'post'; form.action = target; form.target = 'frame';
document.body.append(form);
form.submit();
Promise.allSettled(tried).then(results => done(results.filter(result => result.value?.ok).length));
";

#[tokio::test]
async fn c_09_pages_of_other_origins_cannot_bring_the_callback_nor_end_the_login() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    let mut client = world.form_client()?;
    let (mut login, address) = home.start_sign_in().await?;
    let callback = client.approve(&address, world.owner()).await?;
    let (neighbour, serving) = neighbour().await?;
    let browser = Browser::start(&home.browser_profile()).await?;

    browser.open(&neighbour).await?;
    let readable =
        browser.run(&REACHING.replace("TARGET", &Value::from(callback.as_str()).to_string())).await?;
    let redeemed_meanwhile = world.wire().redeemed_codes();
    browser.close().await?;
    serving.abort();
    let accepted = client.deliver(&callback).await?;
    login.finished(LIMIT).await?.expect_code(0)?;

    ensure!(readable == 0, "{readable} answers could be read");
    ensure!(redeemed_meanwhile == 0, "the code was redeemed for a page of another origin");
    ensure!(accepted.has_id("signed-in"), "{}", accepted.text);
    // The page was given the callback, so its browser kept it.
    world.quiet().await
}

const HOSTILE: &str = "\"><script>document.title='owned'</script></title><img src=x onerror=document.title='owned'>\u{202e}\u{1b}]0;owned\u{7}";

#[tokio::test]
async fn c_13_what_the_issuer_says_is_inert_in_a_real_browser_and_on_the_terminal() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    let (mut login, address) = home.start_sign_in().await?;
    let mut callback = redirect(&address)?;
    callback
        .query_pairs_mut()
        .append_pair("state", &parameter(&address, "state")?)
        .append_pair("iss", world.issuer())
        .append_pair("error", "access_denied\u{20}<b>")
        .append_pair("error_description", &format!("{HOSTILE}{}", "y".repeat(4_000)));
    let browser = Browser::start(&home.browser_profile()).await?;

    browser.open(&callback).await?;
    let here = browser.address().await?;
    let shown = browser.shown("failed").await?;
    let look =
        "arguments[0]([document.title, document.scripts.length, document.images.length, document.referrer])";
    let seen = browser.run(look).await?;
    browser.close().await?;
    let told = login.finished(LIMIT).await?.expect_code(1)?.stderr;

    ensure!((here.path(), here.query()) == ("/done", None), "the address bar shows {here}");
    ensure!(seen == serde_json::json!(["Not signed in - keyfob", 0, 0, ""]), "{seen}");
    ensure!(shown.contains("\"><script>document.title='owned'</script>"), "{shown}");
    ensure!(told.contains("error: sign-in failed: \"><script>"), "{told}");
    for text in [&shown, &told] {
        ensure!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text:?}");
        ensure!(!text.contains(&"y".repeat(512)), "it is not cut");
    }
    world.finish().await
}

#[tokio::test]
async fn c_12_nothing_that_a_browser_keeps_holds_a_token_and_the_address_bar_no_code() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;

    home.sign_in_with_browser().await?;
    world.quiet().await?;

    let tokens = home.tokens()?;
    let refresh_token = tokens.refresh_token.context("no refresh token")?;
    let kept = files::below(&home.browser_profile());
    ensure!(kept.iter().any(|path| path.ends_with("Default/History")), "no history: {kept:?}");
    for path in kept {
        let bytes = std::fs::read(&path)?;
        for token in [tokens.access_token.expose(), tokens.id_token.expose(), refresh_token.expose()] {
            let holds = bytes.windows(token.len()).any(|part| part == token.as_bytes());
            ensure!(!holds, "{} holds a token", path.display());
        }
    }
    world.finish().await
}
