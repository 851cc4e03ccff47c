//! What the Codex CLI does at sign-in, scenario by scenario, and what `keyfob` does in its place.
//!
//! Each [`Section`] is a test: every scenario of it is played with both programs at an issuer of the test's own, and what
//! they asked, said and ended with is compared with what is written down in `fixtures/`. `scripts/record-codex` writes it
//! down anew, and [`page`] makes `docs/compat/codex.md` of it.

mod browser;
mod device;
mod fake;
mod forced;
mod keys;
mod layers;
mod mistakes;
mod model_providers;
mod page;
mod play;
mod ports;
mod requirements;
mod sessions;
mod uses;
mod words;

use anyhow::{Context as _, Result, bail, ensure};
use fake::{Answers, Fake};
use futures_util::StreamExt as _;
use keyfob_e2e::{Peculiar, Scene, codex};
use play::{Player, Which};
use words::{Fixture, Said};

/// The program that is played against, and where its words are.
pub(crate) const CODEX: &str = "codex-0.169.0";
pub(crate) const KEYFOB: &str = "keyfob";

/// Scenarios that one test plays.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// The test.
    pub(crate) test: &'static str,
    pub(crate) rows: &'static [Row],
    pub(crate) unplayed: &'static [Unplayed],
}

/// One scenario.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// What happens, in words.
    pub(crate) scenario: &'static str,
    pub(crate) play: Play,
    pub(crate) ours: Ours,
    /// Tests beside the section's that hold what `keyfob` does here.
    pub(crate) tests: &'static [&'static str],
}

/// A scenario that takes minutes, or that is played elsewhere: what was seen once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unplayed {
    pub(crate) scenario: &'static str,
    pub(crate) codex: &'static str,
    pub(crate) keyfob: &'static str,
    pub(crate) tests: &'static [&'static str],
}

/// How `keyfob` stands to the Codex CLI in a scenario.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ours {
    /// Each of its lines is among ours, the exit code is the same, and so is what is stored.
    Same,
    /// The exit code and what is stored are the same; for this reason the words are not.
    SameCode(&'static str),
    /// Both refuse or both do not, and what is stored is the same; for this reason the exit code is not.
    SameDecision(&'static str),
    /// It decides otherwise, or stores something else, for this reason.
    Differs(&'static str),
}

/// Why most errors have other words.
pub(crate) const THREE_PARTS: &str = "an error says what failed, why, and what to do next";
/// Why the exit code of a refusal is not 1.
pub(crate) const SIX: &str =
    "a refusal by a restriction, or by one that cannot be known, ends with 6, so that a script can tell";
/// The words are behind `error: `, and more follows them.
pub(crate) const WHERE_AND_WHAT: &str = "after `error: `, where and what is told in the same words";
/// Restrictions that leave no way to sign in.
pub(crate) const NAMED: &str =
    "the restrictions that exclude one another are named, each with its file and line";
/// What is not ours to check.
pub(crate) const THEIRS: &str = "what says nothing of a login is the Codex CLI's to check";
/// What is in a variable and not allowed.
pub(crate) const ALONE: &str = "a variable that is set and not allowed is refused, and nothing is used in its place; what is stored stays";
/// A workspace that nobody has confirmed.
pub(crate) const UNVERIFIED: &str = "what a login says of its workspace counts once its issuer has confirmed it, which a use of it sees to; a status \
     asks nobody (security C-54)";
/// There is no login.
pub(crate) const NOTHING_TO_USE: &str = "without a login there is nothing to use, which is 4";
/// A file that is not taken for an administrator's.
pub(crate) const NOT_BELIEVED: &str = "an administrator's file that others can change is not believed, and then nothing is allowed (security C-55)";
/// The file of a repository.
pub(crate) const REPOSITORY: &str =
    "a repository's file says nothing about credentials, trusted or not (security C-22)";
/// A provider that a command does not use.
pub(crate) const NOT_USED: &str =
    "a status asks no provider, and needs to know none; `exec` and `why` say which is near";

/// What is in a home before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    Nothing,
    Account,
    /// Of an issuer at whose address nobody listens.
    AccountElsewhere,
    ApiKey,
    PersonalToken,
}

/// A file of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum File {
    /// `/etc/codex/requirements.toml`.
    Requirements,
    /// `/etc/codex/managed_config.toml`.
    Managed,
    /// `/etc/codex/config.toml`.
    System,
    /// `config.toml` of the home.
    User,
    /// Another file of the home.
    OfHome(&'static str),
    /// A file in `.codex` of the working folder.
    OfProject(&'static str),
}

impl File {
    /// Returns its name in its folder.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Requirements => "requirements.toml",
            Self::Managed => "managed_config.toml",
            Self::System | Self::User => "config.toml",
            Self::OfHome(name) | Self::OfProject(name) => name,
        }
    }

    /// Returns the folder in which it is.
    pub(crate) const fn folder(self) -> &'static str {
        match self {
            Self::Requirements | Self::Managed | Self::System => "/etc/codex",
            Self::User | Self::OfHome(_) => "$CODEX_HOME",
            Self::OfProject(_) => "PROJECT/.codex",
        }
    }
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looks {
    /// How it ends and every word.
    Words,
    /// Whether a login is used, and which one.
    Use,
}

/// What happens; `ISSUER` in an argument, a file or a variable stands for the address of the test's issuer,
/// and `PROJECT` in a file for the working folder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Play {
    pub(crate) answers: Answers,
    pub(crate) stored: Stored,
    /// The configuration: each of its files that is there, and what it says.
    pub(crate) files: &'static [(File, &'static str)],
    /// A file of these that is peculiar.
    pub(crate) peculiar: Option<(File, Peculiar)>,
    pub(crate) looks: Looks,
    pub(crate) variables: &'static [(&'static str, &'static str)],
    /// What is on standard input.
    pub(crate) input: Option<&'static str>,
    pub(crate) codex: &'static [&'static str],
    pub(crate) keyfob: &'static [&'static str],
    /// What is done once an address was printed.
    pub(crate) steps: &'static [Step],
    /// Ports that another program holds.
    pub(crate) held: &'static [u16],
    /// Whether a login of the same program waits already.
    pub(crate) is_second: bool,
}

/// What is done about a sign-in that waits for a browser.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A browser comes with this address; `STATE` in it stands for the right one.
    Visit(&'static str),
    /// Ctrl-C.
    Interrupt,
}

/// Nothing special.
pub(crate) const PLAY: Play = Play {
    answers: &[],
    stored: Stored::Nothing,
    files: &[],
    peculiar: None,
    looks: Looks::Words,
    variables: &[],
    input: None,
    codex: &[],
    keyfob: &[],
    steps: &[],
    held: &[],
    is_second: false,
};

/// Every section, as the page has them.
pub(crate) const SECTIONS: [Section; 10] = [
    browser::SECTION,
    ports::SECTION,
    device::SECTION,
    keys::SECTION,
    sessions::SECTION,
    layers::SECTION,
    requirements::SECTION,
    forced::SECTION,
    model_providers::SECTION,
    mistakes::SECTION,
];

/// How many scenarios are played at once.
const AT_ONCE: usize = 8;

impl Section {
    /// Plays every scenario, several at once and each at issuers of its own.
    pub(crate) async fn hold(&self) -> Result<()> {
        let Some(codex) = codex::installed()? else { return Ok(()) };
        let scene = Scene::new()?;
        let rows = self.rows.iter().map(async |row| {
            let (for_theirs, for_ours) = (Fake::start(None).await?, Fake::start(None).await?);
            let player = |fake| Player { scene: &scene, fake, codex: &codex, variables: &[] };
            let (theirs, ours) = (player(&for_theirs), player(&for_ours));
            let (theirs, ours) =
                tokio::try_join!(theirs.play(row, Which::Codex), ours.play(row, Which::Keyfob))?;
            row.hold(self, &theirs, &ours)
        });
        let held: Vec<Result<()>> =
            futures_util::stream::iter(rows).buffer_unordered(AT_ONCE).collect().await;
        all(held)
    }
}

/// Fails with what each of those that failed says.
pub(crate) fn all(held: Vec<Result<()>>) -> Result<()> {
    let failed: Vec<String> =
        held.into_iter().filter_map(Result::err).map(|error| format!("{error:#}")).collect();
    ensure!(failed.is_empty(), "{} scenarios fail:\n\n{}", failed.len(), failed.join("\n\n"));
    Ok(())
}

impl Row {
    /// Compares what both programs did with what is written down, and with one another.
    pub(crate) fn hold(&self, section: &Section, theirs: &Said, ours: &Said) -> Result<()> {
        self.fixture(section, CODEX).hold(theirs)?;
        self.fixture(section, KEYFOB).hold(ours)?;
        self.ours
            .hold(self.play.looks, theirs, ours)
            .with_context(|| format!("{}/{}", section.name, self.name))
    }

    pub(crate) fn fixture<'a>(&'a self, section: &'a Section, of: &'a str) -> Fixture<'a> {
        Fixture { of, section: section.name, name: self.name }
    }
}

impl Ours {
    /// Whether this is how it stands; a difference that is none has no reason.
    fn hold(self, looks: Looks, theirs: &Said, ours: &Said) -> Result<()> {
        let missing = words::missing(theirs, ours);
        let has_same_use = match looks {
            Looks::Words => true,
            Looks::Use => theirs.asked == ours.asked,
        };
        let has_same_decision =
            theirs.is_refused() == ours.is_refused() && theirs.stored == ours.stored && has_same_use;
        let has_same_code = theirs.end == ours.end;
        match (self, has_same_decision, has_same_code, missing.is_empty()) {
            (Self::Same, true, true, true)
            | (Self::SameCode(_), true, true, false)
            | (Self::SameDecision(_), true, false, _)
            | (Self::Differs(_), false, _, _)
            | (Self::Differs(_), _, false, _) => Ok(()),
            (told, _, _, _) => bail!(
                "{told:?} does not hold: the Codex CLI ended with `{}` and stored {}, we with `{}` and {}; missing are \
                 {missing:?} in\n{}",
                theirs.end,
                theirs.stored,
                ours.end,
                ours.stored,
                ours.stderr
            ),
        }
    }
}
