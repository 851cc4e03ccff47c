//! A real headless Chromium, from Debian's packages `chromium` and `chromium-driver`, driven over `WebDriver`.

mod driver;

use anyhow::{Context as _, Result};
use driver::Driver;
use fantoccini::elements::Element;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::time::Duration;
use tokio::time::timeout;
use url::{ParseError, Url};

const START_LIMIT: Duration = Duration::from_mins(1);
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

/// A running Chromium; dropping it kills it with all its processes.
#[derive(Debug)]
pub struct Chromium {
    driver: Driver,
    client: Client,
}

impl Chromium {
    /// Starts with the profile in the folder `profile`, which is made if there is none.
    pub async fn start(profile: &Path) -> Result<Self> {
        Self::start_with(profile, &[]).await
    }

    /// Starts with `more` flags.
    pub async fn start_with(profile: &Path, more: &[String]) -> Result<Self> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(profile)
            .with_context(|| format!("cannot make {}", profile.display()))?;
        let (driver, address) =
            timeout(START_LIMIT, Driver::start(profile)).await.context("no chromedriver")??;
        let mut arguments: Vec<String> = FLAGS.map(str::to_owned).into();
        arguments.extend_from_slice(more);
        arguments.push(format!("--user-data-dir={}", profile.display()));
        let capabilities = json!({
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let mut builder = ClientBuilder::new(HttpConnector::new());
        if let Value::Object(capabilities) = capabilities {
            builder.capabilities(capabilities);
        }
        let client = timeout(START_LIMIT, builder.connect(&address)).await.context("no Chromium")??;
        Ok(Self { driver, client })
    }

    /// Returns what speaks to it.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the element that `selector` finds, if there is one.
    pub async fn find(&self, selector: &str) -> Result<Option<Element>> {
        match self.client.find(Locator::Css(selector)).await {
            Ok(element) => Ok(Some(element)),
            Err(error) if error.is_no_such_element() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the element that `selector` finds, or an error that shows the page.
    pub async fn wanted(&self, selector: &str) -> Result<Element> {
        match self.find(selector).await? {
            Some(element) => Ok(element),
            None => anyhow::bail!("no {selector} in the page: {}", self.text().await?),
        }
    }

    /// Returns what the page shows.
    pub async fn text(&self) -> Result<String> {
        Ok(self.client.find(Locator::Css("body")).await?.text().await?)
    }

    /// Presses a button or a link and waits until its page is gone.
    pub async fn press(&self, button: Element) -> Result<()> {
        button.click().await?;
        self.gone(&button).await
    }

    /// Waits until the page of `element` is gone.
    pub async fn gone(&self, element: &Element) -> Result<()> {
        let gone = async {
            // Any error means that there is no such element any more.
            while element.tag_name().await.is_ok() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        timeout(PAGE_LIMIT, gone).await.context("the page does not change")
    }

    /// Sends a command of the `DevTools` protocol to the page that is open.
    pub async fn devtools(&self, method: &str, parameters: Value) -> Result<Value> {
        Ok(self.client.issue_cmd(DevTools { method: method.to_owned(), parameters }).await?)
    }

    /// Returns what Chromium wrote to its console since it was last asked: refusals by a policy among them.
    pub async fn console(&self) -> Result<Vec<String>> {
        let entries = self.client.issue_cmd(ConsoleLog).await?;
        let text = |entry: &Value| entry.get("message").and_then(Value::as_str).map(str::to_owned);
        Ok(entries.as_array().into_iter().flatten().filter_map(text).collect())
    }

    /// Ends it in order, so that its profile is complete on disk.
    pub async fn close(mut self) -> Result<()> {
        timeout(CLOSE_LIMIT, self.client.close()).await.context("Chromium does not close")??;
        self.driver.stop().await
    }
}

/// Chromedriver's own command that passes one on to the browser.
#[derive(Debug)]
struct DevTools {
    method: String,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _address: &Url) -> (http::Method, Option<String>) {
        let body = json!({ "cmd": self.method, "params": self.parameters });
        (http::Method::POST, Some(body.to_string()))
    }
}

/// Chromedriver's own command that reads the console.
#[derive(Debug)]
struct ConsoleLog;

impl WebDriverCompatibleCommand for ConsoleLog {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _address: &Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}
