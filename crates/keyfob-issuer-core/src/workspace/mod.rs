//! What tokens are bound to: workspaces, who is in them, and what their administrators decide (design S4).

mod invitation;
mod policy;
mod role;
mod setting;
mod words;

pub use invitation::Invitation;
pub use policy::{ApiKeyPolicy, DevicePolicy, Policy, SessionLength, SignInMethod, Tag};
pub use role::{Permission, Role};
pub use setting::{InvalidSetting, Setting, SettingKey};
pub use words::{Word, WordSet};

use crate::user::{Email, UserStatus};
use keyfob_oauth::{Subject, Timestamp, WorkspaceId, text};

/// What tokens are bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// The claim `workspace_id`, and in the Codex dialect `chatgpt_account_id`.
    pub id: WorkspaceId,
    /// What people are shown.
    pub name: WorkspaceName,
    /// Whom it is for.
    pub kind: WorkspaceKind,
    /// What holds for whoever signs in to it.
    pub policy: Policy,
    /// What holds for its API keys.
    pub organisation: ApiOrganisation,
}

/// Whom a workspace is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkspaceKind {
    /// One person, who has it for as long as they are here; nobody joins it and nobody leaves it.
    Personal(Subject),
    /// Whoever is invited.
    Shared,
}

impl Workspace {
    /// Makes a workspace as it is until somebody changes it.
    pub fn new(id: WorkspaceId, name: WorkspaceName, kind: WorkspaceKind) -> Self {
        let policy = match kind {
            WorkspaceKind::Personal(_) => Policy::personal(),
            WorkspaceKind::Shared => Policy::shared(),
        };
        Self { id, name, kind, policy, organisation: ApiOrganisation::default() }
    }

    /// Whether it is one person's own.
    pub const fn is_personal(&self) -> bool {
        match self.kind {
            WorkspaceKind::Personal(_) => true,
            WorkspaceKind::Shared => false,
        }
    }
}

/// What a workspace is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceName(String);

/// No name is longer.
const LONGEST_NAME: usize = 64;

impl WorkspaceName {
    /// Takes a name, cleaned and cut; nothing is left of one that is empty then.
    pub fn parse(given: &str) -> Option<Self> {
        let shown: String = text::printable(given).trim().chars().take(LONGEST_NAME).collect();
        (!shown.is_empty()).then_some(Self(shown))
    }

    /// Takes a name that was taken before.
    pub const fn from_stored(name: String) -> Self {
        Self(name)
    }

    /// Returns what the workspace that everybody has is called.
    pub fn personal() -> Self {
        Self("Personal".to_owned())
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for WorkspaceName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who pays for the API keys of a workspace, and what may be done with what they send (design S4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiOrganisation {
    /// How long what is sent may be kept, in the words of whoever runs the models.
    pub retention: Option<Tag>,
    /// Whether what is sent may be used beyond the answer.
    pub data_sharing: DataSharing,
}

/// Whether what API keys send may be used beyond the answer, to train models for instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DataSharing {
    /// It may not.
    #[default]
    Off,
    /// It may.
    On,
}

impl Word for DataSharing {
    const ALL: &'static [Self] = &[Self::Off, Self::On];

    fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
        }
    }
}

/// A workspace, and what somebody is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Which.
    pub workspace: Workspace,
    /// As what.
    pub role: Role,
}

/// Somebody in a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub subject: Subject,
    /// Their address.
    pub email: Email,
    /// What they are called.
    pub name: String,
    /// Whether they may sign in at all.
    pub status: UserStatus,
    /// As what.
    pub role: Role,
    /// Since when.
    pub joined_at: Timestamp,
}

/// The workspaces that a client takes tokens for: the parameter `allowed_workspace_id` (I-73).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AllowedWorkspaces {
    /// Every one.
    #[default]
    Any,
    /// These.
    Only(Vec<WorkspaceId>),
}

/// A list of workspaces cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a list of at most {MOST_ALLOWED} workspace ids with commas between them")]
pub struct InvalidWorkspaces;

/// No list is longer, and no id in it.
const MOST_ALLOWED: usize = 50;
const LONGEST_ID: usize = 64;

impl AllowedWorkspaces {
    /// Parses ids with commas between them; blanks around one do not matter. A list that names none is no list.
    pub fn parse(text: &str) -> Result<Self, InvalidWorkspaces> {
        let mut ids: Vec<WorkspaceId> = Vec::new();
        for id in text.split(',').map(str::trim).filter(|id| !id.is_empty()) {
            if id.len() > LONGEST_ID || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(InvalidWorkspaces);
            }
            let id = WorkspaceId::new(id);
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        if ids.is_empty() || ids.len() > MOST_ALLOWED { Err(InvalidWorkspaces) } else { Ok(Self::Only(ids)) }
    }

    /// Whether tokens for `id` are taken.
    pub fn contains(&self, id: &WorkspaceId) -> bool {
        match self {
            Self::Any => true,
            Self::Only(ids) => ids.contains(id),
        }
    }

    /// Returns the list, as it is parsed; nothing where every workspace will do.
    pub fn to_text(&self) -> Option<String> {
        match self {
            Self::Any => None,
            Self::Only(ids) => Some(ids.iter().map(WorkspaceId::as_str).collect::<Vec<_>>().join(",")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i_73_a_list_of_workspaces_is_read_strictly_and_never_as_every_workspace() {
        let only =
            |ids: &[&str]| Ok(AllowedWorkspaces::Only(ids.iter().map(|id| WorkspaceId::new(*id)).collect()));

        assert_eq!(AllowedWorkspaces::parse("a"), only(&["a"]));
        assert_eq!(AllowedWorkspaces::parse(" a ,b,,a"), only(&["a", "b"]));
        for bad in ["", ",", " , ", "a b", "a,\u{e9}", &"x".repeat(65), &["x,", &many(51)].concat()] {
            assert_eq!(AllowedWorkspaces::parse(bad), Err(InvalidWorkspaces), "{bad:?}");
        }
        let list = AllowedWorkspaces::parse("b, a").unwrap();
        assert_eq!(AllowedWorkspaces::parse(&list.to_text().unwrap()), Ok(list.clone()));
        assert!(list.contains(&WorkspaceId::new("a")) && !list.contains(&WorkspaceId::new("c")));
        assert!(AllowedWorkspaces::Any.contains(&WorkspaceId::new("c")));
        assert_eq!(AllowedWorkspaces::Any.to_text(), None);
    }

    fn many(ids: usize) -> String {
        (0..ids).map(|id| id.to_string()).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn a_workspace_is_called_by_what_can_be_shown() {
        assert_eq!(WorkspaceName::parse(" Blue\u{202e} Team\u{7} ").unwrap().as_str(), "Blue Team");
        assert_eq!(WorkspaceName::parse("\u{7}"), None);
        assert_eq!(WorkspaceName::parse(&"x".repeat(99)).unwrap().as_str().len(), 64);
    }
}
