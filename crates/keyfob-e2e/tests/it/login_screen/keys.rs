//! Entering an API key at a terminal.

use super::{SIZES, login};
use anyhow::Result;
use keyfob_e2e::World;
use keyfob_e2e::leak::Kind;
use keyfob_e2e::terminal::{ENTER, ESCAPE, Terminal};

const KEY: &str = "sk-test-0123456789abcdefghijklmnop";

#[tokio::test]
async fn s_24_c_29_a_key_is_entered_at_every_width_and_no_letter_of_it_is_shown() -> Result<()> {
    let world = World::start().await?;
    world.evidence().note(Kind::ApiKey, KEY);
    for size in SIZES {
        let home = world.home(&format!("mia-{}", size.columns))?;
        let mut terminal = login(&world, &home, size, &[], "").await?;
        terminal.shows_word("> 1. Browser on this machine").await?;

        terminal.press("3").await?;
        terminal.shows_word("Nothing of it is").await?;
        let (pasted, typed) = KEY.split_at(20);
        terminal.paste(pasted).await?;
        terminal.shows_word("Key: **************** (20 characters)").await?;
        terminal.press(typed).await?;
        terminal.shows_word("Key: **************** (34 characters)").await?;
        terminal.press(ENTER).await?;

        let (_, seen) = terminal.finished(0).await?;
        let saved = "API key saved. Authentication is checked when you send a request.\nKept in `";
        assert!(seen.starts_with(saved), "{seen}");
        assert!(home.auth_text()?.contains(KEY));
    }
    world.finish().await
}

#[tokio::test]
async fn c_29_with_api_key_asks_at_a_terminal_and_takes_no_line_for_a_key() -> Result<()> {
    let world = World::start().await?;
    world.evidence().note(Kind::ApiKey, KEY);
    let home = world.home("mia")?;
    let mut terminal =
        Terminal::start(&home, SIZES[1], &[], "login --with-api-key", world.evidence()).await?;
    terminal.shows_word("Nothing of it is shown.").await?;

    terminal.paste(&format!("{KEY}\r\nsecond-line\n")).await?;
    terminal.shows_word("That is no key: it has several lines.").await?;
    assert!(!home.is_signed_in()?);
    terminal.press("sk with space\r").await?;
    terminal.shows_word("That is no key: it holds a character that no key has.").await?;
    terminal.paste(&format!("{KEY}\r\n")).await?;
    terminal.shows_word("(34 characters)").await?;
    terminal.press(ENTER).await?;

    let (_, seen) = terminal.finished(0).await?;
    assert!(!seen.contains("second-line"), "{seen}");
    assert!(home.auth_text()?.contains(KEY));
    world.finish().await
}

#[tokio::test]
async fn c_29_a_key_that_is_given_up_leaves_what_was_stored() -> Result<()> {
    let world = World::start().await?;
    world.evidence().note(Kind::ApiKey, KEY);
    let home = world.home("mia")?;
    let mut terminal = login(&world, &home, SIZES[1], &[], "").await?;
    terminal.shows_word("> 1. Browser").await?;

    terminal.press("3").await?;
    terminal.shows_word("Nothing of it is shown.").await?;
    terminal.paste(KEY).await?;
    terminal.shows_word("(34 characters)").await?;
    terminal.press(ESCAPE).await?;
    terminal.shows_word("> 1. Browser").await?;
    terminal.press(ESCAPE).await?;

    terminal.finished(130).await?;
    assert!(!home.is_signed_in()?);
    world.finish().await
}

#[tokio::test]
async fn c_29_in_lines_too_a_key_is_entered_unseen_and_the_terminal_shows_what_is_typed_afterwards()
-> Result<()> {
    let world = World::start().await?;
    world.evidence().note(Kind::ApiKey, KEY);
    let home = world.home("mia")?;
    let mut terminal =
        Terminal::start(&home, SIZES[1], &[], "login --plain --with-api-key", world.evidence()).await?;
    terminal.shows_word("An empty line cancels.").await?;

    terminal.press("sk with space\r").await?;
    terminal.shows_word("That is no key: it holds a character that no key has.").await?;
    terminal.press(&format!("{KEY}\r")).await?;

    let (_, seen) = terminal.finished(0).await?;
    assert!(!seen.contains("sk with space"), "{seen}");
    assert!(home.auth_text()?.contains(KEY));
    let other = world.home("other")?;
    let mut terminal = login(&world, &other, SIZES[1], &[], "--plain").await?;
    terminal.shows_word("Type a number and Enter.").await?;
    terminal.press("3\r").await?;
    terminal.shows_word("An empty line goes back.").await?;
    terminal.press("\r").await?;
    terminal.shows(|seen| seen.matches("Type a number and Enter.").count() == 2).await?;
    terminal.press("3\r").await?;
    terminal.shows(|seen| seen.matches("An empty line goes back.").count() == 2).await?;
    terminal.signal(rustix::process::Signal::TERM)?;
    terminal.finished(130).await?;
    world.finish().await
}
