//! What is said of a file that cannot be read or understood.

use super::File::{Managed, OfProject, Requirements, System, User};
use super::requirements::{KEY, STATUS, USE};
use super::{
    File, NOT_BELIEVED, Ours, Play, REPOSITORY, Row, SIX, Section, THEIRS, THREE_PARTS, WHERE_AND_WHAT,
};
use anyhow::Result;
use keyfob_e2e::Peculiar;

const SYNTAX: &str = "model = \"m\"\nx = = 1\n";
const TYPE: &str = "model = \"m\"\nforced_login_method = 7\n";
const VALUE: &str = "\n\n  cli_auth_credentials_store = \"nope\"\n";
const TWICE: &str = "model = \"a\"\nmodel = \"b\"\n";

const EVERYWHERE: &str =
    "a wrong value is told also where a stronger file has its own: it would count once that is gone";

const USAGE: &str = "an override without a value is wrong usage, which is 2";

const fn status(name: &'static str, files: &'static [(File, &'static str)], ours: Ours) -> Row {
    row(name, "`login status` with an account", Play { files, ..STATUS }, ours)
}

const fn row(name: &'static str, scenario: &'static str, play: Play, ours: Ours) -> Row {
    Row { name, scenario, play, ours, tests: &[] }
}

#[tokio::test]
async fn s_18_a_mistake_in_a_file_is_told_as_by_the_codex_cli_and_nothing_is_removed() -> Result<()> {
    SECTION.hold().await
}

pub(crate) const SECTION: Section = Section {
    name: "mistakes",
    title: "Mistakes in the files of the configuration",
    test: "s_18_a_mistake_in_a_file_is_told_as_by_the_codex_cli_and_nothing_is_removed",
    rows: &[
        status("user_syntax", &[(User, SYNTAX)], Ours::SameCode(WHERE_AND_WHAT)),
        status("user_type", &[(User, TYPE)], Ours::SameCode(THREE_PARTS)),
        status("user_value", &[(User, VALUE)], Ours::SameCode(WHERE_AND_WHAT)),
        status("user_twice", &[(User, TWICE)], Ours::SameCode(WHERE_AND_WHAT)),
        status(
            "user_two_values",
            &[(User, "forced_login_method = \"x\"\ncli_auth_credentials_store = \"y\"\n")],
            Ours::SameCode(THREE_PARTS),
        ),
        status("user_unknown", &[(User, "new_key = 1\n\n[new_table]\nkey = 1\n")], Ours::Same),
        status(
            "user_trust",
            &[(User, "[projects.\"/src\"]\ntrust_level = \"maybe\"\n")],
            Ours::Differs(THEIRS),
        ),
        status("user_crlf", &[(User, "forced_login_method = \"api\"\r\n")], Ours::Same),
        status("user_mark", &[(User, "\u{feff}forced_login_method = \"api\"\n")], Ours::Same),
        status("system_syntax", &[(System, SYNTAX)], Ours::SameCode(WHERE_AND_WHAT)),
        status("system_type", &[(System, TYPE)], Ours::SameCode(THREE_PARTS)),
        status("system_value", &[(System, VALUE)], Ours::SameCode(WHERE_AND_WHAT)),
        status("managed_syntax", &[(Managed, SYNTAX)], Ours::SameCode(WHERE_AND_WHAT)),
        status("managed_value", &[(Managed, VALUE)], Ours::SameCode(WHERE_AND_WHAT)),
        status(
            "requirements_syntax",
            &[(Requirements, "allowed_login_methods = [\"api\"\nx\n")],
            Ours::SameCode(THREE_PARTS),
        ),
        status(
            "requirements_value",
            &[(Requirements, "allowed_login_methods = [\"sso\"]\n")],
            Ours::SameCode(THREE_PARTS),
        ),
        status(
            "requirements_case",
            &[(Requirements, "allowed_login_methods = [\"ChatGPT\"]\n")],
            Ours::SameCode(THREE_PARTS),
        ),
        status(
            "requirements_text",
            &[(Requirements, "allowed_login_methods = \"api\"\n")],
            Ours::SameCode(THREE_PARTS),
        ),
        status(
            "requirements_number",
            &[(Requirements, "allowed_login_methods = [1]\n")],
            Ours::SameCode(THREE_PARTS),
        ),
        status(
            "requirements_workspace",
            &[(Requirements, "allowed_chatgpt_workspaces = \"acct-1\"\n")],
            Ours::SameCode(THREE_PARTS),
        ),
        status(
            "requirements_store",
            &[(Requirements, "cli_auth_credentials_store = \"nope\"\n")],
            Ours::SameCode(THREE_PARTS),
        ),
        status(
            "requirements_base_url",
            &[(Requirements, "chatgpt_base_url = 1\n")],
            Ours::SameCode(THREE_PARTS),
        ),
        status(
            "requirements_twice",
            &[(Requirements, "allowed_login_methods = [\"api\"]\nallowed_login_methods = [\"api\"]\n")],
            Ours::SameCode(THREE_PARTS),
        ),
        status(
            "requirements_and_user",
            &[(Requirements, "allowed_login_methods = [\"sso\"]\n"), (User, SYNTAX)],
            Ours::SameCode(THREE_PARTS),
        ),
        row(
            "requirements_used",
            "an account is to be used",
            Play { files: &[(Requirements, "allowed_login_methods = [\"sso\"]\n")], ..USE },
            Ours::SameDecision(SIX),
        ),
        row(
            "managed_folder",
            "`login status` with an account; the file is a folder",
            Play { files: &[(Managed, "")], peculiar: Some((Managed, Peculiar::Folder)), ..STATUS },
            Ours::SameCode(NOT_BELIEVED),
        ),
        row(
            "overridden",
            "a key is to be kept",
            Play {
                files: &[
                    (System, "forced_login_method = \"x\"\n"),
                    (User, "forced_login_method = \"api\"\n"),
                ],
                ..KEY
            },
            Ours::Differs(EVERYWHERE),
        ),
        row(
            "flag_value",
            "`login status` with an account, and `-c forced_login_method=sso`",
            Play {
                codex: &["-c", "forced_login_method=sso", "login", "status"],
                keyfob: &["-c", "forced_login_method=sso", "login", "status"],
                ..STATUS
            },
            Ours::SameCode(WHERE_AND_WHAT),
        ),
        row(
            "flag_syntax",
            "`login status` with an account, and `-c forced_login_method`",
            Play {
                codex: &["-c", "forced_login_method", "login", "status"],
                keyfob: &["-c", "forced_login_method", "login", "status"],
                ..STATUS
            },
            Ours::SameDecision(USAGE),
        ),
        status("project_syntax", &[(OfProject("config.toml"), SYNTAX)], Ours::Same),
        status(
            "project_syntax_trusted",
            &[
                (User, "[projects.\"PROJECT\"]\ntrust_level = \"trusted\"\n"),
                (OfProject("config.toml"), SYNTAX),
            ],
            Ours::Differs(REPOSITORY),
        ),
        row(
            "logout",
            "`logout` with an account",
            Play {
                files: &[(User, SYNTAX)],
                codex: &["logout"],
                keyfob: &["logout"],
                variables: &[("CODEX_REVOKE_TOKEN_URL_OVERRIDE", "ISSUER/oauth/revoke")],
                ..STATUS
            },
            Ours::SameCode(WHERE_AND_WHAT),
        ),
    ],
    unplayed: &[],
};
