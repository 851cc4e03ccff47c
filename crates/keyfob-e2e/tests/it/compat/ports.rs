//! `login` with a browser where others hold the ports.

use super::browser::{LOGIN, hold_alone};
use super::{Ours, Play, Row, Section};
use anyhow::Result;

const NOBODY_CANCELLED: &str = "a login that waits is nobody else's to cancel";

#[tokio::test]
async fn c_06_c_15_taken_ports_are_met_as_by_the_codex_cli_or_otherwise_for_a_reason() -> Result<()> {
    hold_alone(&SECTION).await
}

pub(crate) const SECTION: Section = Section {
    name: "ports",
    title: "Browser login where others hold the ports",
    test: "c_06_c_15_taken_ports_are_met_as_by_the_codex_cli_or_otherwise_for_a_reason",
    rows: &[
        Row {
            name: "first_taken",
            scenario: "another program holds 1455",
            play: Play { held: &[1455], ..LOGIN },
            ours: Ours::Same,
            tests: &["c_05_a_port_that_somebody_holds_in_the_other_family_is_not_used"],
        },
        Row {
            name: "both_taken",
            scenario: "another program holds 1455 and 1457",
            play: Play { held: &[1455, 1457], ..LOGIN },
            ours: Ours::SameCode("who holds them is named, so that one of them can be ended"),
            tests: &[
                "c_06_where_both_registered_ports_are_taken_their_holders_are_named",
                "c_06_squatters_on_both_ports_hear_nothing_and_another_port_serves",
            ],
        },
        Row {
            name: "second_login",
            scenario: "another login of the same program waits at 1455",
            play: Play { is_second: true, ..LOGIN },
            ours: Ours::SameCode(NOBODY_CANCELLED),
            tests: &["c_15_a_third_sign_in_at_two_ports_is_told_who_has_them_and_the_two_go_on"],
        },
    ],
    unplayed: &[],
};
