//! The words of the screen that more than one of its pictures has.

use super::model::Flaw;
use super::view::Facts;
use keyfob_oauth::InvalidKey;
use std::time::Duration;

pub(in super::super) const NOT_UNDERSTOOD: &str = "That is neither the address nor the code of this sign-in.";
pub(in super::super) const OWN_CODE: &str = "Continue only if you started this login yourself. If a website or another \
     person gave you this code, cancel.";

pub(in super::super) fn sign_in_at(facts: &Facts) -> String {
    format!("Sign in at {}", facts.issuer)
}

/// Says who alone may sign in here, if anybody is expected.
pub(in super::super) fn expected(facts: &Facts) -> Option<String> {
    let expected = facts.expected.as_ref()?;
    Some(format!("Expected: {expected}. Nobody else's login is kept here."))
}

pub(in super::super) fn remote(remote: &str) -> String {
    format!("{remote}: no browser comes back to it")
}

pub(super) fn flaw(flaw: Flaw) -> String {
    match flaw {
        Flaw::Invalid(why) => no_key(why),
        Flaw::Lines => "That is no key: it has several lines.".to_owned(),
    }
}

pub(in super::super) fn no_key(why: InvalidKey) -> String {
    format!("That is no key: {why}.")
}

/// Returns what leaving does.
pub(in super::super) const fn leaves(facts: &Facts) -> &'static str {
    if facts.can_choose { "goes back" } else { "cancels" }
}

/// Returns minutes and seconds.
pub(super) fn clock(left: Duration) -> String {
    let seconds = left.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
