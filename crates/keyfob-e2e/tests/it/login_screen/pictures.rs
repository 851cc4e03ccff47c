//! The pictures of the login screen in the documentation: `scripts/pictures` writes them.

use super::{COLOURS, SIZES, address, login};
use anyhow::{Context as _, Result};
use keyfob_e2e::World;
use keyfob_e2e::environment::variable;
use keyfob_e2e::terminal::Size;
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

#[tokio::test]
async fn s_24_the_documentation_has_a_picture_of_each_width_with_and_without_colour_and_of_lines()
-> Result<()> {
    let world = World::start().await?;
    let home = world.home("mia")?;
    let mut pictures = BTreeMap::new();

    for size in SIZES {
        for (colour, name) in COLOURS.into_iter().zip(["mono", "colour"]) {
            for (screen, keys, waits_for) in [
                ("choice", "", "> 1. Browser on this machine"),
                ("browser", "1", "Waiting for your browser: 14:5"),
                ("code", "2", "It works for 14:5"),
                ("key", "3not a key", "(9 characters)"),
            ] {
                let mut terminal = login(&world, &home, size, &[colour], "").await?;
                terminal.shows_word("> 1. Browser on this machine").await?;
                terminal.press(keys).await?;
                let seen = terminal.shows_word(waits_for).await?;
                if screen == "browser" {
                    address(&world, &seen)?;
                }
                let name = format!("{screen}-{}-{name}.svg", size.columns);
                pictures.insert(name, terminal.picture());
                terminal.press("\u{3}").await?;
                terminal.finished(130).await?;
            }
        }
    }
    let size = Size { columns: 80, rows: 40 };
    let mut terminal = login(&world, &home, size, &[], "--plain").await?;
    terminal.shows_word("Type a number and Enter.").await?;
    terminal.press("2\r").await?;
    terminal.shows_word("Type `b` and Enter to go back.").await?;
    pictures.insert("lines-80.svg".to_owned(), terminal.picture());
    terminal.signal(Signal::INT)?;
    terminal.finished(130).await?;

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/pictures/login");
    if variable("KEYFOB_WRITE_PICTURES").is_some() {
        std::fs::create_dir_all(&folder)?;
        for (name, picture) in &pictures {
            std::fs::File::create(folder.join(name))?.write_all(picture.as_bytes())?;
        }
    }
    let mut there = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        there.push(entry?.file_name().into_string().ok().context("a name that is no text")?);
    }
    there.sort();
    assert_eq!(there, pictures.into_keys().collect::<Vec<_>>(), "`scripts/pictures` writes them");
    world.finish().await
}
