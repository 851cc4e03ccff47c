//! Every key that we know, in each kind of file.

use std::fmt;

/// A kind of file: all of a kind have the same keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// An administrator's `requirements.toml`.
    Requirements,
    /// The Codex CLI's `config.toml`, of the user and of the system, and `managed_config.toml`.
    Shared,
    /// Our own `config.toml`.
    Own,
}

impl FileKind {
    /// All of them, the strongest first.
    pub const ALL: [Self; 3] = [Self::Requirements, Self::Shared, Self::Own];

    /// Returns the word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requirements => "requirements",
            Self::Shared => "shared",
            Self::Own => "own",
        }
    }
}

/// In the words of the documentation.
impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Requirements => "requirements.toml",
            Self::Shared => "the Codex CLI's config.toml",
            Self::Own => "keyfob/config.toml",
        })
    }
}

/// What a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of these words.
    Words(&'static [&'static str]),
    /// An address on the web.
    Url,
    /// The address of an issuer: https, or http on loopback.
    Issuer,
    /// The id of a workspace, or a list of them.
    Workspaces,
    /// A list of the ids of workspaces.
    WorkspaceList,
    /// The name of a stored login.
    Login,
    /// A list of servers: scheme, host and port.
    Servers,
    /// Tables with `path` and `login`.
    Rules,
}

/// One key in one kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// In which kind of file.
    pub file: FileKind,
    /// The table in which it stands, if it stands in one.
    pub table: Option<&'static str>,
    /// What it is called.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What is done where nobody sets it, in words.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

const STORES: Kind = Kind::Word(&["file", "keyring", "auto", "ephemeral"]);
const METHODS: [&str; 2] = ["chatgpt", "api"];

/// The keys, those of the strongest kind of file first.
pub const KEYS: [Key; 15] = [
    Key {
        file: FileKind::Requirements,
        table: None,
        name: "allowed_login_methods",
        kind: Kind::Words(&METHODS),
        default: "both",
        meaning: "how people may sign in",
    },
    Key {
        file: FileKind::Requirements,
        table: None,
        name: "allowed_chatgpt_workspaces",
        kind: Kind::WorkspaceList,
        default: "all",
        meaning: "in which workspaces accounts may be used; an empty list allows none",
    },
    Key {
        file: FileKind::Requirements,
        table: None,
        name: "cli_auth_credentials_store",
        kind: STORES,
        default: "what other layers say",
        meaning: "where logins are kept, whatever other layers say",
    },
    Key {
        file: FileKind::Requirements,
        table: None,
        name: "chatgpt_base_url",
        kind: Kind::Url,
        default: "what other layers say",
        meaning: "where the Codex CLI sends the login of an account, whatever other layers say",
    },
    Key {
        file: FileKind::Requirements,
        table: Some("keyfob"),
        name: "issuer",
        kind: Kind::Issuer,
        default: "what keyfob/config.toml says",
        meaning: "the issuer at which accounts sign in, whatever other layers say",
    },
    Key {
        file: FileKind::Requirements,
        table: Some("keyfob"),
        name: "untrusted_ci",
        kind: Kind::Word(&["warn", "refuse"]),
        default: "\"warn\"",
        meaning: "what happens where a credential is about to be used in a job that outsiders can start",
    },
    Key {
        file: FileKind::Shared,
        table: None,
        name: "cli_auth_credentials_store",
        kind: STORES,
        default: "\"file\"",
        meaning: "where logins are kept",
    },
    Key {
        file: FileKind::Shared,
        table: None,
        name: "chatgpt_base_url",
        kind: Kind::Url,
        default: "OpenAI's hosts",
        meaning: "where the Codex CLI sends the login of an account",
    },
    Key {
        file: FileKind::Shared,
        table: None,
        name: "forced_login_method",
        kind: Kind::Word(&METHODS),
        default: "any",
        meaning: "how people sign in and no other way",
    },
    Key {
        file: FileKind::Shared,
        table: None,
        name: "forced_chatgpt_workspace_id",
        kind: Kind::Workspaces,
        default: "any",
        meaning: "in which workspaces accounts are used; an empty list says nothing",
    },
    Key {
        file: FileKind::Own,
        table: None,
        name: "issuer",
        kind: Kind::Issuer,
        default: "the issuer of the stored login",
        meaning: "where people sign in who name no issuer",
    },
    Key {
        file: FileKind::Own,
        table: None,
        name: "default_login",
        kind: Kind::Login,
        default: "\"shared\"",
        meaning: "the login that is used where nothing else is chosen",
    },
    Key {
        file: FileKind::Own,
        table: None,
        name: "precedence",
        kind: Kind::Word(&["keyfob", "codex"]),
        default: "\"keyfob\"",
        meaning: "in whose order credentials are looked for",
    },
    Key {
        file: FileKind::Own,
        table: None,
        name: "login_origins",
        kind: Kind::Servers,
        default: "none",
        meaning: "which servers get the login beside those that its issuer vouches for",
    },
    Key {
        file: FileKind::Own,
        table: None,
        name: "login_rule",
        kind: Kind::Rules,
        default: "no rules",
        meaning: "which login is used in which folder and below it",
    },
];

impl Key {
    /// Returns the keys of one kind of file.
    pub fn of(file: FileKind) -> impl Iterator<Item = &'static Self> {
        KEYS.iter().filter(move |key| key.file == file)
    }

    /// Returns the key that a user sets by this name.
    pub fn settable(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name && key.file != FileKind::Requirements)
    }

    /// Returns the names, each once, in their order.
    pub fn names() -> Vec<&'static str> {
        let mut names = Vec::new();
        for key in &KEYS {
            if !names.contains(&key.name) {
                names.push(key.name);
            }
        }
        names
    }

    /// Returns its name with that of its table.
    pub fn path(&self) -> String {
        self.table.map_or_else(|| self.name.to_owned(), |table| format!("{table}.{}", self.name))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted =
            |words: &[&str]| words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
        match self {
            Self::Word(words) => write!(f, "one of {}", quoted(words)),
            Self::Words(words) => write!(f, "a list of {}", quoted(words)),
            Self::Url => f.write_str("an address"),
            Self::Issuer => f.write_str("an https address, or http on loopback"),
            Self::Workspaces => f.write_str("the id of a workspace, or a list of them"),
            Self::WorkspaceList => f.write_str("a list of ids of workspaces"),
            Self::Login => f.write_str("the name of a login"),
            Self::Servers => f.write_str("a list of `https://HOST` or `https://HOST:PORT`"),
            Self::Rules => f.write_str("a list of tables with `path` and `login`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyfob_codex::config::Config;
    use keyfob_codex::requirements::Requirements;

    /// What the parser of the file says to `text`.
    fn said(file: FileKind, text: &str) -> Result<(), String> {
        match file {
            FileKind::Requirements => Requirements::parse(text).map(drop).map_err(|error| error.message),
            FileKind::Shared => Config::parse(text).map(drop).map_err(|error| error.message),
            FileKind::Own => {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("config.toml");
                crate::on_disk::put(&path, text);
                crate::Own::read(&path, None).map(drop).map_err(|error| match error {
                    crate::SettingsError::Invalid { problem, .. } => problem.message,
                    other => panic!("{other}"),
                })
            }
        }
    }

    fn line(key: &Key, value: &str) -> String {
        let table = key.table.map(|table| format!("[{table}]\n")).unwrap_or_default();
        format!("{table}{} = {value}\n", key.name)
    }

    #[test]
    fn the_words_of_a_key_are_those_that_its_parser_takes() {
        for key in &KEYS {
            let (words, bracket): (_, fn(String) -> String) = match key.kind {
                Kind::Word(words) => (words, |word| word),
                Kind::Words(words) => (words, |word| format!("[{word}]")),
                _ => continue,
            };
            for word in words {
                assert_eq!(said(key.file, &line(key, &bracket(format!("{word:?}")))), Ok(()), "{key:?}");
            }
            let expected = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>();
            let expected = match &expected[..] {
                [one, other] => format!("expected {one} or {other}"),
                all => format!("expected one of {}", all.join(", ")),
            };
            assert_eq!(
                said(key.file, &line(key, &bracket("\"zz\"".into()))),
                Err(format!("unknown variant `zz`, {expected}"))
            );
        }
    }

    #[test]
    fn every_key_is_read_from_its_file_and_our_own_files_have_no_others() {
        for key in &KEYS {
            assert!(said(key.file, &line(key, "1979-05-27")).is_err(), "{key:?} is not read");
        }
        let expected = |names: Vec<&str>| {
            let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            match &names[..] {
                [one, other] => format!("expected {one} or {other}"),
                all => format!("expected one of {}", all.join(", ")),
            }
        };
        let own = Key::of(FileKind::Own).map(|key| key.name).collect();
        assert_eq!(said(FileKind::Own, "zz = 1"), Err(format!("unknown field `zz`, {}", expected(own))));
        let table =
            Key::of(FileKind::Requirements).filter(|key| key.table.is_some()).map(|key| key.name).collect();
        assert_eq!(
            said(FileKind::Requirements, "[keyfob]\nzz = 1"),
            Err(format!("unknown field `zz`, {}", expected(table)))
        );
    }

    /// The table in the documentation.
    fn table() -> String {
        let mut table = "| file | key | value | without it | meaning |\n|---|---|---|---|---|\n".to_owned();
        for key in &KEYS {
            let file = match key.file {
                FileKind::Requirements => "`requirements.toml`",
                FileKind::Shared => "`config.toml`, `managed_config.toml`, `-c`",
                FileKind::Own => "`keyfob/config.toml`",
            };
            let Key { kind, default, meaning, .. } = key;
            let row = [
                "| ",
                file,
                " | `",
                &key.path(),
                "` | ",
                &kind.to_string(),
                " | ",
                default,
                " | ",
                meaning,
                " |\n",
            ];
            table.push_str(&row.concat());
        }
        table
    }

    #[test]
    fn the_documentation_has_every_key() {
        let page = include_str!("../../../docs/configuration.md");

        assert!(page.contains(&table()), "docs/configuration.md lacks:\n{}", table());
    }
}
