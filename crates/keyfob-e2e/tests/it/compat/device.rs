//! `login --device-auth`, at an issuer that offers the dialect of the Codex CLI alone.

use super::File::User;
use super::fake::Answer::{Good, Says, With, Without};
use super::fake::{Answers, POLL, TOKEN, USER_CODE};
use super::{Ours, PLAY, Play, Row, Section, Step, THREE_PARTS, Unplayed};
use anyhow::Result;

const LOGIN: Play = Play {
    codex: &["login", "--device-auth", "--experimental_issuer", "ISSUER"],
    keyfob: &["login", "--device-auth", "--issuer", "ISSUER"],
    ..PLAY
};

const fn answered(answers: Answers) -> Play {
    Play { answers, ..LOGIN }
}

const fn row(name: &'static str, scenario: &'static str, answers: Answers, ours: Ours) -> Row {
    Row { name, scenario, play: answered(answers), ours, tests: &[] }
}

const TROUBLE_PASSES: &str =
    "trouble of the issuer does not end a login that a person is about to finish (security C-24)";
const ASKED_AGAIN: &str = "the issuer is asked for a code again, for seven seconds, before it is given up";
const FALLS_BACK: &str = "an issuer without device codes is signed in at with a browser, as the Codex CLI's documentation says; the test's \
                          Ctrl-C ends that";

#[tokio::test]
async fn s_19_c_24_a_device_login_goes_as_with_the_codex_cli_or_otherwise_for_a_reason() -> Result<()> {
    SECTION.hold().await
}

pub(crate) const SECTION: Section = Section {
    name: "device",
    title: "Device login: `codex login --device-auth`, `keyfob login --device-auth`",
    test: "s_19_c_24_a_device_login_goes_as_with_the_codex_cli_or_otherwise_for_a_reason",
    rows: &[
        row("approved", "approved at once", &[], Ours::Same),
        row(
            "approved_later",
            "approved after three polls that are answered with 403, `interval` \"1\"",
            &[(POLL, &[Says(403, ""), Says(403, ""), Says(403, ""), Good])],
            Ours::Same,
        ),
        row(
            "poll_404",
            "two polls are answered with 404, then approved",
            &[(POLL, &[Says(404, ""), Says(404, ""), Good])],
            Ours::Same,
        ),
        row(
            "poll_403_access_denied",
            "three polls are answered with 403 `access_denied`, then approved",
            &[(POLL, &[DENIED_403, DENIED_403, DENIED_403, Good])],
            Ours::Same,
        ),
        Row {
            tests: &["c_24_a_person_who_refuses_ends_it_at_once_and_a_stored_login_stays"],
            ..row(
                "poll_400_access_denied",
                "a poll is answered with 400 `access_denied`",
                &[(POLL, &[Says(400, r#"{"error":"access_denied"}"#)])],
                Ours::SameCode(THREE_PARTS),
            )
        },
        row(
            "poll_400",
            "a poll is answered with 400",
            &[(POLL, &[Says(400, "")])],
            Ours::SameCode(THREE_PARTS),
        ),
        row(
            "poll_429",
            "a poll is answered with 429, then approved",
            &[(POLL, &[Says(429, ""), Good])],
            Ours::Differs(TROUBLE_PASSES),
        ),
        row(
            "poll_500",
            "a poll is answered with 500, then approved",
            &[(POLL, &[Says(500, "boom"), Good])],
            Ours::Differs(TROUBLE_PASSES),
        ),
        row(
            "poll_not_json",
            "a poll is answered with 200 and no JSON",
            &[(POLL, &[Says(200, "oops")])],
            Ours::SameCode(THREE_PARTS),
        ),
        Row {
            play: Play { answers: &[(USER_CODE, &[Says(404, "")])], steps: &[Step::Interrupt], ..LOGIN },
            tests: &["c_27_where_device_codes_are_off_the_browser_follows_and_that_is_said"],
            ..row("code_404", "no code: 404", &[], Ours::Differs(FALLS_BACK))
        },
        row("code_500", "no code: 500", &[(USER_CODE, &[Says(500, "boom")])], Ours::SameCode(ASKED_AGAIN)),
        row("code_429", "no code: 429", &[(USER_CODE, &[Says(429, "")])], Ours::SameCode(ASKED_AGAIN)),
        row(
            "code_not_json",
            "no code: 200 and no JSON",
            &[(USER_CODE, &[Says(200, "oops")])],
            Ours::SameCode(THREE_PARTS),
        ),
        row(
            "interval_number",
            "`interval` is a number",
            &[(USER_CODE, &[With("interval", "1")])],
            Ours::Differs("RFC 8628 §3.2 has a number there, and nothing is unclear about it"),
        ),
        row(
            "exchange_500",
            "the code is redeemed: 500 `boom`",
            &[(TOKEN, &[Says(500, "boom")])],
            Ours::SameCode(THREE_PARTS),
        ),
        row(
            "exchange_403",
            "the code is redeemed: 403 with a message",
            &[(TOKEN, &[Says(403, r#"{"error":{"message":"no seat for you"}}"#)])],
            Ours::SameCode(THREE_PARTS),
        ),
        row(
            "exchange_incomplete",
            "the code is redeemed: no refresh token",
            &[(TOKEN, &[Without("refresh_token")])],
            Ours::SameCode(THREE_PARTS),
        ),
        row(
            "exchange_bad_jwt",
            "the code is redeemed: an ID token that is no JWT",
            &[(TOKEN, &[With("id_token", "\"no-jwt\"")])],
            Ours::SameCode(THREE_PARTS),
        ),
        Row {
            play: Play {
                codex: &["login", "--device-auth", "--experimental_issuer", "http://127.0.0.1:9"],
                keyfob: &["login", "--device-auth", "--issuer", "http://127.0.0.1:9"],
                ..PLAY
            },
            ..row("refused", "nobody listens at the issuer's address", &[], Ours::SameCode(THREE_PARTS))
        },
        Row {
            play: Play {
                codex: &["login", "--device-auth", "--experimental_issuer", "not a url"],
                keyfob: &["login", "--device-auth", "--issuer", "not a url"],
                ..PLAY
            },
            tests: &["an_address_that_is_no_issuer_is_wrong_usage"],
            ..row(
                "no_address",
                "the issuer is `not a url`",
                &[],
                Ours::Differs("an argument that cannot be used is wrong usage, which is 2"),
            )
        },
        Row {
            play: Play { files: &[(User, "forced_chatgpt_workspace_id = \"acct-other\"\n")], ..LOGIN },
            ..row(
                "forced_workspace",
                "`forced_chatgpt_workspace_id` names another workspace",
                &[],
                Ours::SameCode(THREE_PARTS),
            )
        },
    ],
    unplayed: &[
        Unplayed {
            scenario: "nobody approves",
            codex: "exit 1 after 900 s: `Error logging in: device auth timed out after 15 minutes`",
            keyfob: "exit 1 when the code ends: `error: the code ended before anybody approved it`",
            tests: &["c_24_a_decision_ends_it_at_once_and_so_does_an_answer_that_waiting_does_not_mend"],
        },
        Unplayed {
            scenario: "the issuer takes the connection and never answers",
            codex: "hangs without a word (seen for 125 s at the code, 95 s at a poll and at the exchange)",
            keyfob: "every request has a limit; exit 1, and the login that was there stays",
            tests: &[
                "r_22_with_an_issuer_that_never_answers_every_command_ends_and_leaves_the_login_as_it_was",
            ],
        },
    ],
};

const DENIED_403: super::fake::Answer = Says(403, r#"{"error":"access_denied"}"#);
