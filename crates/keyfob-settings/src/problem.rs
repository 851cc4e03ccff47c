//! What is wrong in a file, with the place shown to the person who can mend it.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// What is wrong in one place of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file; `-c` for what the command was told.
    pub file: PathBuf,
    /// Counted from one.
    pub line: usize,
    /// Counted from one, in characters.
    pub column: usize,
    /// What is wrong and what was expected.
    pub message: String,
    /// What to do, if the message does not say it.
    pub help: Option<String>,
    /// Where in the text, in bytes.
    pub(crate) span: Range<usize>,
    excerpt: String,
    marked: Range<usize>,
}

/// More of a line than a terminal of 80 columns has room for is cut.
const WIDEST: usize = 68;
/// What is shown before the place in a line that is cut.
const BEFORE: usize = 24;

impl Problem {
    /// Describes what is wrong at `span` of `text`, which is in bytes.
    pub fn new(file: PathBuf, text: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        let start = floor_boundary(text, span.start);
        let before = text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = text.get(line_start..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default().trim_end_matches('\r');
        let column = before.get(line_start..).unwrap_or_default().chars().count();
        let marked = text.get(start..floor_boundary(text, span.end)).unwrap_or_default();
        let width = marked.split('\n').next().unwrap_or_default().chars().count().max(1);
        let (excerpt, marked) = cut(&concealed(line), column, width);
        Self {
            file,
            line: before.matches('\n').count() + 1,
            column: column + 1,
            message: purged(&message.into()),
            help: None,
            span,
            excerpt,
            marked,
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Returns the line with a mark below the place, in at most 80 columns.
    pub fn picture(&self) -> String {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        let indent = " ".repeat(self.marked.start);
        let mark = "^".repeat(self.marked.len());
        format!("{margin} |\n{number} | {}\n{margin} | {indent}{mark}", self.excerpt)
    }
}

fn floor_boundary(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The keys whose values are no secrets and may be shown.
const SHOWN: [&str; 20] = [
    "allowed_chatgpt_workspaces",
    "allowed_login_methods",
    "base_url",
    "chatgpt_base_url",
    "cli_auth_credentials_store",
    "default_login",
    "env_key",
    "forced_chatgpt_workspace_id",
    "forced_login_method",
    "issuer",
    "login",
    "model_provider",
    "name",
    "openai_base_url",
    "path",
    "precedence",
    "profile",
    "requires_openai_auth",
    "untrusted_ci",
    "wire_api",
];

/// Conceals what may be a secret (security C-46); each character keeps its place.
///
/// A line is shown if it is one good line of TOML by itself, with a key whose values are none. Of any other line the
/// key is shown, if it is a plain one: what follows may be what somebody forgot to quote.
fn concealed(line: &str) -> String {
    if may_be_shown(line) {
        return line.to_owned();
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ' | '\t');
    let shown = match line.split_once('=') {
        Some((key, _)) if key.chars().all(is_plain) => key.len() + 1,
        Some(_) | None => 0,
    };
    let (key, rest) = line.split_at_checked(shown).unwrap_or(("", line));
    let mut hidden = key.to_owned();
    for word in rest.split_inclusive(is_between_words) {
        let end =
            word.len() - word.chars().next_back().filter(|c| is_between_words(*c)).map_or(0, char::len_utf8);
        let (word, after) = word.split_at_checked(end).unwrap_or((word, ""));
        if word.chars().count() <= LONGEST_SHOWN {
            hidden.push_str(word);
        } else {
            hidden.extend(word.chars().map(|_| '*'));
        }
        hidden.push_str(after);
    }
    hidden
}

/// No secret is so short, and what is wrong in a line often is.
const LONGEST_SHOWN: usize = 3;

fn is_between_words(c: char) -> bool {
    c.is_whitespace() || matches!(c, '=' | '[' | ']' | '{' | '}' | ',' | '"' | '\'' | '#')
}

fn may_be_shown(line: &str) -> bool {
    let is_of_header = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ' | '[' | ']');
    if line.trim_start().starts_with('[') && line.chars().all(is_of_header) {
        return true;
    }
    let Ok(mut table) = toml::from_str::<toml::Table>(line) else { return false };
    loop {
        let mut members = table.into_iter();
        match (members.next(), members.next()) {
            // A comment, or nothing; of a header see above.
            (None, _) => return !line.contains('['),
            (Some((_, toml::Value::Table(inner))), None) => table = inner,
            (Some((name, value)), None) => {
                // An address may have a password in it.
                return SHOWN.contains(&name.as_str()) && !value.to_string().contains('@');
            }
            (Some(_), Some(_)) => return false,
        }
    }
}

/// Takes out of a message what may be a secret, and what is too long to be read.
fn purged(message: &str) -> String {
    const MOST: usize = 300;
    const BEFORE_A_TEXT: &str = "string \"";
    let mut message = message.to_owned();
    if let Some((before, rest)) = message.split_once(BEFORE_A_TEXT) {
        let after = rest.rsplit_once('"').map_or("", |(_, after)| after);
        message = format!("{before}string{after}");
    }
    if let Some((before, rest)) = message.split_once("://")
        && let Some((user, after)) = rest.split_once('@')
        && !user.contains(['/', ' '])
    {
        message = format!("{before}://…@{after}");
    }
    match message.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", message.get(..at).unwrap_or_default()),
        None => message,
    }
}

/// Returns what is shown of a line, and where the mark is in it.
fn cut(line: &str, column: usize, width: usize) -> (String, Range<usize>) {
    let shown: Vec<char> = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if shown.len() <= WIDEST {
        return (shown.into_iter().collect(), column..column + width.min(WIDEST));
    }
    let first = column.saturating_sub(BEFORE);
    let ellipsis = if first > 0 { "…" } else { "" };
    let kept: String = shown.iter().skip(first).take(WIDEST).collect();
    let end = if shown.len() > first + WIDEST { "…" } else { "" };
    let column = column - first + ellipsis.chars().count();
    (format!("{ellipsis}{kept}{end}"), column..column + width.min(WIDEST + 1 - column))
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, message, .. } = self;
        write!(f, "{}:{line}:{column}: {message}\n{}", file.display(), self.picture())
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str, marked: &str, message: &str) -> String {
        let start = text.find(marked).unwrap();
        Problem::new("/f.toml".into(), text, start..start + marked.len(), message).to_string()
    }

    #[test]
    fn the_place_is_shown_with_a_mark_below_it() {
        assert_eq!(
            problem("a = 1\npath = \"ü\" # x\nc = 2\n", "\"ü\"", "expected a number"),
            "/f.toml:2:8: expected a number\n  |\n2 | path = \"ü\" # x\n  |        ^^^"
        );
        assert_eq!(
            problem("\n\n\n\n\n\n\n\n\nx = [\n 1,\n]\n", "[\n 1,\n]", "no list"),
            "/f.toml:10:5: no list\n   |\n10 | x = [\n   |     ^"
        );
    }

    #[test]
    fn a_long_line_is_cut_to_eighty_columns_with_the_place_in_it() {
        let line = format!("name = [\"{}\", \"WRONG\", \"{}\"]", "a".repeat(90), "b".repeat(90));

        let shown = problem(&line, "WRONG", "this is wrong");

        assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
        let mut lines = shown.lines().skip(2);
        let (text, mark) = (lines.next().unwrap(), lines.next().unwrap());
        let at = mark.find('^').unwrap();
        let marked: String = text.chars().skip(at).take(5).collect();
        assert_eq!((marked.as_str(), mark.matches('^').count()), ("WRONG", 5));
    }

    #[test]
    fn c_46_a_value_that_may_be_a_secret_is_not_shown() {
        let shown = problem(
            "experimental_bearer_token = \"sk-1\" x\n",
            "\"sk-1\"",
            "invalid type: string \"sk-1\", expected a table",
        );

        assert_eq!(
            shown,
            "/f.toml:1:29: invalid type: string, expected a table\n  |\n\
             1 | experimental_bearer_token = \"****\" x\n  |                             ^^^^^^"
        );
        for (line, told) in [
            ("experimental_bearer_token = sk-secret", "experimental_bearer_token = *********"),
            ("pat = \"secret\" x", "pat = \"******\" x"),
            ("  \"--key=secret\", \"-y\"", "  \"*****=******\", \"-y\""),
            ("auth = { token = \"secret\" }", "auth = { ***** = \"******\" }"),
            ("k = \"a\\\"secret\" x", "k = \"a\\\"******\" x"),
            ("sk-secret", "*********"),
            ("sk-secret\"\"\" x", "*********\"\"\" x"),
            ("\"my key\" = 'secret'", "\"my key\" = '******'"),
            ("base_url = \"https://me:secret@host\"", "base_url = \"**********************\""),
            ("x = = 7", "x = = 7"),
            ("issuer = \"https://id.test\" # ours", "issuer = \"https://id.test\" # ours"),
            ("model_providers.p.wire_api = \"chat\"", "model_providers.p.wire_api = \"chat\""),
            ("[model_providers.p]", "[model_providers.p]"),
            ("[[login_rule]]", "[[login_rule]]"),
            ("[\"sk-secret\"]", "[\"*********\"]"),
            ("isuer = \"https://id.test\"", "isuer = \"***************\""),
        ] {
            assert_eq!(concealed(line), told);
        }
    }

    #[test]
    fn c_46_a_message_repeats_no_password_and_no_book() {
        assert_eq!(purged("\"https://me:secret@host/x\" is wrong"), "\"https://…@host/x\" is wrong");
        assert_eq!(purged("see https://host/a for x@y"), "see https://host/a for x@y");
        assert_eq!(purged(&"a".repeat(1_000)).chars().count(), 301);
    }

    #[test]
    fn a_place_that_is_outside_of_the_text_is_its_end() {
        let problem = Problem::new("/f.toml".into(), "a = 1\nb =", 100..200, "cut off");

        assert_eq!((problem.line, problem.column), (2, 4));
    }
}
