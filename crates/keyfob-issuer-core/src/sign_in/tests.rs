use super::*;
use std::collections::{BTreeSet, VecDeque};

const NOW: i64 = 1_800_000_000;

fn demands() -> Vec<(&'static str, Demand)> {
    let scope = |text: &str| Scope::parse(text).unwrap();
    vec![
        ("grant", Demand::of_grant(&scope("openid"), MfaPolicy::Cloud)),
        ("cloud", Demand::of_grant(&scope("openid cloud"), MfaPolicy::Cloud)),
        ("always", Demand::of_grant(&scope("openid"), MfaPolicy::Always)),
        ("device", Demand::of_device(&scope("openid"), MfaPolicy::Cloud)),
        ("device always", Demand::of_device(&scope("openid"), MfaPolicy::Always)),
        ("account", Demand::of_account()),
        ("change", Demand::of_change()),
        ("set-up", Demand::of_set_up()),
    ]
}

fn demand(name: &str) -> Demand {
    demands().into_iter().find(|(known, _)| *known == name).unwrap().1
}

fn sign_in(enrolled: Enrolled, password_minutes: Option<i64>, factor_minutes: Option<i64>) -> SignIn {
    let ago = |minutes: i64| Timestamp::from_unix(NOW - 60 * minutes);
    let proof = password_minutes
        .map(|minutes| Proof { password_at: ago(minutes), second_factor_at: factor_minutes.map(ago) });
    SignIn { enrolled, proof }
}

/// Every state of a sign-in that can rest: what the account has × how old each proof is, in minutes.
fn every_sign_in() -> Vec<SignIn> {
    let ages = [None, Some(0), Some(6), Some(16)];
    let mut all = Vec::new();
    for enrolled in [Enrolled::Nothing, Enrolled::SecondFactor] {
        for password in ages {
            all.extend(ages.map(|factor| sign_in(enrolled, password, factor)));
        }
    }
    all
}

#[test]
fn i_57_what_comes_next_is_this_table() {
    use {Enrolled::Nothing, Enrolled::SecondFactor as Second};
    let now = Timestamp::from_unix(NOW);
    let table = [
        // Nobody.
        ("grant", sign_in(Nothing, None, None), State::Anonymous),
        ("account", sign_in(Second, None, None), State::Anonymous),
        // A password alone, fresh and old.
        ("grant", sign_in(Nothing, Some(0), None), State::Proven),
        ("grant", sign_in(Nothing, Some(600), None), State::Proven),
        ("cloud", sign_in(Nothing, Some(0), None), State::SetUp),
        ("cloud", sign_in(Nothing, Some(16), None), State::Anonymous),
        ("always", sign_in(Nothing, Some(0), None), State::SetUp),
        ("device", sign_in(Nothing, Some(15), None), State::Proven),
        ("device", sign_in(Nothing, Some(16), None), State::Anonymous),
        ("change", sign_in(Nothing, Some(5), None), State::Proven),
        ("change", sign_in(Nothing, Some(6), None), State::Anonymous),
        // An account with a second factor is asked for it by everything.
        ("grant", sign_in(Second, Some(0), None), State::SecondFactor),
        ("account", sign_in(Second, Some(0), None), State::SecondFactor),
        ("set-up", sign_in(Second, Some(0), None), State::SecondFactor),
        ("grant", sign_in(Second, Some(600), Some(600)), State::Proven),
        ("cloud", sign_in(Second, Some(600), Some(600)), State::Proven),
        ("device", sign_in(Second, Some(600), Some(16)), State::SecondFactor),
        ("change", sign_in(Second, Some(600), Some(5)), State::Proven),
        ("change", sign_in(Second, Some(600), Some(6)), State::SecondFactor),
        // A factor that was proven and then taken away by an administrator counts for nothing.
        ("cloud", sign_in(Nothing, Some(1), Some(1)), State::SetUp),
    ];

    for (name, sign_in, expected) in table {
        assert_eq!(sign_in.state(demand(name), now), expected, "{name}: {sign_in:?}");
    }
}

#[test]
fn i_11_a_sign_in_from_before_the_moment_that_is_asked_for_is_none() {
    use {Enrolled::Nothing, Enrolled::SecondFactor as Second};
    let now = Timestamp::from_unix(NOW);
    let state = |minutes: i64, sign_in: SignIn| {
        sign_in.state(demand("grant").since(Some(Timestamp::from_unix(NOW - 60 * minutes))), now)
    };

    assert_eq!(state(5, sign_in(Nothing, Some(5), None)), State::Proven);
    assert_eq!(state(5, sign_in(Nothing, Some(6), None)), State::Anonymous);
    assert_eq!(state(5, sign_in(Second, Some(6), Some(0))), State::Anonymous, "the password counts");
    assert_eq!(state(5, sign_in(Second, Some(4), None)), State::SecondFactor);
    assert_eq!(state(0, sign_in(Second, Some(0), Some(0))), State::Proven);
}

#[test]
fn i_57_no_walk_reaches_proven_without_each_step_that_is_asked() {
    for (name, demand) in demands() {
        for enrolled in [Enrolled::Nothing, Enrolled::SecondFactor] {
            // A walk is what it has done since the browser was last anonymous; half a minute passes between steps.
            let begin = SignIn { enrolled, proof: None };
            let mut seen = BTreeSet::new();
            let mut walks = VecDeque::from([(begin, Vec::<Event>::new())]);
            while let Some((sign_in, walk)) = walks.pop_front() {
                let now = Timestamp::from_unix(NOW + 30 * i64::try_from(walk.len()).unwrap());
                if sign_in.state(demand, now) == State::Proven {
                    assert!(walk.contains(&Event::Password), "{name}: {walk:?}");
                    let asked = sign_in.enrolled == Enrolled::SecondFactor
                        || demand.second_factor == SecondFactor::Required;
                    let answered = walk.contains(&Event::SecondFactor) || walk.contains(&Event::SetUp);
                    assert!(answered || !asked, "{name}: {walk:?}");
                }
                if walk.len() == 6 || !seen.insert(format!("{sign_in:?} {walk:?}")) {
                    continue;
                }
                // Signing out, or coming back with another browser: what the account has stays.
                walks.push_back((SignIn { proof: None, ..sign_in }, Vec::new()));
                for event in [Event::Password, Event::SecondFactor, Event::SetUp] {
                    if let Ok(next) = sign_in.step(event, demand, now) {
                        walks.push_back((next, [walk.as_slice(), &[event]].concat()));
                    }
                }
            }
        }
    }
}

#[test]
fn i_57_each_event_is_taken_in_its_own_states_alone() {
    let now = Timestamp::from_unix(NOW);
    for (name, demand) in demands() {
        for sign_in in every_sign_in() {
            let state = sign_in.state(demand, now);
            let taken = |event| sign_in.step(event, demand, now).is_ok();

            let context = format!("{name}: {sign_in:?} is {state:?}");
            assert_eq!(taken(Event::Password), state == State::Anonymous, "{context}");
            let may_prove = sign_in.enrolled == Enrolled::SecondFactor
                && matches!(state, State::SecondFactor | State::Proven);
            assert_eq!(taken(Event::SecondFactor), may_prove, "{context}");
            assert_eq!(taken(Event::SetUp), matches!(state, State::SetUp | State::Proven), "{context}");
        }
    }
}

#[test]
fn i_57_a_session_that_begins_again_has_proven_its_password_alone() {
    let now = Timestamp::from_unix(NOW);
    let old = sign_in(Enrolled::Nothing, Some(16), Some(1));

    let begun = old.step(Event::Password, Demand::of_set_up(), now).unwrap();

    assert_eq!(begun.proof, Some(Proof { password_at: now, second_factor_at: None }));
}
