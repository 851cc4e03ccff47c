//! What an administrator's `requirements.toml` allows.

use super::File::{Managed, Requirements, User};
use super::sessions::ASKS_NOBODY;
use super::{
    ALONE, File, Looks, NAMED, NOT_USED, Ours, PLAY, Play, Row, SIX, Section, Stored, THREE_PARTS, UNVERIFIED,
};
use anyhow::Result;

pub(crate) const KEY: Play = Play {
    input: Some("sk-test-0123456789abcdef\n"),
    codex: &["login", "--with-api-key"],
    keyfob: &["login", "--with-api-key"],
    ..PLAY
};
pub(crate) const STATUS: Play =
    Play { stored: Stored::Account, codex: &["login", "status"], keyfob: &["login", "status"], ..PLAY };
/// A program that does what it does with whatever login there is.
pub(crate) const USE: Play = Play {
    stored: Stored::Account,
    looks: Looks::Use,
    codex: &[
        "exec",
        "-c",
        "openai_base_url=\"ISSUER/v1\"",
        "-c",
        "chatgpt_base_url=\"ISSUER/backend-api/\"",
        "--skip-git-repo-check",
        "hi",
    ],
    keyfob: &["token"],
    ..PLAY
};
const DEVICE: Play = Play {
    codex: &["login", "--device-auth", "--experimental_issuer", "ISSUER"],
    keyfob: &["login", "--device-auth", "--issuer", "ISSUER"],
    ..PLAY
};
const TOKEN: Play = Play {
    input: Some("at-0123456789abcdef\n"),
    variables: &[("CODEX_AUTHAPI_BASE_URL", "ISSUER/api/accounts")],
    codex: &["login", "--with-access-token"],
    keyfob: &["login", "--with-access-token", "--issuer", "ISSUER"],
    ..PLAY
};

/// Where the Codex CLI goes on without a login and says nothing of it.
const ENDED: &str =
    "a login that is not allowed is ended and said; nobody goes on without one unawares (S-17)";
/// What is refused before it is read.
pub(crate) const NOT_READ: &str = "what is not allowed is refused before standard input is read";

const ACCOUNTS: &str = "allowed_login_methods = [\"chatgpt\"]\n";
const KEYS: &str = "allowed_login_methods = [\"api\"]\n";
const BOTH: &str = "allowed_login_methods = [\"api\", \"chatgpt\"]\n";
const NEITHER: &str = "allowed_login_methods = []\n";
const OTHER: &str = "allowed_chatgpt_workspaces = [\"acct-other\"]\n";
const NONE: &str = "allowed_chatgpt_workspaces = []\n";

const fn says(text: &'static [(File, &'static str)], play: Play) -> Play {
    Play { files: text, ..play }
}

const fn stored(stored: Stored, play: Play) -> Play {
    Play { stored, ..play }
}

const fn with(variables: &'static [(&'static str, &'static str)], play: Play) -> Play {
    Play { variables, ..play }
}

const fn row(name: &'static str, scenario: &'static str, play: Play, ours: Ours) -> Row {
    Row { name, scenario, play, ours, tests: &[] }
}

const ENV_KEY: &[(&str, &str)] = &[("CODEX_API_KEY", "sk-env-0123456789")];
const ENV_TOKEN: &[(&str, &str)] =
    &[("CODEX_ACCESS_TOKEN", "at-0123456789"), ("CODEX_AUTHAPI_BASE_URL", "ISSUER/api/accounts")];

#[tokio::test]
async fn s_18_requirements_allow_what_they_allow_the_codex_cli_or_less_for_a_reason() -> Result<()> {
    SECTION.hold().await
}

pub(crate) const SECTION: Section = Section {
    name: "requirements",
    title: "What an administrator's `requirements.toml` allows",
    test: "s_18_requirements_allow_what_they_allow_the_codex_cli_or_less_for_a_reason",
    rows: &[
        row(
            "accounts_key",
            "a key is to be kept",
            says(&[(Requirements, ACCOUNTS)], KEY),
            Ours::SameCode(NOT_READ),
        ),
        row(
            "accounts_status",
            "`login status` with an account",
            says(&[(Requirements, ACCOUNTS)], STATUS),
            Ours::Same,
        ),
        row(
            "accounts_status_key",
            "`login status` with a key",
            says(&[(Requirements, ACCOUNTS)], stored(Stored::ApiKey, STATUS)),
            Ours::Same,
        ),
        row(
            "accounts_used_key",
            "a key is to be used",
            says(&[(Requirements, ACCOUNTS)], stored(Stored::ApiKey, USE)),
            Ours::Differs(ENDED),
        ),
        row(
            "accounts_used_variable",
            "an account is stored, and `CODEX_API_KEY` is set",
            says(&[(Requirements, ACCOUNTS)], with(ENV_KEY, USE)),
            Ours::Differs(ALONE),
        ),
        row(
            "accounts_used_variable_alone",
            "nothing is stored, and `CODEX_API_KEY` is set",
            says(&[(Requirements, ACCOUNTS)], with(ENV_KEY, stored(Stored::Nothing, USE))),
            Ours::Differs(ALONE),
        ),
        row("keys_key", "a key is to be kept", says(&[(Requirements, KEYS)], KEY), Ours::Same),
        row("keys_device", "`login --device-auth`", says(&[(Requirements, KEYS)], DEVICE), Ours::Same),
        row(
            "keys_token",
            "a personal access token is to be kept",
            says(&[(Requirements, KEYS)], TOKEN),
            Ours::SameCode(NOT_READ),
        ),
        row(
            "keys_status",
            "`login status` with an account",
            says(&[(Requirements, KEYS)], STATUS),
            Ours::Same,
        ),
        row(
            "keys_used",
            "an account is to be used",
            says(&[(Requirements, KEYS)], USE),
            Ours::Differs(ENDED),
        ),
        row(
            "keys_used_variable",
            "a key is stored, and a token is in `CODEX_ACCESS_TOKEN`",
            says(&[(Requirements, KEYS)], with(ENV_TOKEN, stored(Stored::ApiKey, USE))),
            Ours::Differs(ALONE),
        ),
        row(
            "both_status",
            "`login status` with an account",
            says(&[(Requirements, BOTH)], STATUS),
            Ours::Same,
        ),
        row(
            "neither_status",
            "`login status` with an account",
            says(&[(Requirements, NEITHER)], STATUS),
            Ours::SameCode(NAMED),
        ),
        row(
            "neither_key",
            "a key is to be kept",
            says(&[(Requirements, NEITHER)], KEY),
            Ours::SameCode(NAMED),
        ),
        row(
            "neither_used",
            "an account is to be used",
            says(&[(Requirements, NEITHER)], USE),
            Ours::SameDecision(SIX),
        ),
        row(
            "other_status",
            "`login status` with an account of another workspace",
            says(&[(Requirements, OTHER)], STATUS),
            Ours::Differs(UNVERIFIED),
        ),
        row(
            "other_used",
            "an account of another workspace is to be used",
            says(&[(Requirements, OTHER)], USE),
            Ours::Differs(ENDED),
        ),
        row("other_key", "a key is to be kept", says(&[(Requirements, OTHER)], KEY), Ours::Same),
        row(
            "other_used_key",
            "a key is to be used",
            says(&[(Requirements, OTHER)], stored(Stored::ApiKey, USE)),
            Ours::Same,
        ),
        row(
            "other_token",
            "a token of another workspace is to be kept",
            says(&[(Requirements, OTHER)], TOKEN),
            Ours::SameCode(THREE_PARTS),
        ),
        row(
            "other_status_variable",
            "`login status` with a token of another workspace in `CODEX_ACCESS_TOKEN`",
            says(&[(Requirements, OTHER)], with(ENV_TOKEN, stored(Stored::ApiKey, STATUS))),
            Ours::Differs(ASKS_NOBODY),
        ),
        row(
            "trimmed",
            "`login status` with an account",
            says(
                &[(Requirements, "allowed_chatgpt_workspaces = [\" acct-1 \", \"acct-1\", \"\"]\n")],
                STATUS,
            ),
            Ours::Same,
        ),
        row(
            "comma",
            "`login status` with an account",
            says(&[(Requirements, "allowed_chatgpt_workspaces = [\"acct-1,acct-2\"]\n")], STATUS),
            Ours::SameCode(THREE_PARTS),
        ),
        row(
            "none_status",
            "`login status` with an account",
            says(&[(Requirements, NONE)], STATUS),
            Ours::Same,
        ),
        row("none_key", "a key is to be kept", says(&[(Requirements, NONE)], KEY), Ours::Same),
        row("none_device", "`login --device-auth`", says(&[(Requirements, NONE)], DEVICE), Ours::Same),
        row(
            "blank_status",
            "`login status` with an account",
            says(&[(Requirements, "allowed_chatgpt_workspaces = [\"\", \" \"]\n")], STATUS),
            Ours::Same,
        ),
        row(
            "against_forced",
            "a key is to be kept",
            says(&[(Requirements, KEYS), (User, "forced_login_method = \"chatgpt\"\n")], KEY),
            Ours::SameCode(NAMED),
        ),
        row(
            "against_managed",
            "a key is to be kept",
            says(&[(Requirements, ACCOUNTS), (Managed, "forced_login_method = \"api\"\n")], KEY),
            Ours::SameCode(NAMED),
        ),
        row(
            "beside_forced",
            "an account is to be used",
            says(
                &[
                    (Requirements, "allowed_chatgpt_workspaces = [\"acct-1\", \"acct-other\"]\n"),
                    (User, "forced_chatgpt_workspace_id = \"acct-other\"\n"),
                ],
                USE,
            ),
            Ours::SameDecision(SIX),
        ),
        row(
            "apart_from_forced",
            "an account is to be used",
            says(&[(Requirements, OTHER), (User, "forced_chatgpt_workspace_id = \"acct-1\"\n")], USE),
            Ours::Differs(ENDED),
        ),
        row(
            "pinned_base_url",
            "`login status` with an account",
            says(&[(Requirements, "chatgpt_base_url = \"https://id.example.org\"\n")], STATUS),
            Ours::Same,
        ),
        row(
            "pinned_provider",
            "`login status` with an account",
            says(&[(Requirements, "model_provider = \"none\"\n")], STATUS),
            Ours::Differs(NOT_USED),
        ),
        row(
            "unknown",
            "a key is to be kept",
            says(
                &[(
                    Requirements,
                    "allowed_login_methods = [\"chatgpt\"]\nnew_key = 1\n\n[new_table]\nkey = 1\n",
                )],
                KEY,
            ),
            Ours::SameCode(NOT_READ),
        ),
        row(
            "ours",
            "a key is to be kept",
            says(
                &[(
                    Requirements,
                    "allowed_login_methods = [\"chatgpt\"]\n\n[keyfob]\nissuer = \"https://id.example.org\"\n",
                )],
                KEY,
            ),
            Ours::SameCode(NOT_READ),
        ),
    ],
    unplayed: &[],
};
