//! A real browser, in which a person signs in.

use crate::authenticator;
use crate::front::Names;
use anyhow::{Context as _, Result, bail, ensure};
use fantoccini::Locator;
use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use keyfob_oauth::Secret;
use keyfob_testing::chromium::Chromium;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use tokio::time::timeout;
use url::Url;

const PAGE_LIMIT: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(25);

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
    chromium: Chromium,
}

impl Browser {
    /// Starts with the profile in the folder `profile`, which is made if there is none.
    pub async fn start(profile: &Path) -> Result<Self> {
        Ok(Self { chromium: Chromium::start(profile).await? })
    }

    /// Starts with a profile where the issuer's name is known to nobody else, and its certificate to nobody at all.
    pub async fn start_behind(profile: &Path, names: &Names) -> Result<Self> {
        let known = format!("--host-resolver-rules=MAP {} 127.0.0.1", names.host());
        let more = [known, "--ignore-certificate-errors".into()];
        Ok(Self { chromium: Chromium::start_with(profile, &more).await? })
    }

    /// Signs in, sets a second factor up where one is asked for, and approves what `address` asks for; returns the page that
    /// the browser was sent to in the end.
    pub async fn approve(&self, address: &Url, person: &Person) -> Result<Url> {
        self.chromium.client().goto(address.as_str()).await?;
        if let Some(form) = self.chromium.find("form#sign-in").await? {
            self.sign_in(&form, person, "button, input[type=submit]").await?;
            ensure!(
                self.chromium.find("form#sign-in").await?.is_none(),
                "the sign-in was refused: {}",
                self.chromium.text().await?
            );
        }
        if self.has("set-up").await? {
            let key = self.shown("secret").await?.replace(' ', "");
            self.answer("set-up", &authenticator::code(&key, 0).await?).await?;
            self.follow("next").await?;
        }
        let confirm = "form#confirm button[name=decision][value=approve]";
        let button = self.chromium.find(confirm).await?;
        let Some(button) = button else { bail!("nothing to confirm: {}", self.chromium.text().await?) };
        self.chromium.press(button).await?;
        self.settled(address).await
    }

    /// Signs in as `name` and consents on the pages that oidc-provider has for development; returns the page that the browser
    /// was sent to in the end.
    pub async fn approve_at_provider(&self, address: &Url, name: &str) -> Result<Url> {
        self.chromium.client().goto(address.as_str()).await?;
        let form = self.chromium.wanted("form").await?;
        form.find(Locator::Css("[name=login]")).await?.send_keys(name).await?;
        form.find(Locator::Css("[name=password]")).await?.send_keys("anything").await?;
        self.chromium.press(form.find(Locator::Css("button")).await?).await?;
        let consent = self.chromium.wanted("form button[autofocus]").await?;
        self.chromium.press(consent).await?;
        self.settled(address).await
    }

    /// Approves the device that shows `user_code` on the page at `address`.
    pub async fn approve_device(&self, address: &Url, user_code: &str, person: &Person) -> Result<()> {
        self.chromium.client().goto(address.as_str()).await?;
        if let Some(form) = self.chromium.find("form#sign-in").await? {
            self.sign_in(&form, person, "button, input[type=submit]").await?;
        }
        let form = self.chromium.wanted("form#device-code").await?;
        form.find(Locator::Css("[name=user_code]")).await?.send_keys(user_code).await?;
        let button = form.find(Locator::Css("button, input[type=submit]")).await?;
        self.chromium.press(button).await?;
        let button = self.chromium.wanted("form#device-approve button[name=decision][value=approve]").await?;
        self.chromium.press(button).await?;
        self.chromium.wanted("#done").await?;
        Ok(())
    }

    /// Goes to `address`.
    pub async fn open(&self, address: &Url) -> Result<()> {
        Ok(self.chromium.client().goto(address.as_str()).await?)
    }

    /// Runs `script` in the page that is open; returns what it gives to the function that is its last argument.
    pub async fn run(&self, script: &str) -> Result<Value> {
        Ok(self.chromium.client().execute_async(script, Vec::new()).await?)
    }

    /// Returns the address of the page that is open.
    pub async fn address(&self) -> Result<Url> {
        Ok(self.chromium.client().current_url().await?)
    }

    /// Signs in on the page that is open.
    pub async fn sign_in_here(&self, person: &Person) -> Result<()> {
        let form = self.chromium.wanted("form#sign-in").await?;
        self.sign_in(&form, person, "button").await
    }

    /// Types `answer` into the form `id` of the page that is open, and sends it.
    pub async fn answer(&self, id: &str, answer: &str) -> Result<()> {
        let form = self.chromium.wanted(&format!("form#{id}")).await?;
        form.find(Locator::Css("[name=answer]")).await?.send_keys(answer).await?;
        let button = form.find(Locator::Css("button")).await?;
        self.chromium.press(button).await
    }

    /// Follows the link `id` of the page that is open.
    pub async fn follow(&self, id: &str) -> Result<()> {
        let link = self.chromium.wanted(&format!("a#{id}")).await?;
        self.chromium.press(link).await
    }

    /// Returns what the element `id` of the page that is open shows.
    pub async fn shown(&self, id: &str) -> Result<String> {
        Ok(self.chromium.wanted(&format!("#{id}")).await?.text().await?)
    }

    /// Whether the page that is open has an element `id`.
    pub async fn has(&self, id: &str) -> Result<bool> {
        Ok(self.chromium.find(&format!("#{id}")).await?.is_some())
    }

    /// Ends it in order, so that its profile is complete on disk.
    pub async fn close(self) -> Result<()> {
        self.chromium.close().await
    }

    async fn sign_in(&self, form: &Element, person: &Person, button: &str) -> Result<()> {
        form.find(Locator::Css("[name=email]")).await?.send_keys(&person.email).await?;
        form.find(Locator::Css("[name=password]")).await?.send_keys(person.password.expose()).await?;
        let button = form.find(Locator::Css(button)).await?;
        self.chromium.press(button).await
    }

    /// Waits until the browser has left the issuer of `address` and the page is complete.
    async fn settled(&self, address: &Url) -> Result<Url> {
        let settled = async {
            loop {
                let here = match self.chromium.client().current_url().await {
                    Ok(here) => here,
                    // A result page may close its own window.
                    Err(CmdError::Standard(error)) if error.error().as_str() == "no such window" => {
                        return Ok(address.clone());
                    }
                    Err(error) => return Err(error.into()),
                };
                let state = self.chromium.client().execute("return document.readyState", Vec::new()).await?;
                if here.origin() != address.origin() && state == "complete" {
                    ensure!(here.scheme() == "http", "the browser could not reach the callback");
                    return Ok(here);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        timeout(PAGE_LIMIT, settled).await.context("the browser is not sent back")?
    }
}
