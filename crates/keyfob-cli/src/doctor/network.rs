//! The way to the issuer, and its clock.

use super::Finding;
use jiff::fmt::rfc2822::DateTimeParser;
use keyfob_client::{Discovery, Reach};
use keyfob_oauth::{IssuerUrl, Timestamp};

/// Judges each step of the way.
pub(super) fn findings(issuer: &IssuerUrl, reach: &Reach, now: Timestamp) -> Vec<Finding> {
    const CHECK: &str = "network";
    let mut findings = Vec::new();
    match (&reach.addresses, &reach.connection) {
        (Err(error), _) => findings.push(Finding::warn(
            CHECK,
            format!("the name in {issuer} has no address ({})", error.kind()),
            "check the name and the network; behind a proxy this is usual",
        )),
        (Ok(_), Some(Err(error))) => findings.push(Finding::warn(
            CHECK,
            format!("{issuer} takes no connection ({})", error.kind()),
            "is it running, and does a firewall stand between? Behind a proxy this is usual",
        )),
        (Ok(_), Some(Ok(address))) => {
            findings.push(Finding::ok(CHECK, format!("{issuer} takes connections at {address}")));
        }
        (Ok(_), None) => {}
    }
    match &reach.discovery {
        Err(error) => findings.push(Finding::fail(
            CHECK,
            format!("{issuer} gives no answer: {error}"),
            "check network, proxy and certificates; your login is untouched",
        )),
        Ok(Discovery { status: 200, date }) => {
            findings.push(Finding::ok(CHECK, format!("{issuer} publishes its endpoints")));
            findings.push(clock(date.as_deref(), now));
        }
        Ok(Discovery { status, date }) => {
            findings.push(Finding::warn(
                CHECK,
                format!("{issuer} answers with status {status} where its endpoints should be"),
                "is this the address of an OpenID Connect issuer?",
            ));
            findings.push(clock(date.as_deref(), now));
        }
    }
    findings
}

/// Seconds of difference that an issuer forgives when it checks times.
const FORGIVEN: i64 = 60;

fn clock(date: Option<&str>, now: Timestamp) -> Finding {
    const CHECK: &str = "clock";
    let theirs = date.and_then(|date| DateTimeParser::new().parse_timestamp(date).ok());
    let Some(theirs) = theirs else { return Finding::ok(CHECK, "the issuer does not tell its time") };
    match now.as_unix() - theirs.as_second() {
        off if off > FORGIVEN => Finding::fail(
            CHECK,
            format!("this machine is {off} s ahead of the issuer"),
            "set the clock of this machine",
        ),
        off if off < -FORGIVEN => Finding::fail(
            CHECK,
            format!("this machine is {} s behind the issuer", -off),
            "set the clock of this machine",
        ),
        _ => Finding::ok(CHECK, "it agrees with the issuer's"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_wrong_is_found_by_the_issuers() {
        let at = |date: &str| clock(Some(date), Timestamp::from_unix(784_111_777)).what;

        assert_eq!(at("Sun, 06 Nov 1994 08:49:37 GMT"), "it agrees with the issuer's");
        assert_eq!(at("Sun, 06 Nov 1994 08:48:37 GMT"), "it agrees with the issuer's");
        assert_eq!(at("Sun, 06 Nov 1994 08:48:36 GMT"), "this machine is 61 s ahead of the issuer");
        assert_eq!(at("Mon, 06 Nov 1995 08:49:37 GMT"), "this machine is 31536000 s behind the issuer");
        assert_eq!(at("soon"), "the issuer does not tell its time");
    }
}
