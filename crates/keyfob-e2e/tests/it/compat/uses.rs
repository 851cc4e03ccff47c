//! Which login a program uses: what it shows a model, or prints for a program that does.

use super::fake::Fake;
use super::play::Which;
use keyfob_e2e::process::Finished;
use url::Url;

/// How it ends for whoever gets as far as using a login, or none.
pub(crate) const GOES_ON: &str = "goes on";

/// What OpenAI's libraries are given where there is no credential.
const NO_CREDENTIAL: &str = "no-credential";

/// Whether a login was used, as whom, and what was said of it.
#[derive(Debug)]
pub(crate) struct Uses {
    pub(crate) goes_on: bool,
    pub(crate) asked: Vec<String>,
    pub(crate) stderr: String,
}

impl Uses {
    pub(crate) fn of(which: Which, finished: &Finished, fake: &Fake) -> Self {
        match which {
            Which::Codex => Self::of_codex(finished, fake),
            Which::Keyfob => Self::of_keyfob(finished),
        }
    }

    /// `codex exec`, which shows a login to the model and is refused by it.
    fn of_codex(finished: &Finished, fake: &Fake) -> Self {
        const SESSION: &str = "OpenAI Codex v";
        /// Of the machine, and not of the configuration.
        const ELSEWHERE: &str = "bubblewrap";
        let mut asked = fake.shown();
        asked.dedup();
        let begins = finished.stderr.lines().any(|line| line.starts_with(SESSION));
        let told = |line: &&str| {
            let is_refusal = line.starts_with("ERROR: ") && !asked.is_empty();
            let is_told = !begins || line.starts_with("warning: ") || line.starts_with("ERROR: ");
            is_told
                && !is_refusal
                && !line.contains(ELSEWHERE)
                && !line.starts_with("Reading additional input")
        };
        let mut stderr: Vec<&str> = finished.stderr.lines().filter(told).collect();
        stderr.dedup();
        Self { goes_on: !asked.is_empty(), stderr: stderr.join("\n"), asked }
    }

    /// `keyfob token`, which prints a token, and says of a key that it is none.
    fn of_keyfob(finished: &Finished) -> Self {
        let printed = finished.stdout.trim_end();
        let shown = if let Some((server, shown)) = printed.split_once(' ') {
            // `keyfob exec`, whose command tells where it would go, and with what.
            let path = Url::parse(server).map_or_else(|_| server.to_owned(), |url| url.path().to_owned());
            let shown = if shown == NO_CREDENTIAL { "nothing".to_owned() } else { credential(shown) };
            Some(format!("{shown} at {path}"))
        } else if printed.is_empty() {
            let is_key = finished.stderr.contains("has no access token");
            is_key.then(|| "a key".to_owned())
        } else {
            Some(credential(printed))
        };
        let asked: Vec<String> = shown.into_iter().map(|shown| format!("shows {shown}")).collect();
        let goes_on = !asked.is_empty();
        Self { goes_on, asked, stderr: finished.stderr.clone() }
    }
}

/// Says which credential that is.
pub(crate) fn credential(text: &str) -> String {
    let kinds = [("eyJ", "the account"), ("at-", "a token"), ("sk-", "a key"), ("k-", "the provider's key")];
    let known = kinds.into_iter().find(|(prefix, _)| text.starts_with(prefix));
    known.map_or_else(|| format!("`{text}`"), |(_, name)| name.to_owned())
}

#[test]
fn a_credential_is_told_by_its_beginning_and_one_of_no_kind_as_it_is() {
    let told = ["eyJh.e.s", "at-1", "sk-1", "k-1", "other"].map(credential);

    assert_eq!(told, ["the account", "a token", "a key", "the provider's key", "`other`"]);
}
