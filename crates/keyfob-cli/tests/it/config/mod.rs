//! `keyfob config`, and configurations that cannot be used.

mod bad;
mod change;
mod check;
mod schema;
mod show;

use crate::Home;

/// Writes the configuration that is shared with the Codex CLI.
fn share(home: &Home, toml: &str) {
    std::fs::write(home.path().join("config.toml"), toml).unwrap();
}

fn shared(home: &Home) -> String {
    std::fs::read_to_string(home.path().join("config.toml")).unwrap()
}

/// Whether a person with a narrow terminal and no colour can read it; a word, as a path is, stays whole.
fn is_readable(text: &str) -> bool {
    let fits = |line: &str| {
        line.chars().count() <= 80
            || !line.trim_start().contains("  ") && line.split(' ').any(|word| word.len() > 40)
    };
    !text.contains('\u{1b}') && text.lines().all(fits)
}
