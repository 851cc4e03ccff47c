//! `login` with a browser, at the one issuer that the Codex CLI asks.

use super::File::User;
use super::fake::Answer::{Closes, Says, With, Without};
use super::fake::{Answers, EXCHANGE, Fake, TOKEN};
use super::play::{Player, Which};
use super::{Ours, PLAY, Play, Row, Section, Step, THREE_PARTS, Unplayed, all};
use crate::tls::BUILT_IN;
use anyhow::Result;
use keyfob_e2e::{Network, Scene, codex};

pub(crate) const LOGIN: Play = Play {
    codex: &["login"],
    keyfob: &["login", "--no-browser", "--issuer", "ISSUER"],
    steps: &[GOOD],
    ..PLAY
};

pub(crate) const GOOD: Step = Step::Visit("/auth/callback?code=the-code&state=STATE");

const fn row(name: &'static str, scenario: &'static str, steps: &'static [Step], ours: Ours) -> Row {
    Row { name, scenario, play: Play { steps, ..LOGIN }, ours, tests: &[] }
}

const fn answered(name: &'static str, scenario: &'static str, answers: Answers, ours: Ours) -> Row {
    Row { name, scenario, play: Play { answers, ..LOGIN }, ours, tests: &[] }
}

const KEPT: &str = "no address that any page can open ends a login (security C-07)";
const CANCELLED: &str = "a program that is told to stop says so and ends with 130, as shells do";

#[tokio::test]
async fn s_01_c_02_a_browser_login_goes_as_with_the_codex_cli_or_otherwise_for_a_reason() -> Result<()> {
    hold_alone(&SECTION).await
}

/// Plays the scenarios of `section` one after another in a network of their own, where the issuer's name is ours.
pub(crate) async fn hold_alone(section: &Section) -> Result<()> {
    let Some(codex) = codex::installed()? else { return Ok(()) };
    let network = Network::enter()?;
    let scene = Scene::new()?;
    let fake = Fake::start(Some(&format!("https://{BUILT_IN}"))).await?;
    let (front, proxy) = scene.behind_tls(&network, BUILT_IN, fake.address).await?;
    let variables = [
        ("HTTPS_PROXY", proxy.address()),
        ("CODEX_CA_CERTIFICATE", front.names().ca().display().to_string()),
    ];
    let player = Player { scene: &scene, fake: &fake, codex: &codex, variables: &variables };
    let mut held = Vec::new();
    for row in section.rows {
        let scenario = async {
            let theirs = player.play(row, Which::Codex).await?;
            row.hold(section, &theirs, &player.play(row, Which::Keyfob).await?)
        };
        held.push(scenario.await);
    }
    all(held)
}

pub(crate) const SECTION: Section = Section {
    name: "browser",
    title: "Browser login: `codex login`, `keyfob login`",
    test: "s_01_c_02_a_browser_login_goes_as_with_the_codex_cli_or_otherwise_for_a_reason",
    rows: &[
        row("good", "the right callback", &[GOOD], Ours::Same),
        Row {
            tests: &["c_02_a_wrong_state_is_refused_and_the_login_goes_on"],
            ..row(
                "wrong_state",
                "callbacks with a wrong state, without one, and with an error and a wrong state, then the right one",
                &[
                    Step::Visit("/auth/callback?code=the-code&state=wrong"),
                    Step::Visit("/auth/callback?code=the-code"),
                    Step::Visit("/auth/callback?error=access_denied&state=wrong"),
                    GOOD,
                ],
                Ours::Same,
            )
        },
        row("no_code", "no code", &[Step::Visit("/auth/callback?state=STATE")], Ours::SameCode(THREE_PARTS)),
        row(
            "denied",
            "`error=access_denied`",
            &[Step::Visit("/auth/callback?error=access_denied&state=STATE")],
            Ours::SameCode(THREE_PARTS),
        ),
        row(
            "denied_described",
            "… with a description that holds markup",
            &[Step::Visit(
                "/auth/callback?error=access_denied&error_description=not%20%3Cb%3Etoday&state=STATE",
            )],
            Ours::SameCode(THREE_PARTS),
        ),
        row(
            "no_entitlement",
            "… with the description `missing_codex_entitlement`",
            &[Step::Visit(
                "/auth/callback?error=access_denied&error_description=missing_codex_entitlement&state=STATE",
            )],
            Ours::SameCode(THREE_PARTS),
        ),
        answered(
            "exchange_500",
            "the code is redeemed: 500 `boom`",
            &[(TOKEN, &[Says(500, "boom")])],
            Ours::SameCode(THREE_PARTS),
        ),
        answered(
            "exchange_403",
            "the code is redeemed: 403 with a message",
            &[(TOKEN, &[Says(403, r#"{"error":{"message":"no seat for you"}}"#)])],
            Ours::SameCode(THREE_PARTS),
        ),
        answered(
            "exchange_400",
            "the code is redeemed: 400 with a description",
            &[(TOKEN, &[Says(400, r#"{"error":"invalid_request","error_description":"no such thing"}"#)])],
            Ours::SameCode(THREE_PARTS),
        ),
        answered(
            "exchange_not_json",
            "the code is redeemed: 200 and no JSON",
            &[(TOKEN, &[Says(200, "oops")])],
            Ours::SameCode(THREE_PARTS),
        ),
        answered(
            "exchange_incomplete",
            "the code is redeemed: no refresh token",
            &[(TOKEN, &[Without("refresh_token")])],
            Ours::SameCode(THREE_PARTS),
        ),
        answered(
            "exchange_bad_jwt",
            "the code is redeemed: an ID token that is no JWT",
            &[(TOKEN, &[With("id_token", "\"no-jwt\"")])],
            Ours::SameCode(THREE_PARTS),
        ),
        answered(
            "exchange_closed",
            "the code is redeemed: the connection is closed",
            &[(TOKEN, &[Closes])],
            Ours::SameCode(THREE_PARTS),
        ),
        answered(
            "key_exchange_500",
            "the ID token is exchanged for a key: 500",
            &[(EXCHANGE, &[Says(500, "boom")])],
            Ours::Same,
        ),
        Row {
            tests: &["c_07_no_address_ends_a_login_whoever_asks_for_it"],
            ..row(
                "success_unasked",
                "somebody opens `/success`, before the right callback",
                &[Step::Visit("/success"), GOOD],
                Ours::Differs("there is success when there is a login"),
            )
        },
        Row {
            tests: &["c_07_no_address_ends_a_login_whoever_asks_for_it"],
            ..row(
                "cancel_unasked",
                "somebody opens `/cancel`, before the right callback",
                &[Step::Visit("/cancel"), GOOD],
                Ours::Differs(KEPT),
            )
        },
        row(
            "other_address",
            "somebody opens another address, before the right callback",
            &[Step::Visit("/favicon.ico"), GOOD],
            Ours::Same,
        ),
        row("interrupted", "Ctrl-C", &[Step::Interrupt], Ours::Differs(CANCELLED)),
        Row {
            play: Play { files: &[(User, "forced_chatgpt_workspace_id = \"acct-other\"\n")], ..LOGIN },
            ..row(
                "forced_workspace",
                "`forced_chatgpt_workspace_id` names another workspace",
                &[],
                Ours::SameCode(THREE_PARTS),
            )
        },
        Row {
            play: Play { files: &[(User, "forced_login_method = \"api\"\n")], ..LOGIN },
            ..row("forced_api", "`forced_login_method = \"api\"`", &[], Ours::Same)
        },
    ],
    unplayed: &[Unplayed {
        scenario: "nobody signs in",
        codex: "waits without end (seen for 1500 s)",
        keyfob: "exit 1 after 15 minutes: `error: nobody signed in within 15 minutes`",
        tests: &["codex_defect_19_a_browser_login_that_nobody_finishes_ends_and_stores_nothing"],
    }],
};
