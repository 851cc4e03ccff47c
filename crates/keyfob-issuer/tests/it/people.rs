//! People beside the owner, and the keys that people make.

use crate::world::{PASSWORD, TestEntropy, Tokens, World, codex_request, exchange};
use keyfob_issuer::command::user;
use keyfob_issuer_core::password::Password;
use keyfob_issuer_core::user::{Email, EmailWord};
use reqwest::Method;
use serde_json::Value;

const OTHER: &str = "zoe@example.org";

/// A key as it was handed over.
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// A second user, who signs in.
pub(crate) async fn other_tokens(world: &World) -> Tokens {
    let password = Password::typed(PASSWORD.into());
    let email = Email::parse(OTHER).unwrap();
    user::add(world.data.path(), email, EmailWord::Administrator, &password, &*world.clock, &TestEntropy)
        .await
        .unwrap();
    tokens_of(world, OTHER).await
}

/// Somebody with the usual password signs in.
pub(crate) async fn tokens_of(world: &World, email: &str) -> Tokens {
    let mut browser = world.browser();
    let interaction = world.begin(&mut browser, &codex_request()).await;
    let csrf = browser.get(&interaction).await.csrf();
    let form = [("csrf", &*csrf), ("email", email), ("password", PASSWORD)];
    browser.post(&format!("{interaction}/sign-in"), &form).await;
    let answer = world.decide(&mut browser, &interaction, "approve").await;
    let code = answer.redirected()["code"].clone();
    Tokens::read(&browser.post("/oauth/token", &exchange(&code)).await)
}

/// Makes a key.
pub(crate) async fn make_key(world: &World, tokens: &Tokens, wish: &Value) -> Key {
    let answer = world.browser().call(Method::POST, "/api/keys", &tokens.access, Some(wish)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let text = |member: &str| answer.json()[member].as_str().unwrap().to_owned();
    Key { id: text("id"), secret: text("secret") }
}
