//! The login screen, in real terminals of three widths, with and without colour, and the lines that stand for it.

mod keys;
mod pictures;

use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::terminal::{DOWN, ENTER, ESCAPE, INTERRUPT, Size, Terminal};
use keyfob_e2e::{Home, World};
use rustix::process::Signal;
use std::fmt::Write as _;
use url::Url;

const SIZES: [Size; 3] =
    [Size { columns: 40, rows: 48 }, Size { columns: 80, rows: 24 }, Size { columns: 200, rows: 50 }];
/// A browser that nobody sees.
const NO_BROWSER: (&str, &str) = ("BROWSER", "/bin/true");
const COLOURS: [(&str, &str); 2] = [("NO_COLOR", "1"), ("NO_COLOR", "")];

async fn login(
    world: &World,
    home: &Home,
    size: Size,
    variables: &[(&str, &str)],
    arguments: &str,
) -> Result<Terminal> {
    let arguments = format!("login --issuer '{}' {arguments}", world.issuer());
    let variables = [&[NO_BROWSER][..], variables].concat();
    Terminal::start(home, size, &variables, &arguments, world.evidence()).await
}

/// Returns the address that was said last, however the terminal wrapped it.
fn address(world: &World, seen: &str) -> Result<Url> {
    let line = seen.lines().rev().find(|line| line.starts_with(&format!("{}/", world.issuer())));
    let address = Url::parse(line.context("no address")?.trim())?;
    world.evidence().note_address(&address);
    Ok(address)
}

fn user_code(seen: &str) -> Result<String> {
    let is_code = |word: &&str| word.len() == 9 && word.as_bytes().get(4) == Some(&b'-');
    Ok(seen.split_whitespace().rfind(is_code).context("no code")?.to_owned())
}

/// Waits for the address of a browser sign-in, and checks that it is one that can be clicked.
async fn browser_address(world: &World, terminal: &mut Terminal) -> Result<Url> {
    let seen = terminal.shows_word("Waiting for your browser: 14:5").await?;
    let address = address(world, &seen)?;
    let link = format!("\u{1b}]8;;{address}\u{1b}\\{address}\u{1b}]8;;\u{1b}\\");
    ensure!(terminal.bytes().contains(&link), "the address is no link");
    Ok(address)
}

async fn approve_in_browser(world: &World, terminal: &mut Terminal) -> Result<()> {
    let address = browser_address(world, terminal).await?;
    let mut client = world.form_client()?;
    let callback = client.approve(&address, world.owner()).await?;
    client.deliver(&callback).await?;
    Ok(())
}

async fn approve_code(world: &World, terminal: &mut Terminal) -> Result<()> {
    let seen = terminal.shows_word("It works for 14:5").await?;
    let (address, code) = (address(world, &seen)?, user_code(&seen)?);
    world.form_client()?.approve_device(&address, &code, world.owner()).await
}

async fn signed_in(home: &Home, terminal: &mut Terminal) -> Result<String> {
    let (_, seen) = terminal.finished(0).await?;
    ensure!(seen.contains("Successfully logged in\nSigned in as "), "{seen}");
    home.tokens()?;
    Ok(seen)
}

/// Says whether a colour was chosen in the bytes (ECMA-48 8.3.117, SGR 30 to 49 and 90 to 107).
fn has_colour(bytes: &str) -> bool {
    let sequences = bytes.split("\u{1b}[").skip(1).filter_map(|rest| rest.split_once('m'));
    sequences.filter(|(numbers, _)| numbers.bytes().all(|b| b.is_ascii_digit() || b == b';')).any(
        |(numbers, _)| {
            let of_colour = |number: u8| matches!(number, 30..=38 | 40..=48 | 90..=107);
            numbers.split(';').filter_map(|number| number.parse().ok()).any(of_colour)
        },
    )
}

#[tokio::test]
async fn s_24_a_browser_sign_in_is_chosen_by_number_at_every_width_with_and_without_colour() -> Result<()> {
    let world = World::start().await?;
    for size in SIZES {
        for colour in COLOURS {
            let home = world.home(&format!("mia-{}-{}", size.columns, colour.1.len()))?;
            let mut terminal = login(&world, &home, size, &[colour], "").await?;
            let seen = terminal.shows_word("> 1. Browser on this machine").await?;
            assert!(seen.contains(&format!("Sign in at {}", world.issuer())), "{seen}");

            terminal.press("1").await?;
            approve_in_browser(&world, &mut terminal).await?;

            let seen = signed_in(&home, &mut terminal).await?;
            assert!(!seen.contains("Waiting for your browser"), "what was drawn is taken away: {seen}");
            assert_eq!(has_colour(&terminal.bytes()), colour.1.is_empty(), "{size:?}");
        }
    }
    world.finish().await
}

#[tokio::test]
async fn s_24_s_19_a_device_code_is_chosen_with_an_arrow_at_every_width_with_and_without_colour() -> Result<()>
{
    let world = World::start().await?;
    for size in SIZES {
        for colour in COLOURS {
            let home = world.home(&format!("mia-{}-{}", size.columns, colour.1.len()))?;
            let mut terminal = login(&world, &home, size, &[colour], "").await?;
            terminal.shows_word("> 1. Browser on this machine").await?;

            terminal.press(DOWN).await?;
            terminal.shows_word("> 2. Device code, in any browser").await?;
            terminal.press(ENTER).await?;
            let seen = terminal.shows_word("It works for 14:5").await?;
            assert!(seen.contains('\u{2588}'), "no picture of the address: {seen}");
            approve_code(&world, &mut terminal).await?;

            signed_in(&home, &mut terminal).await?;
            assert_eq!(has_colour(&terminal.bytes()), colour.1.is_empty(), "{size:?}");
        }
    }
    world.finish().await
}

#[tokio::test]
async fn s_24_escape_leads_back_to_the_choice_and_out_of_it_and_the_terminal_is_given_back() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    let mut terminal = login(&world, &home, SIZES[1], &[], "").await?;
    terminal.shows_word("> 1. Browser").await?;

    terminal.press("1").await?;
    let first = browser_address(&world, &mut terminal).await?;
    terminal.press(ESCAPE).await?;
    terminal.shows_word("> 1. Browser").await?;
    terminal.press("2").await?;
    terminal.shows_word("It works for").await?;
    terminal.press("q").await?;
    terminal.shows_word("> 1. Browser").await?;
    terminal.press("1").await?;
    let second = browser_address(&world, &mut terminal).await?;
    terminal.press(ESCAPE).await?;
    terminal.shows_word("> 1. Browser").await?;
    terminal.press(ESCAPE).await?;

    let (_, seen) = terminal.finished(130).await?;
    assert!(seen.ends_with("error: cancelled"), "{seen}");
    assert_ne!(first, second);
    assert!(!home.is_signed_in()?);
    world.finish().await
}

#[tokio::test]
async fn s_24_ctrl_c_and_a_named_methods_escape_cancel_and_signals_give_the_terminal_back() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    let at = format!("login --issuer '{}'", world.issuer());
    for (arguments, waits_for, leaves) in [
        (at.clone(), "> 1. Browser", INTERRUPT),
        (format!("{at} --no-browser"), "Waiting for your browser", INTERRUPT),
        (format!("{at} --no-browser"), "Waiting for your browser", ESCAPE),
        (format!("{at} --device-auth"), "It works for", "q"),
        ("login --with-api-key".to_owned(), "Nothing of it is shown", INTERRUPT),
    ] {
        let mut terminal =
            Terminal::start(&home, SIZES[1], &[NO_BROWSER], &arguments, world.evidence()).await?;
        let seen = terminal.shows_word(waits_for).await?;
        if waits_for == "Waiting for your browser" {
            address(&world, &seen)?;
        }
        terminal.press(leaves).await?;
        let (_, seen) = terminal.finished(130).await?;
        assert!(seen.ends_with("error: cancelled"), "{arguments}: {seen}");
    }
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let mut terminal = login(&world, &home, SIZES[1], &[], "").await?;
        terminal.shows_word("> 1. Browser").await?;
        terminal.signal(signal)?;
        let (_, seen) = terminal.finished(130).await?;
        assert!(seen.ends_with("error: cancelled"), "{signal:?}: {seen}");
    }
    assert!(!home.is_signed_in()?);
    world.finish().await
}

#[tokio::test]
async fn s_19_an_address_is_pasted_into_the_screen_and_d_asks_for_a_code() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    let mut terminal = login(&world, &home, SIZES[0], &[], "--no-browser").await?;
    let address = browser_address(&world, &mut terminal).await?;
    let callback = world.form_client()?.approve(&address, world.owner()).await?;

    terminal.paste("http://127.0.0.1:1455/auth/callback?code=another&state=another").await?;
    terminal.shows_word("That is neither the address nor the code").await?;
    // As it is copied from another terminal of 30 columns.
    let mut wrapped = String::new();
    for part in callback.as_str().as_bytes().chunks(30) {
        writeln!(wrapped, "{}", std::str::from_utf8(part)?)?;
    }
    terminal.paste(&wrapped).await?;
    let seen = signed_in(&home, &mut terminal).await?;
    assert!(!seen.contains("code=another"), "what was pasted is not shown: {seen}");

    let other = world.home("other")?;
    let mut terminal = login(&world, &other, SIZES[1], &[], "--no-browser").await?;
    browser_address(&world, &mut terminal).await?;
    terminal.press("d").await?;
    approve_code(&world, &mut terminal).await?;
    signed_in(&other, &mut terminal).await?;
    world.finish().await
}

#[tokio::test]
async fn s_24_lines_serve_where_nothing_is_to_be_drawn() -> Result<()> {
    let world = World::start().await?;
    for (name, variables, arguments) in
        [("dumb", &[("TERM", "dumb")][..], ""), ("plain", &[], "--plain"), ("termless", &[("TERM", "")], "")]
    {
        let home = world.home(name)?;
        let mut terminal = login(&world, &home, SIZES[1], variables, arguments).await?;
        terminal.shows_word("Type a number and Enter.").await?;

        terminal.press("7\r").await?;
        terminal.shows_word("There is no such number.").await?;
        terminal.press("1\r").await?;
        let seen = terminal.shows_word("Type `b` and Enter to go back.").await?;
        address(&world, &seen)?;
        terminal.press("b\r").await?;
        terminal.shows(|seen| seen.matches("Type a number and Enter.").count() == 2).await?;
        terminal.press("2\r").await?;
        let seen = terminal.shows(|seen| seen.matches("Type `b` and").count() == 2).await?;
        let address = seen.lines().find(|line| line.ends_with("/codex/device")).context("no address")?;
        let (address, code) = (Url::parse(address.trim())?, user_code(&seen)?);
        world.form_client()?.approve_device(&address, &code, world.owner()).await?;

        signed_in(&home, &mut terminal).await?;
        assert!(!terminal.bytes().contains('\u{1b}'), "lines have no sequences: {:?}", terminal.bytes());
    }
    world.finish().await
}

#[tokio::test]
async fn c_17_the_screen_says_whose_login_is_expected_and_somebody_elses_is_not_kept() -> Result<()> {
    let world = World::start().await?;
    let leo = world.add_person("leo@example.org").await?;
    let home = world.home("mia")?;
    home.sign_in(&mut world.form_client()?).await?;
    let before = home.auth_text()?;
    let mut terminal = login(&world, &home, SIZES[1], &[], "").await?;
    let expected = format!("Expected: {}. Nobody else's login is kept here.", world.owner().email);
    terminal.shows_word(&expected).await?;

    terminal.press("1").await?;
    let address = browser_address(&world, &mut terminal).await?;
    let seen = terminal.shows_word("Waiting for your browser").await?;
    assert!(seen.contains(&expected), "{seen}");
    let mut client = world.form_client()?;
    let callback = client.approve(&address, &leo).await?;
    client.deliver(&callback).await?;

    let (_, seen) = terminal.finished(1).await?;
    assert!(seen.contains("the one of leo@example.org would take"), "{seen}");
    assert_eq!(home.auth_text()?, before);
    world.finish().await
}

#[tokio::test]
async fn s_24_a_real_browser_finishes_what_the_screen_began() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    let login = format!("login --issuer '{}'", world.issuer());
    let mut terminal = Terminal::start(&home, SIZES[1], &[], &login, world.evidence()).await?;
    terminal.shows_word("> 1. Browser on this machine").await?;

    terminal.press(ENTER).await?;

    let seen = signed_in(&home, &mut terminal).await?;
    address(&world, &seen)?;
    home.token().await?;
    world.finish().await
}

#[tokio::test]
async fn s_05_whoever_is_not_signed_in_signs_in_at_a_terminal_and_gets_what_they_asked_for() -> Result<()> {
    let world = World::start().await?;
    for (name, arguments, lists) in [("list", "session list", true), ("bare", "", false)] {
        let home = world.home(name)?;
        home.configure()?;
        let mut terminal =
            Terminal::start(&home, SIZES[1], &[NO_BROWSER], arguments, world.evidence()).await?;
        terminal.shows_word("> 1. Browser on this machine").await?;

        terminal.press(ENTER).await?;
        approve_in_browser(&world, &mut terminal).await?;

        let seen = signed_in(&home, &mut terminal).await?;
        assert_eq!(seen.contains(" (this one)\n"), lists, "{seen}");
        let told = home.expect(2, &[]).await?;
        assert!(told.stderr.contains("Usage: keyfob"), "{told:?}");
    }
    world.finish().await
}

#[tokio::test]
async fn s_05_a_session_command_that_is_cancelled_at_the_screen_ends_as_cancelled() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    home.configure()?;
    let mut terminal =
        Terminal::start(&home, SIZES[1], &[NO_BROWSER], "token --yes", world.evidence()).await?;
    terminal.shows_word("> 1. Browser on this machine").await?;

    terminal.press(ESCAPE).await?;

    let (_, seen) = terminal.finished(130).await?;
    assert!(seen.ends_with("error: cancelled"), "{seen}");
    world.finish().await
}

#[tokio::test]
async fn s_05_s_23_a_command_that_needs_a_login_signs_in_first_and_then_has_the_terminal() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    home.configure()?;
    home.configure_codex(&format!(
        "model_provider = \"gw\"\n[model_providers.gw]\nname = \"G\"\nbase_url = \"{}/v1\"\nrequires_openai_auth = true\n",
        world.gateway()
    ))?;
    let arguments = "exec -- sh -c 'test -t 0 && test -t 1 && stty size; read line; echo got $line; exit 7'";
    let mut terminal = Terminal::start(&home, SIZES[1], &[NO_BROWSER], arguments, world.evidence()).await?;
    terminal.shows_word("> 1. Browser on this machine").await?;
    terminal.press(ENTER).await?;
    approve_in_browser(&world, &mut terminal).await?;
    terminal.shows_word("24 80").await?;

    terminal.press("hello\r").await?;

    let (_, seen) = terminal.finished(7).await?;
    assert!(seen.contains("got hello"), "{seen}");
    home.tokens()?;
    world.finish().await
}

#[tokio::test]
async fn s_24_c_47_a_defect_is_told_on_a_terminal_that_was_given_back() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    let defect = ("KEYFOB_FAIL_AT", "callback.recv:panic");
    let mut terminal = login(&world, &home, SIZES[1], &[defect], "--no-browser").await?;
    let address = browser_address(&world, &mut terminal).await?;
    let mut client = world.form_client()?;
    let callback = client.approve(&address, world.owner()).await?;

    terminal.paste(callback.as_str()).await?;

    let (_, seen) = terminal.finished(101).await?;
    assert!(seen.contains("error: keyfob has a defect and stops here ("), "{seen}");
    assert!(!home.is_signed_in()?);
    world.finish().await
}

#[tokio::test]
async fn s_24_a_sign_in_whose_terminal_goes_away_ends() -> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    for (arguments, waits_for) in [("", "> 1. Browser"), ("--device-auth", "It works for")] {
        let mut terminal = login(&world, &home, SIZES[1], &[], arguments).await?;
        terminal.shows_word(waits_for).await?;

        terminal.hang_up().await?;
    }
    assert!(!home.is_signed_in()?);
    world.finish().await
}
