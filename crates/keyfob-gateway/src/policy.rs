//! What callers may do, decided in one place: from a policy's rules, the caller's own limits, and what upstreams promise.
//!
//! `decide` has no effects and no clock: the same values give the same decision, in a request, in `policy test`, and
//! over what was recorded.

mod asking;
pub mod cases;
mod file;
mod pattern;
mod question;
mod rule;
mod said;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use asking::{Asking, OwnedModel};
pub(crate) use file::ListedModel;
pub use file::PolicyError;
pub(crate) use file::{TAG, tag};
pub(crate) use pattern::{Case, Pattern};
pub(crate) use question::{Credential, Model, Question, Route, Who};
pub(crate) use rule::Store;
pub(crate) use said::{Obeyed, Said, model_of, obey};

use crate::upstreams::NamedUpstream;
use http::StatusCode;
use rule::{Duty, Effect, Rule};
use std::fmt;
use std::sync::Arc;

/// The rules that an administrator wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Read from top to bottom: the first that fits decides.
    rules: Vec<Rule>,
    /// What comes of everything else.
    default: Effect,
    /// Each that fits is kept to, in no order.
    duties: Vec<Duty>,
    /// What `/v1/models` lists, if the upstreams are not asked.
    models: Vec<ListedModel>,
}

impl Default for Policy {
    /// What holds without a policy file: everybody whom the issuer vouches for may do everything.
    fn default() -> Self {
        Self { rules: Vec::new(), default: Effect::Allow, duties: Vec::new(), models: Vec::new() }
    }
}

/// What was decided about one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) outcome: Outcome,
    /// The rule that said so.
    pub(crate) rule: Arc<str>,
    /// What the upstream may keep.
    pub(crate) store: Store,
    /// The upstreams that were not chosen, by their place, and why.
    pub(crate) passed_over: Vec<(usize, PassedOver)>,
}

/// What comes of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It may go to one of these upstreams, by their place, the preferred one first; there is at least one.
    Allowed(Vec<usize>),
    /// It ends here.
    Refused(Refused),
}

/// Why a policy refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// A rule says so, with words for the person.
    ByRule(Arc<str>),
    /// The key or token opens other models only.
    ModelNotAllowed(Option<String>),
    /// No upstream serves the model.
    ModelNotServed(Option<String>),
    /// Some serve it, and none promises what the caller's data needs.
    NoCompliantUpstream {
        model: Option<String>,
        /// What is demanded and missing, such as "retention `zero`".
        missing: Vec<String>,
    },
}

/// Why an upstream was not chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PassedOver {
    /// It does not serve the model.
    OtherModels,
    /// It does not promise this.
    Lacks(Vec<String>),
}

/// What the rule is called that refuses for the models of a key.
const KEY_MODELS: &str = "models of the key";
/// What the rule is called that refuses for want of an upstream.
const UPSTREAMS: &str = "upstreams";
/// What the last line of a policy is called.
const DEFAULT: &str = "default";

/// Decides whether `who` may ask `question`, and which of `upstreams` may answer.
///
/// The caller's own models come first, then the first rule that fits, then the upstreams: each can only refuse what the
/// others let pass.
pub(crate) fn decide(
    policy: &Policy,
    who: &Who<'_>,
    question: &Question<'_>,
    upstreams: &[NamedUpstream],
) -> Decision {
    let store = policy.store(who, question);
    let (rule, refused) = policy.judge(who, question);
    if let Some(why) = refused {
        return Decision { outcome: Outcome::Refused(why), rule, store, passed_over: Vec::new() };
    }
    let mut chosen = Vec::new();
    let mut passed_over = Vec::new();
    for (place, upstream) in upstreams.iter().enumerate() {
        if !upstream.serves(question.model) {
            passed_over.push((place, PassedOver::OtherModels));
            continue;
        }
        let lacks = upstream.lacks(who);
        if lacks.is_empty() {
            chosen.push(place);
        } else {
            passed_over.push((place, PassedOver::Lacks(lacks)));
        }
    }
    if chosen.is_empty() {
        let why = without_upstream(owned(question.model), &passed_over);
        return Decision { outcome: Outcome::Refused(why), rule: UPSTREAMS.into(), store, passed_over };
    }
    Decision { outcome: Outcome::Allowed(chosen), rule, store, passed_over }
}

impl Policy {
    /// Returns the rule that decides, and why it refuses if it does; upstreams are not looked at.
    pub(crate) fn judge(&self, who: &Who<'_>, question: &Question<'_>) -> (Arc<str>, Option<Refused>) {
        if !opens(who.models, question.model) {
            return (KEY_MODELS.into(), Some(Refused::ModelNotAllowed(owned(question.model))));
        }
        let (name, effect) = match self.rules.iter().find(|rule| rule.fits(who, question)) {
            Some(rule) => (Arc::clone(&rule.name), &rule.effect),
            None => (DEFAULT.into(), &self.default),
        };
        match effect {
            Effect::Allow => (name, None),
            Effect::Deny(words) => (name, Some(Refused::ByRule(Arc::clone(words)))),
        }
    }

    fn store(&self, who: &Who<'_>, question: &Question<'_>) -> Store {
        let forbidden =
            self.duties.iter().any(|duty| duty.store == Store::Forbidden && duty.fits(who, question));
        if forbidden { Store::Forbidden } else { Store::AsAsked }
    }

    /// Whether a decision can depend on what a body says, or change it.
    pub(crate) fn reads_bodies(&self) -> bool {
        !self.duties.is_empty() || self.rules.iter().any(|rule| rule.when.models.is_some())
    }

    /// Whether everybody may do everything.
    pub(crate) fn is_open(&self) -> bool {
        self.rules.is_empty() && self.default == Effect::Allow && self.models.is_empty()
    }

    pub(crate) fn models(&self) -> &[ListedModel] {
        &self.models
    }
}

/// Whether the models of a credential include the one that is asked for; one that is unsaid may be another.
fn opens(models: Option<&[String]>, model: Model<'_>) -> bool {
    models.is_none_or(|models| match model {
        Model::None => true,
        Model::Unsaid => false,
        Model::Named(name) => models.iter().any(|opened| opened == name),
    })
}

fn owned(model: Model<'_>) -> Option<String> {
    model.name().map(str::to_owned)
}

/// Names what keeps every upstream from being chosen.
fn without_upstream(model: Option<String>, passed_over: &[(usize, PassedOver)]) -> Refused {
    let lacking: Vec<&Vec<String>> = passed_over
        .iter()
        .filter_map(|(_, why)| match why {
            PassedOver::Lacks(lacks) => Some(lacks),
            PassedOver::OtherModels => None,
        })
        .collect();
    let Some(first) = lacking.first() else { return Refused::ModelNotServed(model) };
    // What none of them has; if each lacks something else, all of it.
    let nobody: Vec<String> =
        first.iter().filter(|tag| lacking.iter().all(|lacks| lacks.contains(tag))).cloned().collect();
    let mut missing = nobody;
    if missing.is_empty() {
        for tag in lacking.into_iter().flatten() {
            if !missing.contains(tag) {
                missing.push(tag.clone());
            }
        }
    }
    Refused::NoCompliantUpstream { model, missing }
}

impl Refused {
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::ByRule(_) | Self::ModelNotAllowed(_) | Self::NoCompliantUpstream { .. } => {
                StatusCode::FORBIDDEN
            }
            Self::ModelNotServed(_) => StatusCode::NOT_FOUND,
        }
    }

    /// Whether `code` is that of a refusal which another policy could take back.
    pub(crate) fn is_policy(code: &str) -> bool {
        ["policy_denied", "model_not_allowed"].contains(&code)
    }

    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::ByRule(_) => "policy_denied",
            Self::ModelNotAllowed(_) => "model_not_allowed",
            Self::ModelNotServed(_) => "model_not_found",
            Self::NoCompliantUpstream { .. } => "no_compliant_upstream",
        }
    }
}

/// Says `model` as people read it, or that there is none.
fn said(model: Option<&String>) -> String {
    model.map_or_else(
        || "that the request leaves unsaid".into(),
        |name| format!("`{}`", keyfob_oauth::text::printable(name)),
    )
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByRule(words) => f.write_str(words),
            Self::ModelNotAllowed(model) => write!(
                f,
                "Your key or sign-in does not open the model {}. `GET /v1/models` lists those that it opens; who made the \
                 key can make one that opens more",
                said(model.as_ref())
            ),
            Self::ModelNotServed(model) => write!(
                f,
                "No upstream of this gateway serves the model {}. `GET /v1/models` lists those that it serves",
                said(model.as_ref())
            ),
            Self::NoCompliantUpstream { model, missing } => {
                f.write_str("No upstream of this gateway")?;
                // Where every upstream serves every model, nobody has looked which one is asked for.
                if model.is_some() {
                    write!(f, " that serves the model {}", said(model.as_ref()))?;
                }
                write!(
                    f,
                    " promises what your workspace demands of your data: {}. Nothing was sent. The gateway's administrator can \
                     add one that does",
                    missing.join(", ")
                )
            }
        }
    }
}
