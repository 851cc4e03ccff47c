//! One decision as it is kept.

use crate::policy::{Asking, Decision, Outcome, PassedOver, Question, Store, Who};
use crate::upstreams::NamedUpstream;
use keyfob_oauth::Timestamp;

/// Who asked for what when, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The request's name, which its answer carries as `x-request-id`.
    pub(crate) id: String,
    pub(crate) at: Timestamp,
    pub(crate) asking: Asking,
    pub(crate) outcome: Kept,
    pub(crate) rule: String,
    pub(crate) store: Store,
    /// The upstream that the request was sent to.
    pub(crate) upstream: Option<String>,
    /// The others, each with why.
    pub(crate) passed_over: Vec<(String, String)>,
}

/// What came of a question, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Allowed,
    /// With the code and the words of the answer.
    Refused {
        code: String,
        words: String,
    },
}

impl Entry {
    pub(crate) fn new(
        id: &str,
        at: Timestamp,
        (who, question): (&Who<'_>, &Question<'_>),
        decision: &Decision,
        upstreams: &[NamedUpstream],
    ) -> Self {
        let name = |place: usize| {
            upstreams.get(place).map_or_else(String::new, |upstream| upstream.name().to_owned())
        };
        let passed_over = decision.passed_over.iter().map(|(place, why)| {
            let why = match why {
                PassedOver::OtherModels => "does not serve the model".to_owned(),
                PassedOver::Lacks(lacks) => format!("does not promise {}", lacks.join(", ")),
            };
            (name(*place), why)
        });
        Self {
            id: id.to_owned(),
            at,
            asking: Asking::keep(who, question),
            outcome: match &decision.outcome {
                Outcome::Allowed(_) => Kept::Allowed,
                Outcome::Refused(why) => {
                    Kept::Refused { code: why.code().to_owned(), words: why.to_string() }
                }
            },
            rule: decision.rule.to_string(),
            store: decision.store,
            upstream: None,
            passed_over: passed_over.collect(),
        }
    }
}
