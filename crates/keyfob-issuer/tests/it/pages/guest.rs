//! Somebody with a Chromium of their own at an issuer in this process.

use crate::world::{CALLBACK, OWNER, PASSWORD, World, authorize, changed, codex_request};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use fantoccini::Locator;
use keyfob_testing::chromium::Chromium;
use serde_json::{Value, json};

/// Somebody at a browser.
pub(crate) struct Guest {
    pub(crate) chromium: Chromium,
    pub(crate) base: String,
    _profile: tempfile::TempDir,
}

/// The colours that the system asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scheme {
    Light,
    Dark,
}

impl Guest {
    pub(crate) async fn at(world: &World) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let chromium = Chromium::start(profile.path()).await.unwrap();
        Self { chromium, base: world.base.clone(), _profile: profile }
    }

    pub(crate) async fn open(&self, path: &str) {
        self.chromium.client().goto(&format!("{}{path}", self.base)).await.unwrap();
    }

    /// Opens the first page of an authorization request with these changes.
    pub(crate) async fn ask(&self, changes: &[(&str, &str)]) {
        self.open(&authorize(&changed(&codex_request(), changes))).await;
    }

    /// Types into fields of the form `id`, in place of what is in them.
    pub(crate) async fn fill(&self, id: &str, fields: &[(&str, &str)]) {
        for (name, text) in fields {
            let field = self.chromium.wanted(&format!("form#{id} [name={name}]")).await.unwrap();
            field.clear().await.unwrap();
            field.send_keys(text).await.unwrap();
        }
    }

    /// Presses what `selector` finds, and waits for the next page.
    pub(crate) async fn press(&self, selector: &str) {
        let button = self.chromium.wanted(selector).await.unwrap();
        self.chromium.press(button).await.unwrap();
    }

    /// Fills the form `id` and sends it.
    pub(crate) async fn send(&self, id: &str, fields: &[(&str, &str)]) {
        self.fill(id, fields).await;
        self.press(&format!("form#{id} button")).await;
    }

    pub(crate) async fn sign_in(&self) {
        self.send("sign-in", &[("email", OWNER), ("password", PASSWORD)]).await;
    }

    pub(crate) async fn has(&self, selector: &str) -> bool {
        self.chromium.find(selector).await.unwrap().is_some()
    }

    pub(crate) async fn shown(&self, selector: &str) -> String {
        self.chromium.wanted(selector).await.unwrap().text().await.unwrap()
    }

    /// Runs the body of a function in the page, beside the page's own policy.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.chromium.client().execute(script, Vec::new()).await.unwrap()
    }

    /// Returns the path of the page.
    pub(crate) async fn path(&self) -> String {
        self.chromium.client().current_url().await.unwrap().path().to_owned()
    }

    /// Makes the page as wide as `width` CSS pixels.
    pub(crate) async fn resize(&self, width: u32) {
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.chromium.devtools("Emulation.setDeviceMetricsOverride", size).await.unwrap();
    }

    pub(crate) async fn prefer(&self, scheme: Scheme) {
        let value = match scheme {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.chromium.devtools("Emulation.setEmulatedMedia", features).await.unwrap();
    }

    /// Switches the scripts of pages off, as people and administrators do.
    pub(crate) async fn without_scripts(&self) {
        let off = json!({ "value": true });
        self.chromium.devtools("Emulation.setScriptExecutionDisabled", off).await.unwrap();
    }

    /// Returns a picture of the whole page, as PNG.
    pub(crate) async fn picture(&self) -> Vec<u8> {
        let whole = json!({ "format": "png", "captureBeyondViewport": true, "optimizeForSpeed": false });
        let picture = self.chromium.devtools("Page.captureScreenshot", whole).await.unwrap();
        STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()
    }

    /// Returns how many elements `selector` finds.
    pub(crate) async fn count(&self, selector: &str) -> usize {
        self.chromium.client().find_all(Locator::Css(selector)).await.unwrap().len()
    }
}

/// Where the client of [`Guest::ask`] gets its answer.
pub(crate) fn is_callback(address: &str) -> bool {
    address.starts_with(CALLBACK)
}
