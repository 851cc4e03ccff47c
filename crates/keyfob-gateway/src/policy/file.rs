//! The policy file: every key means something, or the gateway does not start.

use super::pattern::Pattern;
use super::question::{Credential, Route};
use super::rule::{Duty, Effect, Rule, Store, When};
use super::{DEFAULT, KEY_MODELS, Policy, UPSTREAMS};
use crate::config::place;
use http::Method;
use keyfob_oauth::Scope;
use serde::Deserialize;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use toml::Spanned;

/// A text is no policy; the message names file, line and column.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PolicyError(pub(super) String);

/// A model as `/v1/models` tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedModel {
    pub(crate) name: String,
    pub(crate) display_name: Option<String>,
    pub(crate) description: Option<String>,
    /// In tokens.
    pub(crate) context_window: Option<u32>,
    /// What the client tells the model first.
    pub(crate) instructions: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    default: Spanned<Word>,
    message: Option<String>,
    #[serde(default)]
    rule: Vec<RuleTable>,
    #[serde(default)]
    data: Vec<DutyTable>,
    #[serde(default)]
    models: BTreeMap<String, ModelTable>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Allow,
    Deny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleTable {
    name: Spanned<String>,
    #[serde(default)]
    when: WhenTable,
    outcome: Spanned<Word>,
    message: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DutyTable {
    name: Spanned<String>,
    #[serde(default)]
    when: WhenTable,
    store: StoreWord,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoreWord {
    Forbid,
}

/// A list that may be there, with its place.
type List<T> = Option<Spanned<Vec<T>>>;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WhenTable {
    credential: List<Credential>,
    workspace: List<Spanned<String>>,
    subject: List<Spanned<String>>,
    scope: List<Spanned<String>>,
    retention: List<Spanned<String>>,
    residency: List<Spanned<String>>,
    data_sharing: Option<bool>,
    route: List<Route>,
    method: List<Spanned<String>>,
    models: List<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelTable {
    display_name: Option<String>,
    description: Option<String>,
    context_window: Option<u32>,
    instructions: Option<String>,
}

impl Policy {
    /// Reads a policy; `path` is only named in what is said of a mistake.
    pub fn parse(path: &Path, text: &str) -> Result<Self, PolicyError> {
        let file: File =
            toml::from_str(text).map_err(|error| PolicyError(place::parsing(path, text, &error)))?;
        let reader = Reader { path, text };
        let mut taken = HashSet::from([DEFAULT.to_owned(), KEY_MODELS.to_owned(), UPSTREAMS.to_owned()]);
        let mut named = |name: &Spanned<String>| {
            if name.get_ref().trim().is_empty() || !taken.insert(name.get_ref().clone()) {
                return Err(reader.wrong(name, "a rule needs a name that no other has"));
            }
            Ok(Arc::<str>::from(name.get_ref().as_str()))
        };
        let mut rules = Vec::new();
        for table in file.rule {
            let name = named(&table.name)?;
            let effect = reader.effect(&table.outcome, table.message)?;
            rules.push(Rule { name, when: reader.when(table.when)?, effect });
        }
        let mut duties = Vec::new();
        for table in file.data {
            let StoreWord::Forbid = table.store;
            duties.push(Duty {
                name: named(&table.name)?,
                when: reader.when(table.when)?,
                store: Store::Forbidden,
            });
        }
        let default = reader.effect(&file.default, file.message)?;
        let models = file.models.into_iter().map(|(name, table)| ListedModel {
            name,
            display_name: table.display_name,
            description: table.description,
            context_window: table.context_window,
            instructions: table.instructions,
        });
        Ok(Self { rules, default, duties, models: models.collect() })
    }
}

/// What a mistake is told with.
struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    fn wrong<T>(&self, value: &Spanned<T>, what: &str) -> PolicyError {
        PolicyError(place::at(self.path, self.text, Some(value.span()), what))
    }

    fn effect(&self, word: &Spanned<Word>, message: Option<String>) -> Result<Effect, PolicyError> {
        let message = message.filter(|message| !message.trim().is_empty());
        match (word.get_ref(), message) {
            (Word::Allow, None) => Ok(Effect::Allow),
            (Word::Allow, Some(_)) => {
                Err(self.wrong(word, "what is allowed has no `message`: nobody would read it"))
            }
            (Word::Deny, Some(message)) => Ok(Effect::Deny(message.into())),
            (Word::Deny, None) => Err(self.wrong(
                word,
                "what is denied needs a `message`: the person reads it, and what to do instead",
            )),
        }
    }

    fn when(&self, table: WhenTable) -> Result<When, PolicyError> {
        Ok(When {
            credential: self.filled(table.credential)?,
            workspace: self.each(
                table.workspace,
                "a pattern is visible characters without spaces",
                Pattern::parse,
            )?,
            subject: self.each(
                table.subject,
                "a pattern is visible characters without spaces",
                Pattern::parse,
            )?,
            scope: self.each(table.scope, "a scope is one word", |word| {
                Scope::parse(word)
                    .ok()
                    .filter(|scope| scope.words().count() == 1)
                    .map(|scope| scope.to_string())
            })?,
            retention: self.each(table.retention, TAG, tag)?,
            residency: self.each(table.residency, TAG, tag)?,
            data_sharing: table.data_sharing,
            route: self.filled(table.route)?,
            method: self.each(table.method, "a method is written like `POST`", method)?,
            models: self.each(
                table.models,
                "a pattern is visible characters without spaces",
                Pattern::parse,
            )?,
        })
    }

    /// Returns what is in a list; an empty one would fit nothing, and nobody means that.
    fn filled<T>(&self, list: List<T>) -> Result<Option<Vec<T>>, PolicyError> {
        match list {
            Some(list) if list.get_ref().is_empty() => {
                Err(self.wrong(&list, "an empty list fits nothing: leave it out, or name what is meant"))
            }
            list => Ok(list.map(Spanned::into_inner)),
        }
    }

    /// Reads a list.
    fn each<T>(
        &self,
        list: List<Spanned<String>>,
        wanted: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<Vec<T>>, PolicyError> {
        let Some(list) = self.filled(list)? else { return Ok(None) };
        let read = list.iter().map(|text| read(text.get_ref()).ok_or_else(|| self.wrong(text, wanted)));
        Ok(Some(read.collect::<Result<_, _>>()?))
    }
}

/// What a tag is, for people.
pub(crate) const TAG: &str = "a tag is a word of lower-case letters, digits and dashes";

/// Reads a word as the issuer writes retention and residency.
pub(crate) fn tag(text: &str) -> Option<String> {
    let is_word = !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    is_word.then(|| text.to_owned())
}

fn method(text: &str) -> Option<Method> {
    [Method::GET, Method::HEAD, Method::POST, Method::DELETE].into_iter().find(|method| method == text)
}
