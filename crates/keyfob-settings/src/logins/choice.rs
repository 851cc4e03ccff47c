//! Which stored login a command acts on: chosen for the command, the terminal, the directory, or by default.
//!
//! Nothing here changes what another terminal does (users' P41): a flag binds one command, a variable one terminal, a
//! rule one directory; the default counts only where none of them does. All choose among stored logins only: whether a
//! variable with a credential comes first is decided elsewhere (design D8).

use super::Which;
use std::path::{Path, PathBuf};

/// A login for whatever is done in one directory and below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The directory, absolute.
    pub path: PathBuf,
    /// What is used there.
    pub login: Which,
    /// The line of the configuration on which the rule is, counted from one.
    pub line: usize,
}

impl Rule {
    /// Returns the rule for `folder`: the one with the longest path; of equal ones the last, as it was added last.
    pub fn matching<'a>(rules: &'a [Self], folder: &Path) -> Option<&'a Self> {
        let matching = rules.iter().filter(|rule| folder.starts_with(&rule.path));
        matching.max_by_key(|rule| rule.path.components().count())
    }
}

/// Who chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chooser {
    /// The command's own flag.
    Flag,
    /// The terminal's variable.
    Variable,
    /// The rule for the directory.
    Rule(Rule),
    /// The default in the configuration.
    Default,
    /// Nobody, which leaves the shared login.
    Nobody,
}

impl Chooser {
    /// Returns the word for programs.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Variable => "variable",
            Self::Rule(_) => "rule",
            Self::Default => "default",
            Self::Nobody => "nobody",
        }
    }
}

/// The login that a command acts on, and who chose it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Which.
    pub login: Which,
    /// By whom.
    pub by: Chooser,
}

/// Chooses: the first that names a login has the say, and no other is fallen back to.
pub fn choose(
    flag: Option<Which>,
    variable: Option<Which>,
    rule: Option<&Rule>,
    default: Option<Which>,
) -> Chosen {
    match (flag, variable, rule, default) {
        (Some(login), ..) => Chosen { login, by: Chooser::Flag },
        (None, Some(login), ..) => Chosen { login, by: Chooser::Variable },
        (None, None, Some(rule), _) => Chosen { login: rule.login.clone(), by: Chooser::Rule(rule.clone()) },
        (None, None, None, Some(login)) => Chosen { login, by: Chooser::Default },
        (None, None, None, None) => Chosen { login: Which::Shared, by: Chooser::Nobody },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(path: &str, login: &str, line: usize) -> Rule {
        Rule { path: path.into(), login: Which::parse(login).unwrap(), line }
    }

    #[test]
    fn p_41_the_nearest_choice_has_the_say() {
        let which = |name: &str| Which::parse(name).ok();
        let here = rule("/w", "of-the-rule", 3);
        let chosen = |flag, variable, rule, default| {
            let chosen = choose(flag, variable, rule, default);
            (chosen.login.to_string(), chosen.by.as_str())
        };
        let (flag, variable, default) = (which("f"), which("v"), which("d"));

        let all = chosen(flag, variable.clone(), Some(&here), default.clone());
        assert_eq!(all, ("f".into(), "flag"));
        let pinned = chosen(None, variable, Some(&here), default.clone());
        assert_eq!(pinned, ("v".into(), "variable"));
        let ruled = chosen(None, None, Some(&here), default.clone());
        assert_eq!(ruled, ("of-the-rule".into(), "rule"));
        assert_eq!(chosen(None, None, None, default), ("d".into(), "default"));
        assert_eq!(chosen(None, None, None, None), ("shared".into(), "nobody"));
        let back = chosen(which("shared"), None, Some(&here), None);
        assert_eq!(back, ("shared".into(), "flag"), "the shared login can be named like any other");
    }

    #[test]
    fn p_41_the_longest_path_wins_and_a_path_is_whole_names() {
        let rules = [rule("/w", "a", 1), rule("/w/client/deep", "c", 2), rule("/w/client", "b", 3)];
        let line = |folder: &str| Rule::matching(&rules, Path::new(folder)).map(|rule| rule.line);

        assert_eq!(line("/w"), Some(1));
        assert_eq!(line("/w/client-2"), Some(1));
        assert_eq!(line("/w/client/x"), Some(3));
        assert_eq!(line("/w/client/deep/er"), Some(2));
        assert_eq!(line("/ww"), None);
        assert_eq!(line("/"), None);
    }

    #[test]
    fn of_two_rules_for_one_path_the_later_one_counts() {
        let rules = [rule("/w", "a", 1), rule("/w", "b", 2)];

        assert_eq!(Rule::matching(&rules, Path::new("/w")).map(|rule| rule.line), Some(2));
    }
}
