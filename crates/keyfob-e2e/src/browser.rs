//! A real headless Chromium, driven over its `WebDriver` protocol.

use crate::environment;
use anyhow::{Context as _, Result, bail, ensure};
use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use keyfob_oauth::Secret;
use rustix::process::{Pid, Signal, kill_process_group};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use url::Url;

const START_LIMIT: Duration = Duration::from_secs(30);
const PAGE_LIMIT: Duration = Duration::from_secs(20);
const CLOSE_LIMIT: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// What Chromium is started with: no window, nothing that calls home, no memory dumps, and no sandbox, which it cannot
/// have as root.
const FLAGS: [&str; 11] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-crash-reporter",
    "--disable-sync",
];

/// Somebody with an account.
#[derive(Clone, Debug)]
pub struct Person {
    /// The account's name.
    pub email: String,
    /// Typed into the sign-in page.
    pub password: Secret,
}

/// A running Chromium; dropping it kills it with all its processes.
#[derive(Debug)]
pub struct Browser {
    driver: Driver,
    client: Client,
}

impl Browser {
    /// Starts with the profile in the folder `profile`, which is made if there is none.
    pub async fn start(profile: &Path) -> Result<Self> {
        crate::files::make_folder(profile)?;
        let (driver, address) =
            timeout(START_LIMIT, Driver::start(profile)).await.context("no chromedriver")??;
        let mut arguments: Vec<String> = FLAGS.map(str::to_owned).into();
        arguments.push(format!("--user-data-dir={}", profile.display()));
        let capabilities = serde_json::json!({ "goog:chromeOptions": { "args": arguments } });
        let mut builder = ClientBuilder::new(HttpConnector::new());
        if let serde_json::Value::Object(capabilities) = capabilities {
            builder.capabilities(capabilities);
        }
        let client = timeout(START_LIMIT, builder.connect(&address)).await.context("no Chromium")??;
        Ok(Self { driver, client })
    }

    /// Signs in and approves what `address` asks for; returns the page that the browser was sent to in the end.
    pub async fn approve(&self, address: &Url, person: &Person) -> Result<Url> {
        self.client.goto(address.as_str()).await?;
        if let Some(form) = self.form_here("form#sign-in").await? {
            self.sign_in(&form, person, "button, input[type=submit]").await?;
            ensure!(
                self.form_here("form#sign-in").await?.is_none(),
                "the sign-in was refused: {}",
                self.text().await?
            );
        }
        let confirm = "form#confirm button[name=decision][value=approve]";
        let button = self.form_here(confirm).await?;
        let Some(button) = button else { bail!("nothing to confirm: {}", self.text().await?) };
        self.press(button).await?;
        self.settled(address).await
    }

    /// Approves the device that shows `user_code` on the page at `address`.
    pub async fn approve_device(&self, address: &Url, user_code: &str, person: &Person) -> Result<()> {
        self.client.goto(address.as_str()).await?;
        if let Some(form) = self.form_here("form#sign-in").await? {
            self.sign_in(&form, person, "button, input[type=submit]").await?;
        }
        let form = self.wanted("form#device-code").await?;
        form.find(Locator::Css("[name=user_code]")).await?.send_keys(user_code).await?;
        let button = form.find(Locator::Css("button, input[type=submit]")).await?;
        self.press(button).await?;
        let button = self.wanted("form#device-approve button[name=decision][value=approve]").await?;
        self.press(button).await?;
        self.wanted("#done").await?;
        Ok(())
    }

    /// Goes to `address`.
    pub async fn open(&self, address: &Url) -> Result<()> {
        Ok(self.client.goto(address.as_str()).await?)
    }

    /// Signs in on the page that is open.
    pub async fn sign_in_here(&self, person: &Person) -> Result<()> {
        let form = self.wanted("form#sign-in").await?;
        self.sign_in(&form, person, "button").await
    }

    /// Types `answer` into the form `id` of the page that is open, and sends it.
    pub async fn answer(&self, id: &str, answer: &str) -> Result<()> {
        let form = self.wanted(&format!("form#{id}")).await?;
        form.find(Locator::Css("[name=answer]")).await?.send_keys(answer).await?;
        let button = form.find(Locator::Css("button")).await?;
        self.press(button).await
    }

    /// Follows the link `id` of the page that is open.
    pub async fn follow(&self, id: &str) -> Result<()> {
        let link = self.wanted(&format!("a#{id}")).await?;
        self.press(link).await
    }

    /// Returns what the element `id` of the page that is open shows.
    pub async fn shown(&self, id: &str) -> Result<String> {
        Ok(self.wanted(&format!("#{id}")).await?.text().await?)
    }

    /// Whether the page that is open has an element `id`.
    pub async fn has(&self, id: &str) -> Result<bool> {
        Ok(self.form_here(&format!("#{id}")).await?.is_some())
    }

    /// Ends it in order, so that its profile is complete on disk.
    pub async fn close(mut self) -> Result<()> {
        timeout(CLOSE_LIMIT, self.client.close()).await.context("Chromium does not close")??;
        self.driver.stop().await
    }

    async fn sign_in(&self, form: &Element, person: &Person, button: &str) -> Result<()> {
        form.find(Locator::Css("[name=email]")).await?.send_keys(&person.email).await?;
        form.find(Locator::Css("[name=password]")).await?.send_keys(person.password.expose()).await?;
        let button = form.find(Locator::Css(button)).await?;
        self.press(button).await
    }

    /// Presses a button and waits until its page is gone.
    async fn press(&self, button: Element) -> Result<()> {
        button.click().await?;
        let gone = async {
            // Any error means that there is no such element any more.
            while button.tag_name().await.is_ok() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        timeout(PAGE_LIMIT, gone).await.context("the page does not change")
    }

    /// Waits until the browser has left the issuer of `address` and the page is complete.
    async fn settled(&self, address: &Url) -> Result<Url> {
        let settled = async {
            loop {
                let here = match self.client.current_url().await {
                    Ok(here) => here,
                    // A result page may close its own window.
                    Err(CmdError::Standard(error)) if error.error().as_str() == "no such window" => {
                        return Ok(address.clone());
                    }
                    Err(error) => return Err(error.into()),
                };
                let state = self.client.execute("return document.readyState", Vec::new()).await?;
                if here.origin() != address.origin() && state == "complete" {
                    ensure!(here.scheme() == "http", "the browser could not reach the callback");
                    return Ok(here);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        timeout(PAGE_LIMIT, settled).await.context("the browser is not sent back")?
    }

    async fn wanted(&self, selector: &str) -> Result<Element> {
        match self.form_here(selector).await? {
            Some(element) => Ok(element),
            None => bail!("no {selector} in the page: {}", self.text().await?),
        }
    }

    async fn form_here(&self, selector: &str) -> Result<Option<Element>> {
        match self.client.find(Locator::Css(selector)).await {
            Ok(element) => Ok(Some(element)),
            Err(error) if error.is_no_such_element() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn text(&self) -> Result<String> {
        Ok(self.client.find(Locator::Css("body")).await?.text().await?)
    }
}

/// The process that speaks `WebDriver`; Chromium runs in its process group.
#[derive(Debug)]
struct Driver {
    child: Child,
    group: Pid,
}

impl Driver {
    /// Starts it on a port of its own choice and returns its address.
    async fn start(profile: &Path) -> Result<(Self, String)> {
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .env_clear()
            .env("PATH", environment::search_path())
            .env("HOME", profile)
            .process_group(0)
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start chromedriver; Debian's package is chromium-driver")?;
        let number = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let group = number.context("a process without a number")?;
        let stdout = child.stdout.take().context("no standard output")?;
        let driver = Self { child, group };
        let mut lines = BufReader::new(stdout).lines();
        while let Some(line) = lines.next_line().await? {
            if let Some((_, rest)) = line.split_once("started successfully on port ") {
                let port: u16 = rest.trim_end_matches('.').parse()?;
                return Ok((driver, format!("http://127.0.0.1:{port}")));
            }
        }
        bail!("chromedriver ended before it was ready")
    }

    async fn stop(&mut self) -> Result<()> {
        self.kill();
        self.child.wait().await?;
        Ok(())
    }

    fn kill(&self) {
        // Nobody is left when it ended by itself.
        let _ended = kill_process_group(self.group, Signal::KILL);
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.kill();
    }
}
