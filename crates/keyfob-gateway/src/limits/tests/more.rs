//! A request that runs longer than was reserved, and a program that is told to wait or to end.

use super::*;

#[test]
fn a_request_that_runs_is_given_more_as_long_as_all_limits_have_it() {
    let limits = limits(
        "requests_per_minute = 1\ntokens_per_minute = 100\nstreams = 1\n[workspace]\nbudget = '1/hour'",
    );
    let mut permit = limits.admit(&person("u-1"), cost(60, 50), at(0)).unwrap();

    assert!(!permit.extend(cost(41, 0), at(1)));
    assert!(permit.extend(cost(40, 25), at(1)));
    assert!(!permit.extend(cost(1, 0), at(59)));
    assert!(permit.extend(cost(1, 0), at(60)));
    assert!(!permit.extend(cost(0, 26), at(60)));
    assert!(permit.extend(cost(0, 25), at(60)));

    let sums = |holder: &Holder| limits.used.lock().unwrap().holders[holder].sums(Period::Hour);
    let (who, workspace) = (Holder::of(&person("u-1")).0, Holder::Workspace("w-1".into()));
    assert_eq!(sums(&who), (0, 41, 1, cost(0, 100).price));
    assert_eq!(sums(&workspace).3, cost(0, 100).price);
    permit.settle(cost(70, 60));
    assert_eq!(sums(&who), (0, 10, 0, cost(0, 60).price));
    assert_eq!(sums(&workspace).3, cost(0, 60).price);
}

#[test]
fn what_a_stream_uses_after_midnight_is_paid_by_the_new_day() {
    let limits = limits("budget = '1/day'");
    let mut permit = limits.admit(&person("u-1"), cost(0, 90), at(57_599)).unwrap();

    assert!(permit.extend(cost(0, 95), at(57_600)));
    permit.settle(cost(0, 100));

    let sums = limits.used.lock().unwrap().holders[&Holder::of(&person("u-1")).0].sums(Period::Day);
    assert_eq!(sums.3, cost(0, 10).price);
}

#[test]
fn a_program_is_to_wait_for_a_minute_and_not_for_a_budget() {
    let kind = |section: &str, worst| {
        let limits = limits(section);
        drop(limits.admit(&person("u-1"), cost(1, 1), at(0)).unwrap());
        let reached = limits.admit(&person("u-1"), worst, at(0)).unwrap_err();
        (reached.error_type(), reached.resets_at())
    };

    assert_eq!(kind("requests_per_minute = 1", cost(0, 0)), ("rate_limit_error", None));
    assert_eq!(kind("tokens_per_minute = 10", cost(10, 0)), ("rate_limit_error", None));
    assert_eq!(kind("tokens_per_minute = 10", cost(11, 0)), ("usage_limit_reached", None));
    assert_eq!(kind("budget = '1/day'", cost(0, 100)), ("usage_limit_reached", Some(at(57_600))));
    assert_eq!(kind("budget = '1/day'", cost(0, 101)), ("usage_limit_reached", None));
}

#[test]
fn g_43_changed_limits_hold_for_what_was_used_before_and_for_what_runs() {
    let limits = limits("requests_per_minute = 2\nstreams = 2\nbudget = '1/hour'");
    let config = |section: &str| LimitsConfig::parse(section).unwrap();
    let mut first = limits.admit(&person("u-1"), cost(10, 40), at(0)).unwrap();
    let second = limits.admit(&person("u-1"), cost(10, 40), at(1)).unwrap();
    let asks = |cents, second| limits.admit(&person("u-1"), cost(10, cents), at(second));
    assert_eq!(limits.known_since(), at(-60));

    // More requests, and fewer at once.
    limits.change(config("requests_per_minute = 3\nstreams = 1"), None, &[], at(2));
    assert_eq!(refusal(asks(0, 2)).0, "too_many_streams");
    drop(second);
    assert_eq!(refusal(asks(0, 2)).0, "too_many_streams");
    limits.change(config("requests_per_minute = 3"), None, &[], at(2));
    drop(asks(5, 2).unwrap());
    assert_eq!(refusal(asks(0, 3)).0, "rate_limited");

    // The budget of a day counts what was spent while there was one of an hour, or none, and before.
    let earlier = Spent {
        at: at(-3_600),
        subject: "u-1".into(),
        workspace: "w-1".into(),
        key_id: None,
        tokens: 1_000,
        price: cost(0, 10).price,
    };
    limits.change(config("budget = '1/day'\n[workspace]\nbudget = '9/month'"), None, &[earlier], at(4));
    assert_eq!(limits.known_since(), Period::Month.start(at(4)));
    assert_eq!(refusal(asks(6, 4)).0, "budget_exceeded");
    assert!(!first.extend(cost(0, 6), at(4)) && first.extend(cost(0, 5), at(4)));
    first.settle(cost(1, 15));
    drop(asks(30, 4).unwrap());
    assert_eq!(refusal(asks(1, 4)).0, "budget_exceeded");
}
