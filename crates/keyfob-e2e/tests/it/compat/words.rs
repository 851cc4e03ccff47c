//! What a program did in a scenario, as it is written down in a fixture.

use super::uses::GOES_ON;
use anyhow::{Context as _, Result, bail, ensure};
use keyfob_e2e::{environment, files};
use std::fmt::Write as _;
use std::path::PathBuf;

/// What a program did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    /// Its exit code, or the signal that ended it.
    pub(crate) end: String,
    /// What was stored in its home afterwards.
    pub(crate) stored: String,
    /// What it asked the issuer for, in order.
    pub(crate) asked: Vec<String>,
    /// What a browser saw.
    pub(crate) browser: Vec<String>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// How a program ends that did what was wanted.
const DONE: &str = "exit 0";
const PARTS: [&str; 5] = ["stored", "asked", "browser", "stdout", "stderr"];

impl Said {
    /// Whether what was wanted was not done.
    pub(crate) fn is_refused(&self) -> bool {
        ![DONE, GOES_ON].contains(&self.end.as_str())
    }

    fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.end);
        let (asked, browser) = (self.asked.join("\n"), self.browser.join("\n"));
        let parts = [&self.stored, &asked, &browser, &self.stdout, &self.stderr];
        for (name, part) in PARTS.into_iter().zip(parts).filter(|(_, part)| !part.is_empty()) {
            // Writing to a string cannot fail.
            let _written = writeln!(text, "--- {name}\n{}", part.trim_end_matches('\n'));
        }
        text
    }

    fn parse(text: &str) -> Result<Self> {
        let mut parts = text.split("\n--- ");
        let end = parts.next().unwrap_or_default().trim_end().to_owned();
        let mut said = Self { end, ..Self::default() };
        for part in parts {
            let (name, part) = part.split_once('\n').context("a part without a line")?;
            let part = part.trim_end_matches('\n').to_owned();
            match name {
                "stored" => said.stored = part,
                "asked" => said.asked = part.lines().map(str::to_owned).collect(),
                "browser" => said.browser = part.lines().map(str::to_owned).collect(),
                "stdout" => said.stdout = part,
                "stderr" => said.stderr = part,
                other => bail!("a part called {other}"),
            }
        }
        Ok(said)
    }
}

/// The words of one program in one scenario.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fixture<'a> {
    /// The program, and its version where it is not ours.
    pub(crate) of: &'a str,
    pub(crate) section: &'a str,
    pub(crate) name: &'a str,
}

/// The folder of the fixtures.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Whether what the programs do is to be written down, and not compared.
pub(crate) fn is_recording() -> bool {
    environment::variable("KEYFOB_RECORD").is_some()
}

impl Fixture<'_> {
    fn path(&self) -> PathBuf {
        folder().join(self.of).join(self.section).join(format!("{}.txt", self.name))
    }

    /// Reads what is written down.
    pub(crate) fn read(&self) -> Result<Said> {
        let path = self.path();
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("no fixture {}; `scripts/record-codex` makes it", path.display()))?;
        Said::parse(&text)
    }

    /// Compares `said` with what is written down, or writes it down.
    pub(crate) fn hold(&self, said: &Said) -> Result<()> {
        if is_recording() {
            let path = self.path();
            std::fs::create_dir_all(path.parent().context("no folder")?)?;
            return files::replace(&path, said.to_text().as_bytes());
        }
        let (recorded, now) = (self.read()?.to_text(), said.to_text());
        ensure!(
            recorded == now,
            "{} says something else in `{}/{}`\n--- recorded:\n{recorded}\n--- now:\n{now}",
            self.of,
            self.section,
            self.name
        );
        Ok(())
    }
}

/// Puts a word in the place of whatever differs from run to run.
#[derive(Debug, Default)]
pub(crate) struct Blanks(Vec<(String, &'static str)>);

impl Blanks {
    /// Lets `word` stand for `text`.
    pub(crate) fn hide(&mut self, text: &str, word: &'static str) {
        self.0.push((text.to_owned(), word));
    }

    /// Returns `text` with all of that hidden, and escapes of a terminal to be seen.
    pub(crate) fn in_text(&self, text: &str) -> String {
        let mut text = text.replace(ON_SOME_DAYS, "").replace('\u{1b}', "\\e");
        for (from, to) in &self.0 {
            text = text.replace(from, to);
        }
        for name in ["id_token=", "(process ", "`it-"] {
            text = blank_after(&text, name);
        }
        text
    }
}

/// What the Codex CLI says of itself when a request comes while it ends, and does not when it comes a moment later.
const ON_SOME_DAYS: &str = "Failed to send request to channel: channel closed\n";

/// Replaces what follows `name`, up to the end of a parameter or a word.
fn blank_after(text: &str, name: &str) -> String {
    let mut parts = text.split(name);
    let mut blanked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "-_.%".contains(c));
        blanked.push_str(name);
        blanked.push('…');
        blanked.push_str(rest);
    }
    blanked
}

/// What the Codex CLI says to people and no script waits for: it names its own commands.
const OF_ITS_OWN: [&str; 1] = ["On a remote or headless machine? Use `codex login --device-auth` instead."];

/// Returns the lines of the Codex CLI that are not among ours, where an error begins with `error: `.
pub(crate) fn missing<'a>(theirs: &'a Said, ours: &Said) -> Vec<&'a str> {
    let is_ours = |line: &str| {
        ours.stderr.lines().any(|ours| ours == line || ours.strip_prefix("error: ") == Some(line))
    };
    let waited_for = |line: &&str| !line.is_empty() && !OF_ITS_OWN.contains(line);
    theirs.stderr.lines().filter(waited_for).filter(|line| !is_ours(line)).collect()
}

#[test]
fn a_fixture_is_read_as_it_was_written() {
    let said = Said {
        end: "exit 1".into(),
        stored: "nothing".into(),
        asked: vec!["GET /a".into(), "POST /b".into()],
        browser: Vec::new(),
        stdout: "one\n\ntwo".into(),
        stderr: "three".into(),
    };

    assert_eq!(Said::parse(&said.to_text()).unwrap(), said);
}

#[test]
fn what_differs_from_run_to_run_is_hidden_and_nothing_else() {
    let mut blanks = Blanks::default();
    blanks.hide("http://127.0.0.1:4000", "ISSUER");

    let text =
        blanks.in_text("\u{1b}[90mhttp://127.0.0.1:4000/a?id_token=x-Y_1&b=2 (process 77) id_token= end");

    assert_eq!(text, "\\e[90mISSUER/a?id_token=…&b=2 (process …) id_token=… end");
}

#[test]
fn a_line_of_the_codex_cli_that_is_not_ours_is_missing() {
    let theirs = Said { stderr: "\nNot logged in\nNo key.\nother".into(), ..Said::default() };
    let ours = Said { stderr: "more\nNot logged in\nerror: No key.\n".into(), ..Said::default() };

    assert_eq!(missing(&theirs, &ours), ["other"]);
}
