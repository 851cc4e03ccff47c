//! The pages of workspaces.

use crate::text::{TEXT, Words};
use askama::Template;

/// What an operator types where no letters are sent.
const INVITE_COMMAND: &str = "keyfob-issuer workspace invite";

/// A workspace to choose, or why it cannot be.
pub(crate) struct OfferedWorkspace<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) is_marked: bool,
    pub(crate) refusal: Option<Words>,
}

/// Which workspace, or that there is none.
#[derive(Template)]
#[template(path = "choose_workspace.html")]
pub(crate) struct ChooseWorkspacePage<'a> {
    pub(crate) place: String,
    pub(crate) action: String,
    pub(crate) csrf: String,
    pub(crate) refuse_action: String,
    pub(crate) refuse_csrf: String,
    pub(crate) client: &'a str,
    pub(crate) email: &'a str,
    /// The code of the device that is let in, if one is.
    pub(crate) user_code: Option<&'a str>,
    pub(crate) can_choose: bool,
    pub(crate) offers: Vec<OfferedWorkspace<'a>>,
}

/// An invitation, to somebody who can accept it, or has to do something first.
#[derive(Template)]
#[template(path = "join.html")]
pub(crate) struct JoinPage<'a> {
    pub(crate) csrf: String,
    pub(crate) workspace: &'a str,
    pub(crate) email: &'a str,
    pub(crate) role: Words,
    /// Who sits here instead of who is invited.
    pub(crate) other: Option<&'a str>,
    pub(crate) signs_up: bool,
    pub(crate) problem: Option<String>,
}

/// Somebody is in the workspace now.
#[derive(Template)]
#[template(path = "joined.html")]
pub(crate) struct JoinedPage<'a> {
    pub(crate) workspace: &'a str,
    pub(crate) email: &'a str,
}

/// The workspaces that somebody looks after, each by its id and name.
#[derive(Template)]
#[template(path = "workspaces.html")]
pub(crate) struct WorkspacesPage<'a> {
    pub(crate) email: &'a str,
    pub(crate) workspaces: Vec<(&'a str, &'a str)>,
}

/// One of them.
#[derive(Template)]
#[template(path = "workspace.html")]
pub(crate) struct WorkspacePage<'a> {
    pub(crate) csrf: String,
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) is_shared: bool,
    pub(crate) sends_letters: bool,
    pub(crate) problem: Option<String>,
    pub(crate) settings: Vec<ShownSetting>,
    pub(crate) members: Vec<ShownMember<'a>>,
    pub(crate) invitations: Vec<ShownInvitation<'a>>,
    /// As what the person may invite somebody.
    pub(crate) roles: Vec<RoleChoice>,
}

/// A setting of a workspace.
pub(crate) struct ShownSetting {
    pub(crate) key: &'static str,
    pub(crate) label: Words,
    pub(crate) hint: Words,
    pub(crate) value: String,
    pub(crate) may_change: bool,
}

/// Somebody in a workspace.
pub(crate) struct ShownMember<'a> {
    pub(crate) subject: &'a str,
    pub(crate) email: &'a str,
    pub(crate) role: Words,
    /// What is to be said of their account.
    pub(crate) status: Option<Words>,
    pub(crate) is_self: bool,
    pub(crate) may_remove: bool,
    /// What they may be made.
    pub(crate) roles: Vec<RoleChoice>,
}

/// What somebody may be made.
pub(crate) struct RoleChoice {
    pub(crate) word: &'static str,
    pub(crate) shown: Words,
    /// Whether they are it.
    pub(crate) is_now: bool,
}

/// Somebody who is asked into a workspace.
pub(crate) struct ShownInvitation<'a> {
    pub(crate) id: String,
    pub(crate) email: &'a str,
    pub(crate) role: Words,
    pub(crate) ends: String,
}
