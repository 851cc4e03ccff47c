//! A second factor in a real browser, with codes that `oathtool` makes.

use anyhow::{Context as _, Result};
use keyfob_e2e::leak::Kind;
use keyfob_e2e::{Browser, World, authenticator};
use url::Url;

#[tokio::test]
async fn i_55_i_56_an_app_is_set_up_in_a_browser_and_signs_in_and_so_does_each_recovery_code_once()
-> Result<()> {
    let world = World::start().await?;
    let account = Url::parse(&format!("{}/account", world.issuer()))?;
    let browser = async |name: &str| -> Result<Browser> {
        let browser = Browser::start(&world.home(name)?.browser_profile()).await?;
        browser.open(&account).await?;
        browser.sign_in_here(world.owner()).await?;
        Ok(browser)
    };

    let first = browser("first").await?;
    first.follow("set-up").await?;
    let key = first.shown("secret").await?.replace(' ', "");
    world.evidence().note(Kind::AppKey, &key);
    first.answer("set-up", &authenticator::code(&key, 0).await?).await?;
    let codes = first.shown("recovery-codes").await?;
    let codes: Vec<&str> = codes.split_whitespace().collect();
    for code in &codes {
        world.evidence().note(Kind::RecoveryCode, code);
    }
    assert_eq!(codes.len(), 10);
    first.follow("next").await?;
    first.close().await?;

    let second = browser("second").await?;
    assert!(second.has("second-factor").await? && !second.has("account").await?);
    // The code of this half minute is spent; that of the next is early by less than one step.
    second.answer("second-factor", &authenticator::code(&key, 30).await?).await?;
    assert_eq!(second.shown("account").await?, "Your account");
    second.close().await?;

    let code = codes.first().context("no code")?;
    let third = browser("third").await?;
    third.answer("second-factor", code).await?;
    assert_eq!(third.shown("account").await?, "Your account");
    third.close().await?;

    let fourth = browser("fourth").await?;
    fourth.answer("second-factor", code).await?;
    assert!(fourth.has("second-factor").await? && !fourth.has("account").await?, "a code works once");
    fourth.close().await?;
    world.finish().await
}
