//! What `forced_login_method` and `forced_chatgpt_workspace_id` mean, value by value.

use super::File::User;
use super::requirements::{STATUS, USE};
use super::sessions::ASKS_NOBODY;
use super::{
    ALONE, File, NOTHING_TO_USE, Ours, Play, Row, SIX, Section, Stored, THREE_PARTS, UNVERIFIED,
    WHERE_AND_WHAT,
};
use anyhow::Result;

const API: &[(File, &str)] = &[(User, "forced_login_method = \"api\"\n")];
const CHATGPT: &[(File, &str)] = &[(User, "forced_login_method = \"chatgpt\"\n")];
const OTHER: &[(File, &str)] = &[(User, "forced_chatgpt_workspace_id = \"acct-other\"\n")];

const ENV_KEY: &[(&str, &str)] = &[("CODEX_API_KEY", "sk-env-0123456789")];
const ENV_BLANK: &[(&str, &str)] = &[("CODEX_API_KEY", "  ")];
const ENV_TOKEN: &[(&str, &str)] =
    &[("CODEX_ACCESS_TOKEN", "at-0123456789"), ("CODEX_AUTHAPI_BASE_URL", "ISSUER/api/accounts")];
const ENV_BOTH: &[(&str, &str)] = &[
    ("CODEX_API_KEY", "sk-env-0123456789"),
    ("CODEX_ACCESS_TOKEN", "at-0123456789"),
    ("CODEX_AUTHAPI_BASE_URL", "ISSUER/api/accounts"),
];

/// What is in a variable and cannot be used.
const BLANK: &str = "a variable that is set and cannot be used is an error, and nothing is used in its place";

const fn status(name: &'static str, files: &'static [(File, &'static str)], ours: Ours) -> Row {
    row(name, "`login status` with an account", Play { files, ..STATUS }, ours)
}

const fn used(
    name: &'static str,
    scenario: &'static str,
    files: &'static [(File, &'static str)],
    stored: Stored,
    ours: Ours,
) -> Row {
    row(name, scenario, Play { stored, files, ..USE }, ours)
}

const fn variable(
    name: &'static str,
    scenario: &'static str,
    files: &'static [(File, &'static str)],
    stored: Stored,
    variables: &'static [(&'static str, &'static str)],
    ours: Ours,
) -> Row {
    row(name, scenario, Play { stored, files, variables, ..USE }, ours)
}

const fn row(name: &'static str, scenario: &'static str, play: Play, ours: Ours) -> Row {
    Row { name, scenario, play, ours, tests: &[] }
}

#[tokio::test]
async fn s_15_s_16_s_17_a_forced_value_means_what_it_means_to_the_codex_cli_or_else_for_a_reason()
-> Result<()> {
    SECTION.hold().await
}

pub(crate) const SECTION: Section = Section {
    name: "forced",
    title: "What `forced_login_method` and `forced_chatgpt_workspace_id` mean",
    test: "s_15_s_16_s_17_a_forced_value_means_what_it_means_to_the_codex_cli_or_else_for_a_reason",
    rows: &[
        status("text", &[(User, "forced_chatgpt_workspace_id = \"acct-1\"\n")], Ours::Same),
        status("text_padded", &[(User, "forced_chatgpt_workspace_id = \" acct-1 \"\n")], Ours::Same),
        status("text_other", OTHER, Ours::Differs(UNVERIFIED)),
        status(
            "text_case",
            &[(User, "forced_chatgpt_workspace_id = \"ACCT-1\"\n")],
            Ours::Differs(UNVERIFIED),
        ),
        status("text_empty", &[(User, "forced_chatgpt_workspace_id = \"\"\n")], Ours::Same),
        status("text_blank", &[(User, "forced_chatgpt_workspace_id = \"  \"\n")], Ours::Same),
        status(
            "text_comma",
            &[(User, "forced_chatgpt_workspace_id = \"acct-1,acct-2\"\n")],
            Ours::SameCode(THREE_PARTS),
        ),
        status("list", &[(User, "forced_chatgpt_workspace_id = [\"acct-2\", \" acct-1 \"]\n")], Ours::Same),
        status(
            "list_comma",
            &[(User, "forced_chatgpt_workspace_id = [\"acct-1,acct-2\"]\n")],
            Ours::SameCode(THREE_PARTS),
        ),
        status("list_empty", &[(User, "forced_chatgpt_workspace_id = []\n")], Ours::Same),
        status("list_of_empty", &[(User, "forced_chatgpt_workspace_id = [\"\"]\n")], Ours::Same),
        status("number", &[(User, "forced_chatgpt_workspace_id = 1\n")], Ours::SameCode(THREE_PARTS)),
        status(
            "list_of_number",
            &[(User, "forced_chatgpt_workspace_id = [1]\n")],
            Ours::SameCode(THREE_PARTS),
        ),
        status("table", &[(User, "forced_chatgpt_workspace_id = { a = 1 }\n")], Ours::SameCode(THREE_PARTS)),
        status("method_chatgpt", CHATGPT, Ours::Same),
        status("method_api", API, Ours::Same),
        status(
            "method_unknown",
            &[(User, "forced_login_method = \"sso\"\n")],
            Ours::SameCode(WHERE_AND_WHAT),
        ),
        status("method_empty", &[(User, "forced_login_method = \"\"\n")], Ours::SameCode(WHERE_AND_WHAT)),
        status("method_case", &[(User, "forced_login_method = \"API\"\n")], Ours::SameCode(WHERE_AND_WHAT)),
        status(
            "method_padded",
            &[(User, "forced_login_method = \" api \"\n")],
            Ours::SameCode(WHERE_AND_WHAT),
        ),
        status("method_list", &[(User, "forced_login_method = [\"api\"]\n")], Ours::SameCode(THREE_PARTS)),
        status("method_boolean", &[(User, "forced_login_method = true\n")], Ours::SameCode(THREE_PARTS)),
        used("used", "an account is to be used", CHATGPT, Stored::Account, Ours::Same),
        used("used_api", "an account is to be used", API, Stored::Account, Ours::SameDecision(SIX)),
        used("used_key", "a key is to be used", CHATGPT, Stored::ApiKey, Ours::SameDecision(SIX)),
        variable(
            "used_token",
            "a stored personal access token is to be used",
            API,
            Stored::PersonalToken,
            &[("CODEX_AUTHAPI_BASE_URL", "ISSUER/api/accounts")],
            Ours::SameDecision(SIX),
        ),
        used("used_nothing", "nothing is stored", API, Stored::Nothing, Ours::Differs(NOTHING_TO_USE)),
        used(
            "used_other",
            "an account of another workspace is to be used",
            OTHER,
            Stored::Account,
            Ours::SameDecision(SIX),
        ),
        used(
            "used_others",
            "an account of another workspace is to be used",
            &[(User, "forced_chatgpt_workspace_id = [\"acct-2\", \"acct-3\"]\n")],
            Stored::Account,
            Ours::SameDecision(SIX),
        ),
        used("used_key_other", "a key is to be used", OTHER, Stored::ApiKey, Ours::Same),
        used(
            "used_unknown",
            "an account is to be used",
            &[(User, "forced_login_method = \"sso\"\n")],
            Stored::Account,
            Ours::SameCode(WHERE_AND_WHAT),
        ),
        variable(
            "key",
            "an account is stored, and `CODEX_API_KEY` is set",
            CHATGPT,
            Stored::Account,
            ENV_KEY,
            Ours::Differs(ALONE),
        ),
        variable(
            "key_alone",
            "nothing is stored, and `CODEX_API_KEY` is set",
            CHATGPT,
            Stored::Nothing,
            ENV_KEY,
            Ours::SameDecision(SIX),
        ),
        variable(
            "key_api",
            "an account is stored, and `CODEX_API_KEY` is set",
            API,
            Stored::Account,
            ENV_KEY,
            Ours::Same,
        ),
        variable(
            "key_other",
            "an account of another workspace is stored, and `CODEX_API_KEY` is set",
            OTHER,
            Stored::Account,
            ENV_KEY,
            Ours::Same,
        ),
        variable(
            "key_blank",
            "an account is stored, and `CODEX_API_KEY` is blank",
            CHATGPT,
            Stored::Account,
            ENV_BLANK,
            Ours::Differs(BLANK),
        ),
        variable(
            "token",
            "a key is stored, and a token is in `CODEX_ACCESS_TOKEN`",
            API,
            Stored::ApiKey,
            ENV_TOKEN,
            Ours::Differs(ALONE),
        ),
        variable(
            "token_chatgpt",
            "a key is stored, and a token is in `CODEX_ACCESS_TOKEN`",
            CHATGPT,
            Stored::ApiKey,
            ENV_TOKEN,
            Ours::Same,
        ),
        variable(
            "token_other",
            "an account is stored, and a token of another workspace is in `CODEX_ACCESS_TOKEN`",
            OTHER,
            Stored::Account,
            ENV_TOKEN,
            Ours::Differs(ALONE),
        ),
        variable(
            "both",
            "nothing is stored, and `CODEX_API_KEY` and `CODEX_ACCESS_TOKEN` are set",
            CHATGPT,
            Stored::Nothing,
            ENV_BOTH,
            Ours::SameDecision(SIX),
        ),
        row(
            "token_status",
            "`login status` with a key, and a token in `CODEX_ACCESS_TOKEN`",
            Play { files: API, stored: Stored::ApiKey, variables: ENV_TOKEN, ..STATUS },
            Ours::Same,
        ),
        row(
            "token_status_other",
            "`login status` with an account, and a token of another workspace in `CODEX_ACCESS_TOKEN`",
            Play { files: OTHER, variables: ENV_TOKEN, ..STATUS },
            Ours::Differs(ASKS_NOBODY),
        ),
        row(
            "logout",
            "`logout`",
            Play {
                files: API,
                codex: &["logout"],
                keyfob: &["logout"],
                variables: &[("CODEX_REVOKE_TOKEN_URL_OVERRIDE", "ISSUER/oauth/revoke")],
                ..STATUS
            },
            Ours::Same,
        ),
        used(
            "provider_without_login",
            "an account is stored, and the model provider wants none",
            &[(
                User,
                "forced_login_method = \"api\"\nmodel_provider = \"p\"\n[model_providers.p]\nname = \"P\"\nbase_url = \"ISSUER/p\"\n",
            )],
            Stored::Account,
            Ours::SameDecision(SIX),
        ),
    ],
    unplayed: &[],
};
