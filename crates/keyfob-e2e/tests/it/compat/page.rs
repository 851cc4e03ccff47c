//! `docs/compat/codex.md`: a row for each scenario, made of the fixtures.

use super::words::{self, Fixture, Said};
use super::{CODEX, KEYFOB, Ours, Row, SECTIONS, Section, Unplayed};
use anyhow::{Context as _, Result, ensure};
use keyfob_e2e::files;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const INTRODUCTION: &str = "\
# What the Codex CLI does at sign-in, and what `keyfob` does in its place

Written by `scripts/record-codex` from the tables in `crates/keyfob-e2e/tests/it/compat/` and the words in
`crates/keyfob-e2e/fixtures/`; do not edit.

Each scenario is played with the unmodified Codex CLI 0.169.0 and with `keyfob`, at an issuer of the test's own that answers as
the scenario says. What each asked for, printed and ended with is in the fixtures; the suite plays all of it again and
fails when one of the two says anything else. Shown here are the exit code, what is stored afterwards, what a browser saw, and
what is on standard error after the prompt.

Of a row that is **the same**, each line of the Codex CLI is a line of ours, behind `error: ` where it is an error, and
the exit code and what is stored are the same: a script that waits for its words or codes finds them. Of **the same decision**,
both refuse or both do not, and what is stored is the same. Where `keyfob` differs, the row says why.
`ISSUER`, `STATE` and the like stand for what differs from run to run.

Where a login is to be used, a program *goes on* that uses one or none: `codex exec`, which shows it to a model, and
`keyfob token`, which prints it for a program that does, or says of a key that it has none. What is shown is said.
";

/// What people are told while a login waits; it is shown once, above the tables.
const PROMPT: [&str; 12] = [
    "If your browser did not open, navigate to this URL to authenticate:",
    "http://",
    "https://",
    "ISSUER/",
    "On a remote or headless machine? Use `codex login --device-auth` instead.",
    "Starting local login server on http://localhost:1455.",
    "To sign in with a device code:",
    "1. Open this link",
    "2. Enter this one-time code",
    "WXYZ-",
    "Continue only if you started this login",
    "note: a Codex CLI with this home sends",
];

/// How much of a page is shown.
const LONGEST: usize = 90;

type Tests = BTreeMap<String, PathBuf>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns every function of our crates with the file that it is in.
fn functions() -> Result<Tests> {
    let mut found = Tests::new();
    let root = root();
    for path in files::below(&root.join("crates"))
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
    {
        let text = std::fs::read_to_string(&path)?;
        for name in text.lines().filter_map(|line| line.split_once("fn ")?.1.split_once('(')) {
            found.insert(name.0.to_owned(), path.strip_prefix(&root)?.to_owned());
        }
    }
    Ok(found)
}

fn page() -> Result<String> {
    let tests = functions()?;
    let mut page = INTRODUCTION.to_owned();
    for (of, program) in [(CODEX, "Codex CLI"), (KEYFOB, "`keyfob`")] {
        let browser = Fixture { of, section: "browser", name: "good" }.read()?;
        let device = Fixture { of, section: "device", name: "approved" }.read()?;
        writeln!(
            page,
            "\n{program}, with a browser (on standard error):\n\n```text\n{}\n```",
            browser.stderr
        )?;
        let (place, text) = if device.stdout.contains("WXYZ-") && !device.stderr.contains("WXYZ-") {
            ("standard output", device.stdout)
        } else {
            ("standard error", device.stderr)
        };
        writeln!(page, "\n{program}, with a device code (on {place}):\n\n```text\n{text}\n```")?;
    }
    for section in &SECTIONS {
        let test = link(section.test, &tests)?;
        writeln!(page, "\n## {}\n\nPlayed by {test}.\n", section.title)?;
        writeln!(page, "| scenario | Codex CLI 0.169.0 | `keyfob` | tests of ours |\n|---|---|---|---|")?;
        for row in section.rows {
            writeln!(page, "{}", played(section, row, &tests)?)?;
        }
        for row in section.unplayed {
            writeln!(page, "{}", unplayed(row, &tests)?)?;
        }
    }
    page.push_str(&differences()?);
    Ok(page)
}

/// Returns a table of every scenario in which `keyfob` decides otherwise.
fn differences() -> Result<String> {
    let mut table = String::from(
        "\n## Where `keyfob` decides otherwise\n\n| scenario | Codex CLI 0.169.0 | `keyfob` | why |\n|---|---|---|---|\n",
    );
    for section in &SECTIONS {
        for row in section.rows {
            let Ours::Differs(why) = row.ours else { continue };
            let theirs = decision(&row.fixture(section, CODEX).read()?);
            let ours = decision(&row.fixture(section, KEYFOB).read()?);
            let scenario = scenario(row);
            writeln!(
                table,
                "| {}: {scenario} | {theirs} | {ours} | {why} |",
                section.name.replace('_', " ")
            )?;
        }
    }
    Ok(table)
}

/// Shows how a program ended, with which login, and what was stored then.
fn decision(said: &Said) -> String {
    let shown = said.asked.iter().filter(|line| line.starts_with("shows ")).map(|line| format!("; {line}"));
    format!("{}{}; {} is stored", said.end, shown.collect::<String>(), said.stored)
}

/// Says what happens, and shows the configuration.
fn scenario(row: &Row) -> String {
    let files = row.play.files.iter().map(|(file, text)| {
        let path = code(&format!("{}/{}", file.folder(), file.name()));
        let lines = text.lines().filter(|line| !line.trim().is_empty()).map(code);
        std::iter::once(path).chain(lines).collect::<Vec<_>>().join("<br>")
    });
    std::iter::once(row.scenario.to_owned()).chain(files).collect::<Vec<_>>().join("<br>")
}

fn played(section: &Section, row: &Row, tests: &Tests) -> Result<String> {
    let theirs = cell(&row.fixture(section, CODEX).read()?);
    let ours = || Ok::<_, anyhow::Error>(cell(&row.fixture(section, KEYFOB).read()?));
    let ours = match row.ours {
        Ours::Same => format!("**the same**<br>{}", ours()?),
        Ours::SameCode(why) => format!("{}<br>the same code; {why}", ours()?),
        Ours::SameDecision(why) => format!("{}<br>the same decision; {why}", ours()?),
        Ours::Differs(why) => format!("{}<br>**differs**: {why}", ours()?),
    };
    line(&scenario(row), &theirs, &ours, row.tests, tests)
}

fn unplayed(row: &Unplayed, tests: &Tests) -> Result<String> {
    let theirs = format!("{} (not played: it takes too long)", row.codex);
    line(row.scenario, &theirs, row.keyfob, row.tests, tests)
}

fn line(scenario: &str, theirs: &str, ours: &str, named: &[&str], tests: &Tests) -> Result<String> {
    let named: Vec<String> = named.iter().map(|name| link(name, tests)).collect::<Result<_>>()?;
    Ok(format!("| {scenario} | {theirs} | {ours} | {} |", named.join("<br>")))
}

fn link(test: &str, tests: &Tests) -> Result<String> {
    let path = tests.get(test).with_context(|| format!("there is no test {test}"))?;
    Ok(format!("[`{test}`](../../{})", path.display()))
}

/// Shows how a program ended and what it said.
fn cell(said: &Said) -> String {
    let is_prompt = |line: &&str| PROMPT.iter().any(|prompt| line.trim_start().starts_with(prompt));
    let words = said.stderr.lines().filter(|line| !line.trim().is_empty() && !is_prompt(line));
    let seen: Vec<String> = said.browser.iter().map(|line| shortened(line)).collect();
    let is_shown = |line: &&str| line.starts_with("port ") || line.starts_with("shows ");
    let heard = said.asked.iter().map(String::as_str).filter(is_shown);
    let lines = heard.chain(seen.iter().map(String::as_str)).chain(words).map(code);
    let end = format!("{}; {} is stored", said.end, said.stored);
    std::iter::once(end).chain(lines).collect::<Vec<_>>().join("<br>")
}

/// Shows where a browser was and the beginning of what it saw.
fn shortened(line: &str) -> String {
    let Some((asked, seen)) = line.split_once(": ") else { return line.to_owned() };
    let path = asked.split('?').next().unwrap_or(asked);
    let shown: String = seen.chars().take(LONGEST).collect();
    if shown.len() < seen.len() { format!("{path}: {shown}…") } else { format!("{path}: {shown}") }
}

/// Returns `line` as code in the cell of a table.
fn code(line: &str) -> String {
    let line = line.replace('|', "\\|");
    if line.contains('`') { format!("`` {line} ``") } else { format!("`{line}`") }
}

#[test]
fn the_page_about_the_codex_cli_is_made_of_the_fixtures() -> Result<()> {
    let (path, made) = (root().join("docs/compat/codex.md"), page()?);
    if words::is_recording() {
        std::fs::create_dir_all(path.parent().context("no folder")?)?;
        return files::replace(&path, made.as_bytes());
    }
    let written = std::fs::read_to_string(&path)?;
    ensure!(written == made, "docs/compat/codex.md is not what `scripts/record-codex` would write");
    Ok(())
}

#[test]
fn every_fixture_is_of_a_scenario() -> Result<()> {
    let mut wanted = BTreeSet::new();
    for section in &SECTIONS {
        for row in section.rows {
            let name = format!("{}/{}.txt", section.name, row.name);
            wanted.insert(Path::new(CODEX).join(&name));
            wanted.insert(Path::new(KEYFOB).join(&name));
        }
    }

    let folder = words::folder();
    let there: BTreeSet<PathBuf> = files::below(&folder)
        .into_iter()
        .map(|path| path.strip_prefix(&folder).map(Path::to_owned))
        .collect::<Result<_, _>>()?;

    assert_eq!(there, wanted);
    Ok(())
}
