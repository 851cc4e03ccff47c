//! `login status` and `logout`.

use super::File::User;
use super::fake::Answer::{Closes, Says, Silence};
use super::fake::{Answers, REVOKE, WHO_AM_I};
use super::{Ours, PLAY, Play, Row, Section, Stored, UNVERIFIED};
use anyhow::Result;

const STATUS: Play = Play {
    variables: &[("CODEX_AUTHAPI_BASE_URL", "ISSUER/api/accounts")],
    codex: &["login", "status"],
    keyfob: &["login", "status"],
    ..PLAY
};
const LOGOUT: Play = Play {
    stored: Stored::Account,
    variables: &[("CODEX_REVOKE_TOKEN_URL_OVERRIDE", "ISSUER/oauth/revoke")],
    codex: &["logout"],
    keyfob: &["logout"],
    ..PLAY
};

const fn row(name: &'static str, scenario: &'static str, play: Play, ours: Ours) -> Row {
    Row { name, scenario, play, ours, tests: &[] }
}

const fn stored(stored: Stored, play: Play) -> Play {
    Play { stored, ..play }
}

const fn revoked(answers: Answers) -> Play {
    Play { answers, ..LOGOUT }
}

pub(crate) const ASKS_NOBODY: &str = "a status asks nobody, so that it is fast and says the same without a network; `keyfob status --check` asks";

#[tokio::test]
async fn c_62_status_and_logout_have_the_words_and_codes_of_the_codex_cli() -> Result<()> {
    SECTION.hold().await
}

pub(crate) const SECTION: Section = Section {
    name: "sessions",
    title: "Status and logout: `login status`, `logout`",
    test: "c_62_status_and_logout_have_the_words_and_codes_of_the_codex_cli",
    rows: &[
        row("status_account", "`login status` with an account", stored(Stored::Account, STATUS), Ours::Same),
        row("status_api_key", "… with a key", stored(Stored::ApiKey, STATUS), Ours::Same),
        row(
            "status_token",
            "… with a personal access token",
            stored(Stored::PersonalToken, STATUS),
            Ours::Same,
        ),
        row(
            "status_token_404",
            "`login status` with a personal access token whose issuer does not know it",
            Play { answers: &[(WHO_AM_I, &[Says(404, "")])], ..stored(Stored::PersonalToken, STATUS) },
            Ours::Differs(ASKS_NOBODY),
        ),
        row("status_nothing", "… with nothing stored", STATUS, Ours::Same),
        row(
            "status_keys_in_environment",
            "… with `OPENAI_API_KEY` and `CODEX_API_KEY` set, and nothing stored",
            Play { variables: &[("OPENAI_API_KEY", "sk-a-0123"), ("CODEX_API_KEY", "sk-b-0123")], ..STATUS },
            Ours::Same,
        ),
        row(
            "status_token_in_environment",
            "… with a personal access token in `CODEX_ACCESS_TOKEN`, and nothing stored",
            Play {
                variables: &[
                    ("CODEX_AUTHAPI_BASE_URL", "ISSUER/api/accounts"),
                    ("CODEX_ACCESS_TOKEN", "at-0123456789"),
                ],
                ..STATUS
            },
            Ours::Same,
        ),
        row(
            "status_token_in_environment_and_account",
            "… with a personal access token in `CODEX_ACCESS_TOKEN`, and an account",
            Play {
                variables: &[
                    ("CODEX_AUTHAPI_BASE_URL", "ISSUER/api/accounts"),
                    ("CODEX_ACCESS_TOKEN", "at-0123456789"),
                ],
                ..stored(Stored::Account, STATUS)
            },
            Ours::Same,
        ),
        row(
            "status_no_token_in_environment",
            "… with something else in `CODEX_ACCESS_TOKEN`, and an account",
            Play { variables: &[("CODEX_ACCESS_TOKEN", "opaque")], ..stored(Stored::Account, STATUS) },
            Ours::SameCode(super::THREE_PARTS),
        ),
        row(
            "status_forced",
            "… with a key, and `forced_login_method = \"chatgpt\"`",
            Play {
                files: &[(User, "forced_login_method = \"chatgpt\"\n")],
                ..stored(Stored::ApiKey, STATUS)
            },
            Ours::Same,
        ),
        row(
            "status_forced_workspace",
            "`login status` with an account, and `forced_chatgpt_workspace_id` of another workspace",
            Play {
                files: &[(User, "forced_chatgpt_workspace_id = \"acct-other\"\n")],
                ..stored(Stored::Account, STATUS)
            },
            Ours::Differs(UNVERIFIED),
        ),
        row(
            "status_json",
            "`login status --json`",
            Play { codex: &["login", "status", "--json"], keyfob: &["login", "status", "--json"], ..STATUS },
            Ours::SameCode(
                "the usage that is shown is that of the command that was called; `keyfob status --json` is for programs",
            ),
        ),
        row(
            "bad_configuration",
            "`login status` with a `config.toml` that has a bad value",
            Play { files: &[(User, "cli_auth_credentials_store = \"xx\"\n")], ..STATUS },
            Ours::SameCode(super::WHERE_AND_WHAT),
        ),
        row("logout", "`logout` with an account", LOGOUT, Ours::Same),
        row("logout_api_key", "… with a key", stored(Stored::ApiKey, LOGOUT), Ours::Same),
        row("logout_nothing", "… with nothing stored", stored(Stored::Nothing, LOGOUT), Ours::Same),
        row("revoke_400", "…, the issuer answers 400", revoked(&[(REVOKE, &[Says(400, "{}")])]), Ours::Same),
        row("revoke_500", "…, the issuer answers 500", revoked(&[(REVOKE, &[Says(500, "")])]), Ours::Same),
        row(
            "revoke_closed",
            "…, the issuer closes the connection",
            revoked(&[(REVOKE, &[Closes])]),
            Ours::Same,
        ),
        row(
            "revoke_refused",
            "…, nobody listens at the issuer's address",
            Play {
                stored: Stored::AccountElsewhere,
                variables: &[("CODEX_REVOKE_TOKEN_URL_OVERRIDE", "http://127.0.0.1:9/oauth/revoke")],
                ..LOGOUT
            },
            Ours::Same,
        ),
        Row {
            tests: &["c_62_logout_removes_the_login_and_says_that_the_issuer_did_not_confirm"],
            ..row(
                "revoke_silence",
                "…, the issuer never answers",
                revoked(&[(REVOKE, &[Silence])]),
                Ours::Same,
            )
        },
    ],
    unplayed: &[],
};
