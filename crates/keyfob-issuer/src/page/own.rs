//! The pages of one's own sessions and keys.

use crate::text::{TEXT, Words};
use askama::Template;

/// Where somebody's programs are signed in.
#[derive(Template)]
#[template(path = "sessions.html")]
pub(crate) struct SessionsPage {
    pub(crate) csrf: String,
    pub(crate) sessions: Vec<ListedSessionRow>,
}

/// One of these sessions.
pub(crate) struct ListedSessionRow {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) client: String,
    pub(crate) tool: Option<String>,
    pub(crate) machine: Option<String>,
    pub(crate) place: Option<String>,
    pub(crate) since: String,
    pub(crate) last_used: String,
}

/// Keys that somebody made for programs.
#[derive(Template)]
#[template(path = "keys.html")]
pub(crate) struct KeysPage<'a> {
    pub(crate) csrf: String,
    pub(crate) workspace: &'a str,
    /// Why none was made.
    pub(crate) problem: Option<Words>,
    pub(crate) keys: Vec<KeyRow<'a>>,
    /// What a new one may be given.
    pub(crate) choices: Vec<ScopeChoice>,
}

/// One of these keys.
pub(crate) struct KeyRow<'a> {
    pub(crate) id: String,
    pub(crate) label: &'a str,
    pub(crate) kind: Words,
    pub(crate) ending: &'a str,
    pub(crate) scope: String,
    pub(crate) models: Option<String>,
    pub(crate) made: String,
    pub(crate) ends: Option<String>,
    pub(crate) last_used: Option<String>,
}

/// A word of the scope that a key may carry.
pub(crate) struct ScopeChoice {
    pub(crate) field: String,
    pub(crate) meaning: Words,
}

/// A key, shown once.
#[derive(Template)]
#[template(path = "key_made.html")]
pub(crate) struct KeyMadePage<'a> {
    pub(crate) label: &'a str,
    pub(crate) secret: &'a str,
    pub(crate) next: &'a str,
}

/// Sign out of this browser?
#[derive(Template)]
#[template(path = "logout.html")]
pub(crate) struct LogoutPage<'a> {
    pub(crate) csrf: String,
    pub(crate) action: &'a str,
    /// Which program asks, if that is known.
    pub(crate) client: Option<&'a str>,
    pub(crate) email: &'a str,
    /// Whether the program means somebody else.
    pub(crate) is_other: bool,
    /// Where the browser goes then.
    pub(crate) to: Option<&'a str>,
    pub(crate) state: Option<&'a str>,
}

/// Nobody is signed in any more.
#[derive(Template)]
#[template(path = "signed_out.html")]
pub(crate) struct SignedOutPage;
