//! A browser for programs that open one: signs in at the given address, approves, and waits for the result page.
//!
//! `BROWSER=keyfob-browse keyfob login …` signs in without a person. The account is in `KEYFOB_BROWSE_EMAIL` and in the
//! file named by `KEYFOB_BROWSE_PASSWORD_FILE`; Chromium keeps its profile in `KEYFOB_BROWSE_PROFILE`.

use anyhow::{Context as _, Result, bail};
use keyfob_e2e::{Browser, Person, environment};
use keyfob_oauth::Secret;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use url::Url;

const LIMIT: Duration = Duration::from_mins(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;

    // Whichever ends first, dropping the others ends Chromium.
    tokio::select! {
        done = tokio::time::timeout(LIMIT, browse()) => done.context("the sign-in took too long")?,
        _ = interrupted.recv() => bail!("interrupted"),
        _ = terminated.recv() => bail!("terminated"),
    }
}

async fn browse() -> Result<()> {
    let address = std::env::args().nth(1).context("usage: keyfob-browse ADDRESS")?;
    let address = Url::parse(&address).context("not an address")?;
    let password_file = wanted("KEYFOB_BROWSE_PASSWORD_FILE")?;
    let password = std::fs::read_to_string(&password_file)
        .with_context(|| format!("cannot read the password file {password_file}"))?;
    let person = Person {
        email: wanted("KEYFOB_BROWSE_EMAIL")?,
        password: Secret::new(password.trim_end_matches('\n').to_owned()),
    };
    let browser = Browser::start(&PathBuf::from(wanted("KEYFOB_BROWSE_PROFILE")?)).await?;

    let approved = browser.approve(&address, &person).await;

    browser.close().await?;
    approved.map(|_result_page| ())
}

fn wanted(name: &str) -> Result<String> {
    environment::variable(name).with_context(|| format!("{name} is not set"))
}
