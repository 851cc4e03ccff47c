//! `keyfob-gateway policy test`: what a policy should say, case by case, and what it says.

use super::question::{Credential, Model, Question, Route};
use super::{Asking, Outcome, OwnedModel, Policy, PolicyError, Store, decide};
use crate::config::place;
use crate::upstreams::NamedUpstream;
use http::Method;
use keyfob_oauth::Scope;
use serde::Deserialize;
use std::fmt;
use std::path::Path;
use toml::Spanned;

/// Cases that were read.
#[derive(Debug)]
pub struct Cases(Vec<Case>);

#[derive(Debug)]
struct Case {
    name: String,
    asking: Asking,
    expected: ExpectTable,
}

/// What the cases showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report(Vec<(String, Vec<Differs>)>);

/// One thing that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Differs {
    what: &'static str,
    expected: String,
    was: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<CaseTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseTable {
    name: String,
    caller: CallerTable,
    request: RequestTable,
    expect: ExpectTable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallerTable {
    #[serde(default = "account")]
    credential: Credential,
    #[serde(default)]
    workspace: String,
    #[serde(default)]
    subject: String,
    scope: Option<Spanned<String>>,
    retention: Option<String>,
    residency: Option<String>,
    data_sharing: Option<bool>,
    models: Option<Vec<String>>,
}

const fn account() -> Credential {
    Credential::AccessToken
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestTable {
    method: Spanned<String>,
    path: Spanned<String>,
    model: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectTable {
    outcome: Word,
    rule: Option<String>,
    code: Option<String>,
    message: Option<String>,
    store: Option<StoreWord>,
    upstream: Option<Spanned<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Allow,
    Deny,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum StoreWord {
    AsAsked,
    Forbid,
}

impl Cases {
    /// Reads cases; `path` is only named in what is said of a mistake.
    pub fn parse(path: &Path, text: &str) -> Result<Self, PolicyError> {
        let wrong = |span, what: &str| PolicyError(place::at(path, text, Some(span), what));
        let file: File =
            toml::from_str(text).map_err(|error| PolicyError(place::parsing(path, text, &error)))?;
        let read = |case: CaseTable| {
            let CaseTable { name, caller, request, expect: expected } = case;
            let scope = match &caller.scope {
                None => Scope::default(),
                Some(scope) => Scope::parse(scope.get_ref())
                    .map_err(|_| wrong(scope.span(), "a scope is words with one space between"))?,
            };
            let method = Method::from_bytes(request.method.get_ref().as_bytes())
                .map_err(|_| wrong(request.method.span(), "a method is written like `POST`"))?;
            let below = request.path.get_ref().strip_prefix("/v1").filter(|rest| rest.starts_with('/'));
            let below = below.ok_or_else(|| wrong(request.path.span(), "a path begins with `/v1/`"))?;
            let model = OwnedModel::from(Model::of(&method, below, request.model.as_deref()));
            let CallerTable {
                credential,
                workspace,
                subject,
                retention,
                residency,
                data_sharing,
                models,
                ..
            } = caller;
            let asking = Asking {
                credential,
                subject,
                workspace,
                scope,
                retention,
                residency,
                data_sharing,
                models,
                route: Route::of(below),
                method,
                model,
            };
            Ok(Case { name, asking, expected })
        };
        file.case.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Puts each case to `policy`, and to `upstreams` where they are known.
    pub fn run(&self, policy: &Policy, upstreams: Option<&[NamedUpstream]>) -> Report {
        Report(self.0.iter().map(|case| (case.name.clone(), case.run(policy, upstreams))).collect())
    }
}

/// What was decided, in the words of a case.
struct Was {
    outcome: Word,
    rule: String,
    code: String,
    message: String,
    store: StoreWord,
    upstream: String,
}

impl Case {
    fn run(&self, policy: &Policy, upstreams: Option<&[NamedUpstream]>) -> Vec<Differs> {
        let was = self.decide(policy, upstreams);
        let ExpectTable { outcome, rule, code, message, store, upstream } = &self.expected;
        let mut differs = Vec::new();
        let mut compare = |what, expected: Option<&str>, was: &str| {
            if let Some(expected) = expected.filter(|expected| *expected != was) {
                differs.push(Differs { what, expected: expected.to_owned(), was: was.to_owned() });
            }
        };
        compare("outcome", Some(outcome.as_str()), was.outcome.as_str());
        compare("rule", rule.as_deref(), &was.rule);
        compare("code", code.as_deref(), &was.code);
        compare("message", message.as_deref(), &was.message);
        compare("store", store.map(StoreWord::as_str), was.store.as_str());
        compare("upstream", upstream.as_ref().map(|name| name.get_ref().as_str()), &was.upstream);
        differs
    }

    fn decide(&self, policy: &Policy, upstreams: Option<&[NamedUpstream]>) -> Was {
        let (who, question): (_, Question<'_>) = (self.asking.who(), self.asking.question());
        let (refused, rule, store, upstream) = if let Some(upstreams) = upstreams {
            let decision = decide(policy, &who, &question, upstreams);
            let (refused, first) = match decision.outcome {
                Outcome::Allowed(places) => (None, places.first().and_then(|place| upstreams.get(*place))),
                Outcome::Refused(why) => (Some(why), None),
            };
            (refused, decision.rule, decision.store, first.map(|upstream| upstream.name().to_owned()))
        } else {
            let (rule, refused) = policy.judge(&who, &question);
            (refused, rule, policy.store(&who, &question), None)
        };
        Was {
            outcome: if refused.is_some() { Word::Deny } else { Word::Allow },
            rule: rule.to_string(),
            code: refused.as_ref().map_or("none", |why| why.code()).to_owned(),
            message: refused.map_or_else(|| "none".into(), |why| why.to_string()),
            store: if store == Store::Forbidden { StoreWord::Forbid } else { StoreWord::AsAsked },
            upstream: upstream.unwrap_or_else(|| "none".into()),
        }
    }
}

impl Word {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

impl StoreWord {
    const fn as_str(self) -> &'static str {
        match self {
            Self::AsAsked => "as-asked",
            Self::Forbid => "forbid",
        }
    }
}

impl Report {
    /// Whether every case was as expected.
    pub fn is_good(&self) -> bool {
        self.0.iter().all(|(_, differs)| differs.is_empty())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, differs) in &self.0 {
            writeln!(f, "{}  {name}", if differs.is_empty() { "ok  " } else { "FAIL" })?;
            for Differs { what, expected, was } in differs {
                writeln!(f, "        {what}: expected `{expected}`, was `{was}`")?;
            }
        }
        let bad = self.0.iter().filter(|(_, differs)| !differs.is_empty()).count();
        writeln!(f, "{} cases, {bad} not as expected", self.0.len())
    }
}
