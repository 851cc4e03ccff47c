//! The limits as a whole: what is let through, what is left, and that nothing is lost or counted twice.

mod more;

use super::period::Period;
use super::section::Budget;
use super::*;
use crate::authenticate::caller::DataPolicy;
use keyfob_oauth::{ClientId, Scope, Subject, WorkspaceId};
use proptest::prelude::*;
use std::collections::VecDeque;

/// 2027-01-15T08:00:00Z.
const NOW: i64 = 1_800_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(NOW + seconds)
}

fn caller(workspace: &str, credential: CredentialKind) -> Caller {
    Caller {
        subject: Subject::new("u-1"),
        workspace: WorkspaceId::new(workspace),
        scope: Scope::parse("openid").unwrap(),
        credential,
        data: DataPolicy::default(),
        models: None,
        issued: at(0),
        expires: None,
    }
}

fn person(subject: &str) -> Caller {
    let credential = CredentialKind::AccessToken { client: ClientId::new("app"), session: None };
    Caller { subject: Subject::new(subject), ..caller("w-1", credential) }
}

fn key(id: &str) -> Caller {
    caller("w-1", CredentialKind::ApiKey { id: id.into() })
}

fn limits(section: &str) -> Arc<Limits> {
    let currency = Currency::parse("USD").unwrap();
    Arc::new(Limits::new(LimitsConfig::parse(section).unwrap(), Some(currency), Vec::new(), at(0)))
}

fn cost(tokens: u64, cents: u64) -> Cost {
    Cost { tokens, price: Money::from_nano(cents * 10_000_000) }
}

fn refusal(outcome: Result<Permit, Box<LimitReached>>) -> (&'static str, String, Option<String>) {
    let reached = outcome.unwrap_err();
    let mut headers = http::HeaderMap::new();
    reached.tell(&mut headers);
    let wait = headers.get("retry-after").map(|wait| wait.to_str().unwrap().to_owned());
    (reached.code(), reached.to_string(), wait)
}

fn told(told: &Told) -> [String; 2] {
    let mut headers = http::HeaderMap::new();
    told.tell(&mut headers);
    ["ratelimit-policy", "ratelimit"].map(|name| headers[name].to_str().unwrap().to_owned())
}

#[test]
fn g_40_a_limit_says_which_it_is_of_whom_and_when_it_renews() {
    let requests = limits("requests_per_minute = 1");
    drop(requests.admit(&person("u-1"), cost(0, 0), at(0)).unwrap());
    assert_eq!(
        refusal(requests.admit(&person("u-1"), cost(0, 0), at(20))),
        (
            "rate_limited",
            "The limit of requests per minute for each person (1) is reached. Try again in 40 s, at 2027-01-15T08:01:00Z"
                .into(),
            Some("40".into())
        )
    );
    requests.admit(&person("u-1"), cost(0, 0), at(60)).unwrap();

    let tokens = limits("tokens_per_minute = 100");
    drop(tokens.admit(&key("k-1"), cost(60, 0), at(0)).unwrap());
    assert_eq!(
        refusal(tokens.admit(&key("k-1"), cost(50, 0), at(1))),
        (
            "rate_limited",
            "The limit of tokens per minute for each API key (100) is reached: this request could use 50. Try again in 59 \
             s, at 2027-01-15T08:01:00Z"
                .into(),
            Some("59".into())
        )
    );
    assert_eq!(
        refusal(tokens.admit(&key("k-1"), cost(101, 0), at(1))),
        (
            "rate_limited",
            "This request could use 101 tokens, more than the 100 per minute that this gateway allows for each API key. \
             Ask for less with `max_output_tokens`, or ask the gateway's administrator"
                .into(),
            None
        )
    );

    let streams = limits("streams = 1");
    let running = streams.admit(&person("u-1"), cost(0, 0), at(0)).unwrap();
    assert_eq!(
        refusal(streams.admit(&person("u-1"), cost(0, 0), at(1))),
        (
            "too_many_streams",
            "The limit of requests at once for each person (1) is reached. Try again when another of them has ended".into(),
            Some("2".into())
        )
    );
    running.settle(cost(0, 0));
    streams.admit(&person("u-1"), cost(0, 0), at(1)).unwrap();

    let budget = limits("[workspace]\nbudget = '5/day'");
    drop(budget.admit(&person("u-1"), cost(0, 450), at(0)).unwrap());
    assert_eq!(
        refusal(budget.admit(&person("u-2"), cost(0, 51), at(0))),
        (
            "budget_exceeded",
            "The budget of 5.00 USD per day for your whole workspace is used up: this request could cost 0.51 USD, and \
             0.50 USD is left. Try again in 57600 s, at 2027-01-16T00:00:00Z"
                .into(),
            Some("57600".into())
        )
    );
    assert_eq!(
        refusal(budget.admit(&person("u-2"), cost(0, 501), at(0))).1,
        "This request could cost 5.01 USD, more than the whole budget of 5.00 USD per day for your whole workspace. Ask \
         for less with `max_output_tokens`, or ask the gateway's administrator"
    );
    budget.admit(&person("u-2"), cost(0, 500), at(57_600)).unwrap();
}

#[test]
fn what_is_left_is_told_with_an_answer_and_with_a_refusal() {
    let limits = limits(
        "requests_per_minute = 2\ntokens_per_minute = 100\nstreams = 3\nbudget = '5/day'\n[workspace]\nbudget = '9/hour'",
    );

    let permit = limits.admit(&person("u-1"), cost(60, 125), at(0)).unwrap();

    let policy = "\"caller-requests\";q=2;w=60, \"caller-tokens\";q=100;qu=\"tokens\";w=60, \
                  \"caller-streams\";q=3;qu=\"concurrent-requests\", \
                  \"caller-budget\";q=5000000;qu=\"micro-usd\";w=86400, \
                  \"workspace-budget\";q=9000000;qu=\"micro-usd\";w=3600";
    let left = "\"caller-requests\";r=1;t=60, \"caller-tokens\";r=40;t=60, \"caller-streams\";r=2, \
                \"caller-budget\";r=3750000;t=57600, \"workspace-budget\";r=7750000;t=3600";
    assert_eq!(told(permit.told()), [policy, left]);
    let reached = limits.admit(&person("u-1"), cost(60, 0), at(0)).unwrap_err();
    assert_eq!(told(&reached.told), [policy, left]);
}

#[test]
fn of_two_limits_that_are_reached_the_longer_one_is_told() {
    let limits = limits("requests_per_minute = 1\nstreams = 1\n[workspace]\nbudget = '1/hour'");
    let _running = limits.admit(&person("u-1"), cost(0, 100), at(0)).unwrap();

    assert_eq!(refusal(limits.admit(&person("u-1"), cost(0, 1), at(0))).0, "budget_exceeded");
    assert_eq!(refusal(limits.admit(&person("u-1"), cost(0, 0), at(0))).0, "rate_limited");
    assert_eq!(refusal(limits.admit(&person("u-1"), cost(0, 0), at(60))).0, "too_many_streams");
}

#[test]
fn g_40_a_person_in_each_workspace_and_each_key_has_counters_of_its_own() {
    let limits = limits("requests_per_minute = 1");
    let elsewhere = Caller { workspace: WorkspaceId::new("w-2"), ..person("u-1") };
    let token = caller("w-1", CredentialKind::PersonalAccessToken { id: "t-1".into() });

    for caller in [person("u-1"), person("u-2"), elsewhere, key("k-1"), key("k-2"), token] {
        limits.admit(&caller, cost(0, 0), at(0)).unwrap();
        assert_eq!(refusal(limits.admit(&caller, cost(0, 0), at(0))).0, "rate_limited", "{caller:?}");
    }
}

#[test]
fn of_a_hundred_threads_on_a_budget_for_one_exactly_one_is_let_through() {
    let limits = limits("budget = '1.00/day'");

    let admitted: usize = std::thread::scope(|scope| {
        let ask = || usize::from(limits.admit(&person("u-1"), cost(1, 100), at(0)).is_ok());
        let threads: Vec<_> = (0..100).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });

    assert_eq!(admitted, 1);
}

#[test]
fn what_was_used_before_the_start_counts_and_what_is_over_does_not() {
    let spent = |at: Timestamp, key_id: Option<&str>, cents: u64| Spent {
        at,
        subject: "u-1".into(),
        workspace: "w-1".into(),
        key_id: key_id.map(str::to_owned),
        tokens: 10,
        price: cost(0, cents).price,
    };
    let config = LimitsConfig::parse(
        "requests_per_minute = 2\ntokens_per_minute = 100\nbudget = '5/hour'\n[workspace]\nbudget = '50/day'",
    );
    let config = config.unwrap();
    assert_eq!(Limits::count_since(&config, at(30)), at(-8 * 3600));

    let before = vec![
        spent(at(29), None, 100),
        spent(at(-1), None, 200),
        spent(at(-40), Some("k-1"), 400),
        spent(at(20), Some("k-1"), 50),
    ];
    let limits = Arc::new(Limits::new(config, None, before, at(30)));

    let used = limits.used.lock().unwrap();
    let sums = |holder: Holder, period| used.holders[&holder].sums(period);
    let (workspace, subject) = ("w-1".to_owned(), "u-1".to_owned());
    let money = |cents| cost(0, cents).price;
    let mia = Holder::Person { workspace: workspace.clone(), subject };
    assert_eq!(sums(mia, Period::Hour), (2, 20, 0, money(100)));
    assert_eq!(sums(Holder::Key("k-1".into()), Period::Hour), (1, 10, 0, money(50)));
    assert_eq!(sums(Holder::Workspace(workspace), Period::Day), (3, 30, 0, money(750)));
    drop(used);
    assert_eq!(refusal(limits.admit(&person("u-1"), cost(0, 0), at(30))).0, "rate_limited");
}

#[test]
fn whoever_uses_nothing_any_longer_is_forgotten() {
    let limits = limits("requests_per_minute = 1\nbudget = '5/hour'");
    let running = limits.admit(&key("running"), cost(0, 0), at(0)).unwrap();
    for each in 0..10_000 {
        drop(limits.admit(&key(&each.to_string()), cost(1, 1), at(400 * each)).unwrap());
    }

    // The key that runs, those of the last month and some that were not looked at since.
    let kept = limits.used.lock().unwrap().holders.len();
    assert!(kept < 8_000, "{kept}");
    running.settle(cost(3, 3));
    let used = limits.used.lock().unwrap();
    assert_eq!(used.holders[&Holder::Key("running".into())].sums(Period::Hour).2, 0);
}

#[test]
fn whoever_spends_nothing_is_forgotten_after_a_minute() {
    let limits = limits("requests_per_minute = 1\nbudget = '5/hour'");
    for each in 0..10_000 {
        drop(limits.admit(&key(&each.to_string()), cost(1, 0), at(each)).unwrap());
    }

    let kept = limits.used.lock().unwrap().holders.len();
    assert!(kept <= CROWDED, "{kept}");
}

/// What a caller does: asks after some seconds, or ends the request that runs longest or shortest.
#[derive(Clone, Copy, Debug)]
enum Step {
    Ask { after: i64, worst: Cost },
    Settle { oldest: bool, tokens: u64, cents: u64 },
    Leave,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ask = (0_i64..40, 0_u64..60, 0_u64..200)
        .prop_map(|(after, tokens, cents)| Step::Ask { after, worst: cost(tokens, cents) });
    let settle = (any::<bool>(), 0_u64..60, 0_u64..200).prop_map(|(oldest, tokens, cents)| Step::Settle {
        oldest,
        tokens,
        cents,
    });
    prop::collection::vec(prop_oneof![3 => ask, 2 => settle, 1 => Just(Step::Leave)], 0..120)
}

proptest! {
    #[test]
    fn never_more_is_let_through_than_the_limit_in_any_window(steps in steps()) {
        let section = "requests_per_minute = 5\ntokens_per_minute = 100\nstreams = 3\nbudget = '5/hour'";
        let limits = limits(section);
        let caller = person("u-1");
        // All that was let through: when, and what it has used, the worst case as long as nothing else is known.
        let mut all: Vec<(Timestamp, Cost)> = Vec::new();
        let mut running: VecDeque<(usize, Permit)> = VecDeque::new();
        let mut now = at(0);
        for step in steps {
            match step {
                Step::Ask { after, worst } => {
                    now = Timestamp::from_unix(now.as_unix() + after);
                    if let Ok(permit) = limits.admit(&caller, worst, now) {
                        running.push_back((all.len(), permit));
                        all.push((now, worst));
                    }
                    let minute: Vec<&Cost> =
                        all.iter().filter(|(at, _)| now.since(*at).as_secs() < 60).map(|(_, cost)| cost).collect();
                    let hour = Budget::try_from("5/hour".to_owned()).unwrap().period.start(now);
                    let spent: u64 =
                        all.iter().filter(|(at, _)| *at >= hour).map(|(_, cost)| cost.price.as_nano()).sum();
                    prop_assert!(minute.len() <= 5 && running.len() <= 3);
                    prop_assert!(minute.iter().map(|cost| cost.tokens).sum::<u64>() <= 100);
                    prop_assert!(spent <= 5_000_000_000);
                }
                Step::Settle { oldest, tokens, cents } => {
                    let ended = if oldest { running.pop_front() } else { running.pop_back() };
                    let Some((place, permit)) = ended else { continue };
                    let (_, worst) = all[place];
                    let used = Cost {
                        tokens: tokens.min(worst.tokens),
                        price: cost(0, cents).price.min(worst.price),
                    };
                    all[place].1 = used;
                    permit.settle(used);
                }
                Step::Leave => drop(running.pop_front()),
            }
            let sums = limits.used.lock().unwrap().holders.get(&Holder::of(&caller).0).map(|counters| counters.sums(Period::Hour));
            let running_now = u64::try_from(running.len()).unwrap();
            prop_assert_eq!(sums.map_or(0, |sums| sums.2), running_now);
        }
    }

    #[test]
    fn the_sum_is_what_was_used_in_whatever_order_requests_end(
        requests in prop::collection::vec((0_u64..1000, 0_u64..1000, 0_u64..2000, 0_u64..2000, any::<u32>(), any::<bool>()), 0..50),
    ) {
        let limits = limits("requests_per_minute = 1000\ntokens_per_minute = 1_000_000\nbudget = '5000/day'");
        let mut running = Vec::new();
        let (mut tokens, mut money) = (0, Money::ZERO);
        for (second, (reserved, price, used, paid, order, settles)) in (0..).zip(&requests) {
            let permit = limits.admit(&key("k-1"), cost(*reserved, *price), at(second)).unwrap();
            let end = if *settles { cost(*used, *paid) } else { cost(*reserved, *price) };
            tokens += end.tokens;
            money = money.plus(end.price);
            running.push((order, settles.then_some(end), permit));
        }

        running.sort_by_key(|(order, _, _)| **order);
        for (_, end, permit) in running {
            match end {
                Some(end) => permit.settle(end),
                None => drop(permit),
            }
        }

        let used = limits.used.lock().unwrap();
        let expected = (u64::try_from(requests.len()).unwrap(), tokens, 0, money);
        for holder in [Holder::Key("k-1".into()), Holder::Workspace("w-1".into())] {
            let sums = used.holders.get(&holder).map(|counters| counters.sums(Period::Day));
            prop_assert_eq!(sums.unwrap_or((0, 0, 0, Money::ZERO)), expected);
        }
    }

    #[test]
    fn after_the_wait_that_is_told_a_request_fits(
        before in prop::collection::vec((0_i64..30, 1_u64..40), 1..20), amount in 1_u64..=100,
    ) {
        let limits = limits("requests_per_minute = 10\ntokens_per_minute = 100");
        let mut now = 0;
        for (after, tokens) in before {
            now += after;
            drop(limits.admit(&key("k-1"), cost(tokens, 0), at(now)));
        }

        if let Err(reached) = limits.admit(&key("k-1"), cost(amount, 0), at(now)) {
            let Renewal::At(moment) = reached.renewal else { panic!("{reached}") };
            let early = Timestamp::from_unix(moment.as_unix() - 1);
            prop_assert!(limits.admit(&key("k-1"), cost(amount, 0), early.max(at(now))).is_err());
            prop_assert!(limits.admit(&key("k-1"), cost(amount, 0), moment).is_ok());
        }
    }
}
