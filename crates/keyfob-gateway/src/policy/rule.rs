//! Rules: whom and what they speak of, and what holds then.

use super::pattern::{Case, Pattern};
use super::question::{Credential, Model, Question, Route, Who};
use http::Method;
use std::sync::Arc;

/// A sentence of a policy: for whom and what, and what comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) name: Arc<str>,
    pub(crate) when: When,
    pub(crate) effect: Effect,
}

/// What comes of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It goes on.
    Allow,
    /// It ends here, and the person reads this.
    Deny(Arc<str>),
}

/// What must happen to whatever fits, wherever it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Duty {
    pub(crate) name: Arc<str>,
    pub(crate) when: When,
    pub(crate) store: Store,
}

/// What the upstream may keep of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Store {
    /// What the caller asked for.
    #[default]
    AsAsked,
    /// Nothing: `store` is `false`, whatever the caller wrote.
    Forbidden,
}

/// The conditions of a rule; all that are there must hold, and one of each list is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct When {
    pub(crate) credential: Option<Vec<Credential>>,
    pub(crate) workspace: Option<Vec<Pattern>>,
    pub(crate) subject: Option<Vec<Pattern>>,
    pub(crate) scope: Option<Vec<String>>,
    pub(crate) retention: Option<Vec<String>>,
    pub(crate) residency: Option<Vec<String>>,
    pub(crate) data_sharing: Option<bool>,
    pub(crate) route: Option<Vec<Route>>,
    pub(crate) method: Option<Vec<Method>>,
    pub(crate) models: Option<Vec<Pattern>>,
}

/// How a rule takes a question that leaves something open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    /// As what the rule forbids: an unsaid model may be any, and capitals are no way around.
    Fits,
    /// As something else.
    Fails,
}

impl Rule {
    pub(crate) fn fits(&self, who: &Who<'_>, question: &Question<'_>) -> bool {
        let doubt = match self.effect {
            Effect::Allow => Doubt::Fails,
            Effect::Deny(_) => Doubt::Fits,
        };
        self.when.holds(who, question, doubt)
    }
}

impl Duty {
    pub(crate) fn fits(&self, who: &Who<'_>, question: &Question<'_>) -> bool {
        self.when.holds(who, question, Doubt::Fits)
    }
}

impl When {
    fn holds(&self, who: &Who<'_>, question: &Question<'_>, doubt: Doubt) -> bool {
        let named = |patterns: &Option<Vec<Pattern>>, name: &str| {
            one_of(patterns.as_ref(), |pattern| pattern.matches(name, Case::Kept))
        };
        let tagged = |tags: &Option<Vec<String>>, tag: Option<&str>| {
            one_of(tags.as_ref(), |wanted| tag.is_some_and(|tag| tag == wanted))
        };
        one_of(self.credential.as_ref(), |kind| *kind == who.credential)
            && named(&self.workspace, who.workspace)
            && named(&self.subject, who.subject)
            && one_of(self.scope.as_ref(), |word| who.scope.contains(word))
            && tagged(&self.retention, who.retention)
            && tagged(&self.residency, who.residency)
            && self.data_sharing.is_none_or(|shared| who.data_sharing == Some(shared))
            && one_of(self.route.as_ref(), |route| *route == question.route)
            && one_of(self.method.as_ref(), |method| method == question.method)
            && self.holds_for_model(question.model, doubt)
    }

    fn holds_for_model(&self, model: Model<'_>, doubt: Doubt) -> bool {
        let case = match doubt {
            Doubt::Fits => Case::Ignored,
            Doubt::Fails => Case::Kept,
        };
        one_of(self.models.as_ref(), |pattern| match model {
            Model::None => false,
            Model::Unsaid => doubt == Doubt::Fits || pattern.is_any(),
            Model::Named(name) => pattern.matches(name, case),
        })
    }
}

/// Whether a list is not there, or has one that fits.
fn one_of<T>(list: Option<&Vec<T>>, fits: impl Fn(&T) -> bool) -> bool {
    list.is_none_or(|list| list.iter().any(fits))
}
