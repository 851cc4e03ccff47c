//! An authenticator app of few lines.

use crate::browser::{Answer, Browser};
use crate::world::{PASSWORD, World};
use keyfob_oauth::Clock as _;
use totp_rs::Builder;

/// An app that took one secret up.
pub(crate) struct App {
    secret: String,
}

impl App {
    /// Reads the key off a set-up page.
    pub(crate) fn scan(page: &Answer) -> Self {
        let (_, rest) = page.body.split_once("<code id=\"secret\">").expect("a set-up page");
        Self::of(rest.split_once('<').unwrap().0)
    }

    /// Takes up the key that a page shows.
    pub(crate) fn of(key: &str) -> Self {
        Self { secret: key.replace(' ', "") }
    }

    /// Returns the code that it shows now.
    pub(crate) fn code(&self, world: &World) -> String {
        let secret = totp_rs::Secret::try_from_base32(&self.secret).unwrap();
        let app = Builder::new().with_secret(secret).build().unwrap();
        app.generate(u64::try_from(world.clock.now().as_unix()).unwrap()).to_string()
    }

    /// Returns the key.
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }
}

/// Answers the prompt of the page at `place`.
pub(crate) async fn answer(browser: &mut Browser, place: &str, step: &str, answer: &str) -> Answer {
    let csrf = browser.get(place).await.csrf();
    browser.post(&format!("{place}/{step}"), &[("csrf", &csrf), ("answer", answer)]).await
}

/// Signs in to the account and sets an app up; returns it with the recovery codes.
pub(crate) async fn enrol(world: &World, browser: &mut Browser) -> (App, Vec<String>) {
    world.sign_in(browser, "/account/set-up", PASSWORD).await;
    let app = App::scan(&browser.get("/account/set-up").await);
    let done = answer(browser, "/account/set-up", "set-up", &app.code(world)).await;
    assert_eq!(done.status, 200, "{}", done.body);
    // The step of this code is spent.
    world.clock.advance(30);
    (app, recovery_codes(&done))
}

/// Reads the recovery codes off the page that shows them.
pub(crate) fn recovery_codes(page: &Answer) -> Vec<String> {
    let (_, list) = page.body.split_once("id=\"recovery-codes\"").expect("a page with codes");
    let items = list.split_once("</ul>").unwrap().0.split("<code>").skip(1);
    items.map(|item| item.split_once('<').unwrap().0.to_owned()).collect()
}
