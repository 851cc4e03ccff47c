//! `login` with a key or a token from standard input.

use super::File::User;
use super::fake::Answer::Says;
use super::fake::WHO_AM_I;
use super::requirements::NOT_READ;
use super::{Ours, PLAY, Play, Row, Section, THREE_PARTS};
use anyhow::Result;

const KEY: Play = Play {
    input: Some("  sk-test-0123456789abcdef\n"),
    codex: &["login", "--with-api-key"],
    keyfob: &["login", "--with-api-key"],
    ..PLAY
};
const TOKEN: Play = Play {
    input: Some("at-0123456789abcdef\n"),
    variables: &[("CODEX_AUTHAPI_BASE_URL", "ISSUER/api/accounts")],
    codex: &["login", "--with-access-token"],
    keyfob: &["login", "--with-access-token", "--issuer", "ISSUER"],
    ..PLAY
};

const fn row(name: &'static str, scenario: &'static str, play: Play, ours: Ours) -> Row {
    Row { name, scenario, play, ours, tests: &[] }
}

const fn with(input: &'static str, play: Play) -> Play {
    Play { input: Some(input), ..play }
}

const NOT_ASKED: &str =
    "what does not begin `at-` is sent nowhere; an error says what failed, why, and what to do next";
/// A JWT without a signature that says `{"sub":"x"}`.
const JWT: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2lnbmF0dXJl\n";

#[tokio::test]
async fn s_02_c_29_a_key_or_token_is_kept_as_by_the_codex_cli_or_refused_for_a_reason() -> Result<()> {
    SECTION.hold().await
}

pub(crate) const SECTION: Section = Section {
    name: "keys",
    title: "Keys and tokens: `login --with-api-key`, `login --with-access-token`",
    test: "s_02_c_29_a_key_or_token_is_kept_as_by_the_codex_cli_or_refused_for_a_reason",
    rows: &[
        Row {
            tests: &["s_02_the_real_codex_cli_writes_the_same_file_for_the_same_key"],
            ..row("api_key", "a key with white space around it", KEY, Ours::Same)
        },
        row("api_key_empty", "nothing on standard input", with("", KEY), Ours::Same),
        row("api_key_blank", "white space on standard input", with(" \n\n", KEY), Ours::Same),
        Row {
            tests: &["s_02_c_29_what_is_no_key_is_refused_with_advice_and_what_is_stored_stays"],
            ..row(
                "api_key_two_lines",
                "two lines on standard input",
                with("sk-one\nsk-two\n", KEY),
                Ours::Differs(
                    "no key has a line break; it would fail at the first request, and nobody would know why",
                ),
            )
        },
        row(
            "api_key_over_an_account",
            "a key while an account is signed in",
            Play { stored: super::Stored::Account, ..KEY },
            Ours::Differs(
                "a key takes the place of a login only with `--replace`, which then ends its session",
            ),
        ),
        row(
            "api_key_forced_chatgpt",
            "a key, and `forced_login_method = \"chatgpt\"`",
            Play { files: &[(User, "forced_login_method = \"chatgpt\"\n")], ..KEY },
            Ours::SameCode(NOT_READ),
        ),
        Row {
            tests: &["s_02_a_personal_access_token_is_kept_and_used_once_its_issuer_says_whose_it_is"],
            ..row("token", "a personal access token that its issuer knows", TOKEN, Ours::Same)
        },
        Row {
            tests: &["s_02_a_token_that_its_issuer_does_not_know_is_not_kept"],
            ..row(
                "token_401",
                "a personal access token that its issuer does not know",
                Play { answers: &[(WHO_AM_I, &[Says(401, "{}")])], ..TOKEN },
                Ours::SameCode(THREE_PARTS),
            )
        },
        row("token_jwt", "another JWT as a token", with(JWT, TOKEN), Ours::SameCode(NOT_ASKED)),
        row("token_opaque", "another text as a token", with("opaque\n", TOKEN), Ours::SameCode(NOT_ASKED)),
        row("token_empty", "nothing on standard input", with("", TOKEN), Ours::Same),
        row(
            "token_forced_api",
            "a token, and `forced_login_method = \"api\"`",
            Play { files: &[(User, "forced_login_method = \"api\"\n")], ..TOKEN },
            Ours::SameCode(NOT_READ),
        ),
        row(
            "both",
            "`--with-api-key --with-access-token`",
            Play {
                codex: &["login", "--with-api-key", "--with-access-token"],
                keyfob: &["login", "--with-api-key", "--with-access-token"],
                ..PLAY
            },
            Ours::Same,
        ),
        row(
            "api_key_and_device",
            "`--with-api-key --device-auth`",
            Play {
                codex: &["login", "--with-api-key", "--device-auth", "--experimental_issuer", "ISSUER"],
                keyfob: &["login", "--with-api-key", "--device-auth", "--issuer", "ISSUER"],
                ..PLAY
            },
            Ours::Differs(
                "the key would be dropped without a word; two ways to sign in are wrong usage, which is 2",
            ),
        ),
        row(
            "api_key_argument",
            "`--api-key sk-x`",
            Play { codex: &["login", "--api-key", "sk-x"], keyfob: &["login", "--api-key", "sk-x"], ..PLAY },
            Ours::SameCode("the advice names the command that was called"),
        ),
    ],
    unplayed: &[],
};
