//! What a policy decides.

use super::*;
use crate::upstreams::UpstreamSections;
use http::Method;
use keyfob_oauth::Scope;
use proptest::prelude::*;
use std::path::Path;

fn policy(text: &str) -> Policy {
    Policy::parse(Path::new("policy.toml"), text).unwrap()
}

fn upstreams(text: &str) -> Vec<NamedUpstream> {
    #[derive(serde::Deserialize)]
    struct File {
        upstream: UpstreamSections,
    }
    let file: File = toml::from_str(text).unwrap();
    file.upstream.read(|_| Err::<_, fmt::Error>(fmt::Error)).unwrap()
}

fn everywhere() -> Vec<NamedUpstream> {
    upstreams("[upstream.all]\nurl = 'demo'")
}

fn who(scope: &Scope) -> Who<'_> {
    Who {
        credential: Credential::AccessToken,
        subject: "u-1",
        workspace: "w-1",
        scope,
        retention: None,
        residency: None,
        data_sharing: None,
        models: None,
    }
}

const fn asks(model: Model<'_>) -> Question<'_> {
    Question { route: Route::Responses, method: &Method::POST, model }
}

/// Says a decision in one line.
fn told(decision: &Decision) -> String {
    match &decision.outcome {
        Outcome::Allowed(places) => format!("{}: allowed {places:?}", decision.rule),
        Outcome::Refused(why) => format!("{}: {} ({why})", decision.rule, why.code()),
    }
}

#[test]
fn the_first_rule_that_fits_decides_and_the_default_decides_the_rest() {
    let policy = policy(
        "default = 'deny'\nmessage = 'Ask the platform team'\n\
         [[rule]]\nname = 'no images'\nwhen = { route = ['other'] }\noutcome = 'deny'\nmessage = 'No images here'\n\
         [[rule]]\nname = 'small for keys'\nwhen = { credential = ['api_key'], models = ['*-mini'] }\noutcome = 'allow'\n\
         [[rule]]\nname = 'people'\nwhen = { credential = ['access_token'], workspace = ['w-*'], scope = ['openid'], method = ['POST'] }\noutcome = 'allow'\n",
    );
    let openid = Scope::parse("openid").unwrap();
    let person = who(&openid);
    let key = Who { credential: Credential::ApiKey, ..person };
    let ask = |who: &Who<'_>, question| told(&decide(&policy, who, &question, &everywhere()));

    assert_eq!(ask(&person, asks(Model::Named("big"))), "people: allowed [0]");
    assert_eq!(ask(&key, asks(Model::Named("gpt-mini"))), "small for keys: allowed [0]");
    let denied = "default: policy_denied (Ask the platform team)";
    assert_eq!(ask(&key, asks(Model::Named("big"))), denied);
    assert_eq!(ask(&key, asks(Model::Unsaid)), denied);
    assert_eq!(ask(&Who { workspace: "x", ..person }, asks(Model::Named("big"))), denied);
    assert_eq!(ask(&Who { scope: &Scope::parse("email").unwrap(), ..person }, asks(Model::None)), denied);
    assert_eq!(ask(&person, Question { method: &Method::GET, ..asks(Model::None) }), denied);
    let image = Question { route: Route::Other, ..asks(Model::Named("x-mini")) };
    assert_eq!(ask(&key, image), "no images: policy_denied (No images here)");
}

#[test]
fn a_denied_model_is_denied_in_capitals_and_where_the_request_does_not_say_which() {
    let policy = policy(
        "default = 'allow'\n[[rule]]\nname = 'no big'\nwhen = { models = ['big*'] }\noutcome = 'deny'\nmessage = 'Too big'\n",
    );
    let scope = Scope::parse("openid").unwrap();
    let ask = |model| told(&decide(&policy, &who(&scope), &asks(model), &everywhere()));

    for model in [Model::Named("big"), Model::Named("BIG-1"), Model::Unsaid] {
        assert_eq!(ask(model), "no big: policy_denied (Too big)", "{model:?}");
    }
    for model in [Model::Named("small"), Model::None] {
        assert_eq!(ask(model), "default: allowed [0]", "{model:?}");
    }
}

#[test]
fn s_04_the_models_of_a_key_come_before_every_rule() {
    let policy = policy("default = 'allow'\n[[rule]]\nname = 'all'\noutcome = 'allow'\n");
    let scope = Scope::parse("openid").unwrap();
    let models = ["a".to_owned()];
    let key = Who { credential: Credential::ApiKey, models: Some(&models), ..who(&scope) };
    let ask = |model| decide(&policy, &key, &asks(model), &everywhere()).outcome;
    let refused = |model: Option<&str>| Outcome::Refused(Refused::ModelNotAllowed(model.map(Into::into)));

    assert_eq!(ask(Model::Named("a")), Outcome::Allowed(vec![0]));
    assert_eq!(ask(Model::None), Outcome::Allowed(vec![0]));
    assert_eq!(ask(Model::Named("A")), refused(Some("A")));
    assert_eq!(ask(Model::Named("b")), refused(Some("b")));
    assert_eq!(ask(Model::Unsaid), refused(None));
}

#[test]
fn s_04_only_an_upstream_that_promises_what_the_workspace_demands_is_chosen() {
    let upstreams = upstreams(
        "[upstream.plain]\nurl = 'demo'\n\
         [upstream.zero]\nurl = 'demo'\nmodels = ['a*']\nretention = ['zero', 'month']\n\
         [upstream.eu]\nurl = 'demo'\nretention = ['month']\nresidency = ['eu']\ndata_sharing = true\n",
    );
    let scope = Scope::parse("openid").unwrap();
    let ask = |retention, residency, data_sharing, model| {
        let who = Who { retention, residency, data_sharing, ..who(&scope) };
        decide(&Policy::default(), &who, &asks(Model::Named(model)), &upstreams).outcome
    };
    let missing = |model: &str, missing: &[&str]| {
        let missing = missing.iter().map(|&tag| tag.to_owned()).collect();
        Outcome::Refused(Refused::NoCompliantUpstream { model: Some(model.into()), missing })
    };

    assert_eq!(ask(None, None, None, "a"), Outcome::Allowed(vec![0, 1, 2]));
    assert_eq!(ask(Some("month"), None, None, "a"), Outcome::Allowed(vec![1, 2]));
    assert_eq!(ask(Some("month"), None, None, "b"), Outcome::Allowed(vec![2]));
    assert_eq!(ask(Some("month"), Some("eu"), None, "a"), Outcome::Allowed(vec![2]));
    assert_eq!(ask(None, None, Some(false), "a"), Outcome::Allowed(vec![0, 1]));
    assert_eq!(ask(Some("never"), None, None, "a"), missing("a", &["retention `never`"]));
    assert_eq!(ask(Some("zero"), Some("eu"), None, "b"), missing("b", &["retention `zero`"]));
    assert_eq!(
        ask(Some("month"), Some("eu"), Some(false), "b"),
        missing("b", &["retention `month`", "residency `eu`", "no data sharing"])
    );
}

#[test]
fn a_model_that_nobody_serves_is_not_found() {
    let upstreams = upstreams("[upstream.a]\nurl = 'demo'\nmodels = ['a*']\nretention = ['zero']");
    let scope = Scope::parse("openid").unwrap();
    let ask = |model| told(&decide(&Policy::default(), &who(&scope), &asks(model), &upstreams));

    assert_eq!(
        ask(Model::Named("b\u{202e}")),
        "upstreams: model_not_found (No upstream of this gateway serves the model `b`. `GET /v1/models` lists those that it \
         serves)"
    );
    assert!(ask(Model::Unsaid).starts_with("upstreams: model_not_found"));
    assert_eq!(ask(Model::None), "default: allowed [0]");
}

#[test]
fn s_04_storing_is_forbidden_where_any_line_says_so_whatever_decides() {
    let policy = policy(
        "default = 'allow'\n[[rule]]\nname = 'all'\noutcome = 'allow'\n\
         [[data]]\nname = 'zero'\nwhen = { retention = ['zero'] }\nstore = 'forbid'\n\
         [[data]]\nname = 'unshared'\nwhen = { data_sharing = false }\nstore = 'forbid'\n",
    );
    let scope = Scope::parse("openid").unwrap();
    let upstreams = upstreams("[upstream.a]\nurl = 'demo'\nretention = ['zero', 'month']");
    let store = |retention, data_sharing| {
        let who = Who { retention, data_sharing, ..who(&scope) };
        decide(&policy, &who, &asks(Model::Named("m")), &upstreams).store
    };

    assert_eq!(store(Some("zero"), None), Store::Forbidden);
    assert_eq!(store(None, Some(false)), Store::Forbidden);
    assert_eq!(store(Some("month"), Some(true)), Store::AsAsked);
    assert_eq!(store(None, None), Store::AsAsked);
}

#[test]
fn a_mistake_in_the_file_is_told_with_its_place() {
    let said = |text: &str| Policy::parse(Path::new("policy.toml"), text).unwrap_err().to_string();
    let rule = "default = 'allow'\n[[rule]]\nname = 'r'\n";

    let mistakes = [
        ("", "policy.toml:1:1: missing field `default`"),
        ("default = 'alow'", "policy.toml:1:11: `alow` is no value here; the nearest known one is `allow`"),
        (
            "default = 'allow'\n[[rules]]\n",
            "policy.toml:2:3: `rules` is no key here; the nearest known one is `rule`",
        ),
        (
            &format!("{rule}outcome = 'allow'\nwhen = {{ modles = ['a'] }}"),
            "policy.toml:5:10: `modles` is no key here; the nearest known one is `models`",
        ),
        (
            &format!("{rule}outcome = 'allow'\nwhen = {{ route = ['response'] }}"),
            "policy.toml:5:19: `response` is no value here; the nearest known one is `responses`",
        ),
        (
            &format!("{rule}outcome = 'allow'\nwhen = {{ models = [] }}"),
            "policy.toml:5:19: an empty list fits nothing: leave it out, or name what is meant",
        ),
        (
            &format!("{rule}outcome = 'allow'\nwhen = {{ credential = [] }}"),
            "policy.toml:5:23: an empty list fits nothing: leave it out, or name what is meant",
        ),
        (
            &format!("{rule}outcome = 'deny'"),
            "policy.toml:4:11: what is denied needs a `message`: the person reads it, and what to do instead",
        ),
        (
            &format!("{rule}outcome = 'allow'\nmessage = 'x'"),
            "policy.toml:4:11: what is allowed has no `message`: nobody would read it",
        ),
        (
            &format!("{rule}outcome = 'allow'\nwhen = {{ method = ['post'] }}"),
            "policy.toml:5:20: a method is written like `POST`",
        ),
        (
            &format!("{rule}outcome = 'allow'\n[[data]]\nname = 'r'\nstore = 'forbid'"),
            "policy.toml:6:8: a rule needs a name that no other has",
        ),
        (
            &format!("{rule}outcome = 'allow'\nwhen = {{ retention = ['Zero'] }}"),
            "policy.toml:5:23: a tag is a word of lower-case letters, digits and dashes",
        ),
    ];
    for (text, expected) in mistakes {
        assert_eq!(said(text), expected, "{text}");
    }
}

/// Lists of words that meet often.
fn some<T: Clone + fmt::Debug + 'static>(of: &[T]) -> impl Strategy<Value = Option<Vec<T>>> + use<T> {
    let of = of.to_vec();
    proptest::option::of(proptest::sample::subsequence(of.clone(), 1..=of.len()))
}

fn any_when() -> impl Strategy<Value = rule::When> {
    let patterns = ["a", "b", "a*", "*"].map(|text| Pattern::parse(text).unwrap());
    let tags = ["x".to_owned(), "y".to_owned()];
    (
        some(&Credential::ALL),
        some(&patterns),
        some(&Route::ALL),
        some(&[Method::GET, Method::POST]),
        some(&patterns),
        some(&tags),
    )
        .prop_map(|(credential, workspace, route, method, models, retention)| rule::When {
            credential,
            workspace,
            retention,
            route,
            method,
            models,
            ..rule::When::default()
        })
}

fn any_effect() -> impl Strategy<Value = Effect> {
    prop_oneof![Just(Effect::Allow), Just(Effect::Deny("no".into()))]
}

fn any_rule() -> impl Strategy<Value = Rule> {
    (any_when(), any_effect()).prop_map(|(when, effect)| Rule { name: "r".into(), when, effect })
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let rules = proptest::collection::vec(any_rule(), 0..6);
    (rules, any_effect()).prop_map(|(rules, default)| Policy { rules, default, ..Policy::default() })
}

prop_compose! {
    /// A question with who asks it, as owned values.
    fn any_asking()(
        credential in proptest::sample::select(&Credential::ALL[..]),
        workspace in proptest::sample::select(&["a", "ab", "b"][..]),
        retention in proptest::option::of(proptest::sample::select(&["x", "y"][..])),
        models in some(&["a".to_owned(), "b".to_owned()]),
        route in proptest::sample::select(&Route::ALL[..]),
        post in any::<bool>(),
        model in proptest::sample::select(
            &[Model::None, Model::Unsaid, Model::Named("a"), Model::Named("A"), Model::Named("b")][..]
        ),
    ) -> Asking {
        Asking { credential, workspace, retention, models, route, post, model }
    }
}

#[derive(Clone, Debug)]
struct Asking {
    credential: Credential,
    workspace: &'static str,
    retention: Option<&'static str>,
    models: Option<Vec<String>>,
    route: Route,
    post: bool,
    model: Model<'static>,
}

fn allows(policy: &Policy, asking: &Asking, upstreams: &[NamedUpstream]) -> bool {
    let scope = Scope::parse("openid").unwrap();
    let who = Who {
        credential: asking.credential,
        workspace: asking.workspace,
        retention: asking.retention,
        models: asking.models.as_deref(),
        ..who(&scope)
    };
    let method = if asking.post { &Method::POST } else { &Method::GET };
    let question = Question { route: asking.route, method, model: asking.model };
    matches!(decide(policy, &who, &question, upstreams).outcome, Outcome::Allowed(_))
}

proptest! {
    #[test]
    fn a_deny_that_is_added_anywhere_never_allows_more(
        policy in any_policy(), when in any_when(), place in 0_usize..7, asking in any_asking(),
    ) {
        let upstreams = upstreams("[upstream.p]\nurl='demo'\nmodels=['a']\n[upstream.x]\nurl='demo'\nretention=['x']");
        let mut stricter = policy.clone();
        let place = place.min(stricter.rules.len());
        stricter.rules.insert(place, Rule { name: "new".into(), when, effect: Effect::Deny("no".into()) });

        prop_assert!(!allows(&stricter, &asking, &upstreams) || allows(&policy, &asking, &upstreams));
    }

    #[test]
    fn an_upstream_less_never_allows_more(policy in any_policy(), asking in any_asking()) {
        let both = upstreams("[upstream.p]\nurl='demo'\nmodels=['a']\n[upstream.x]\nurl='demo'\nretention=['x']");

        prop_assert!(!allows(&policy, &asking, &both[..1]) || allows(&policy, &asking, &both));
    }

    #[test]
    fn rules_of_one_effect_may_stand_in_any_order(
        policy in any_policy(), effect in any_effect(), asking in any_asking(),
    ) {
        let mut policy = policy;
        policy.rules.retain(|rule| rule.effect == effect);
        let mut turned = policy.clone();
        turned.rules.reverse();

        prop_assert_eq!(allows(&policy, &asking, &everywhere()), allows(&turned, &asking, &everywhere()));
    }

    #[test]
    fn s_04_a_demand_that_no_upstream_meets_lets_nothing_through(policy in any_policy(), asking in any_asking()) {
        let upstreams = upstreams("[upstream.x]\nurl='demo'\nretention=['x']");
        let asking = Asking { retention: Some("y"), ..asking };

        prop_assert!(!allows(&policy, &asking, &upstreams));
    }
}
