//! `workspace`, in words.

use crate::args::Place;
use crate::say;
use crate::system::{SystemClock, SystemEntropy};
use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use keyfob_issuer::command::workspace;
use keyfob_issuer_core::operation::WorkspaceView;
use keyfob_issuer_core::user::Email;
use keyfob_issuer_core::workspace::{
    Role, Setting, SettingKey, Word as _, Workspace as Entity, WorkspaceKind, WorkspaceName,
};
use keyfob_issuer_sql::Effect;
use keyfob_oauth::WorkspaceId;
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(crate) enum Workspace {
    /// Make a workspace that several people share
    Add {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        rehearsal: Rehearsal,
        /// The e-mail address of its first owner, who has an account
        #[arg(long, value_name = "EMAIL")]
        owner: String,
        /// What people call it
        name: String,
    },
    /// Print identifier, kind and name of each
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Print settings, members and open invitations of one
    Show {
        #[command(flatten)]
        place: Place,
        /// Its identifier
        id: String,
    },
    /// Say what somebody with an account is in one, or remove them with everything that they have in it
    Member {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        rehearsal: Rehearsal,
        /// Its identifier
        id: String,
        /// Whose e-mail address
        email: String,
        #[command(flatten)]
        change: Change,
    },
    /// Print a link by which somebody joins one, once, within a week; with or without an account
    Invite {
        #[command(flatten)]
        place: Place,
        /// As what they join
        #[arg(long, default_value = "member")]
        role: RoleWord,
        /// Its identifier
        id: String,
        /// Whose e-mail address
        email: String,
    },
    /// Print the settings of one, after changing those that are named
    Policy {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        rehearsal: Rehearsal,
        /// Its identifier
        id: String,
        /// Which setting gets which value, for instance mfa=always
        #[arg(value_name = "SETTING=VALUE")]
        settings: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Rehearsal {
    /// Check everything and change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Change {
    /// As what
    #[arg(long)]
    role: Option<RoleWord>,
    /// Out of it
    #[arg(long)]
    remove: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum RoleWord {
    Member,
    Admin,
    Owner,
}

impl From<RoleWord> for Role {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Member => Self::Member,
            RoleWord::Admin => Self::Admin,
            RoleWord::Owner => Self::Owner,
        }
    }
}

impl Rehearsal {
    fn effect(&self) -> Effect {
        if self.dry_run { Effect::Rehearsed } else { Effect::Kept }
    }

    /// Says what was done, or would have been.
    fn say(&self, done: &str) {
        let rehearsed = if self.dry_run { " (not done: --dry-run)" } else { "" };
        say(&format!("keyfob-issuer: {done}{rehearsed}"));
    }
}

pub(crate) async fn run(command: Workspace) -> anyhow::Result<()> {
    match command {
        Workspace::Add { place, rehearsal, owner, name } => {
            let owner = Email::parse(&owner).with_context(|| format!("--owner {owner}"))?;
            let name = WorkspaceName::parse(&name).context("the name holds nothing that can be shown")?;
            let effect = rehearsal.effect();
            let made = workspace::add(&place.data, name, &owner, effect, &SystemClock, &SystemEntropy);
            let made = made.await?;
            rehearsal.say(&format!("made the workspace {}, owned by {owner}", made.name));
            place.print(made.id.as_str(), json!({ "workspace": described(&made) }))
        }
        Workspace::List { place } => {
            let workspaces = workspace::list(&place.data).await?;
            let line =
                |workspace: &Entity| format!("{}\t{}\t{}", workspace.id, kind(workspace), workspace.name);
            let described: Vec<Value> = workspaces.iter().map(described).collect();
            let lines: Vec<String> = workspaces.iter().map(line).collect();
            place.print(&lines.join("\n"), json!({ "workspaces": described }))
        }
        Workspace::Show { place, id } => {
            let view = workspace::show(&place.data, &WorkspaceId::new(id), &SystemClock).await?;
            place.print(&view_lines(&view).join("\n"), view_json(&view))
        }
        Workspace::Member { place, rehearsal, id, email, change } => {
            let (id, effect) = (WorkspaceId::new(id), rehearsal.effect());
            let email = Email::parse(&email).with_context(|| email.clone())?;
            let role = if let Some(role) = change.role.map(Role::from) {
                workspace::set_member(&place.data, &id, &email, role, effect, &SystemClock).await?;
                rehearsal.say(&format!("{email} is {} of {id}", role.as_str()));
                Some(role.as_str())
            } else {
                workspace::drop_member(&place.data, &id, &email, effect, &SystemClock).await?;
                rehearsal.say(&format!("removed {email} from {id}, with everything they had in it"));
                None
            };
            place.print("", json!({ "email": email.as_str(), "role": role }))
        }
        Workspace::Invite { place, role, id, email } => {
            let (id, role) = (WorkspaceId::new(id), role.into());
            let email = Email::parse(&email).with_context(|| email.clone())?;
            let handed = workspace::invite(&place.data, &id, &email, role, &SystemClock, &SystemEntropy);
            let handed = handed.await?;
            say(&format!("keyfob-issuer: {email} joins there, once, within a week; hand it to nobody else"));
            let ends = moment(handed.invited.invitation.expires_at);
            let link = handed.link.expose();
            place.print(link, json!({ "link": link, "email": email.as_str(), "expires_at": ends }))
        }
        Workspace::Policy { place, rehearsal, id, settings } => {
            let parse = |text: &String| {
                let pair = text.split_once('=').with_context(|| format!("{text}: not SETTING=VALUE"))?;
                Ok(Setting::parse(pair.0, pair.1)?)
            };
            let settings = settings.iter().map(parse).collect::<anyhow::Result<Vec<_>>>()?;
            let id = WorkspaceId::new(id);
            let changed =
                workspace::set_policy(&place.data, &id, &settings, rehearsal.effect(), &SystemClock).await?;
            if !settings.is_empty() {
                rehearsal.say(&format!("changed {}", changed.name));
            }
            place.print(&setting_lines(&changed).join("\n"), json!({ "settings": settings_json(&changed) }))
        }
    }
}

fn kind(workspace: &Entity) -> &'static str {
    match workspace.kind {
        WorkspaceKind::Personal(_) => "personal",
        WorkspaceKind::Shared => "shared",
    }
}

fn described(workspace: &Entity) -> Value {
    json!({ "id": workspace.id.as_str(), "kind": kind(workspace), "name": workspace.name.as_str() })
}

fn setting_lines(workspace: &Entity) -> Vec<String> {
    let line = |key: &SettingKey| format!("{}={}", key.as_str(), key.value_in(workspace));
    SettingKey::ALL.iter().map(line).collect()
}

fn settings_json(workspace: &Entity) -> Value {
    let pair = |key: &SettingKey| (key.as_str().to_owned(), key.value_in(workspace).into());
    Value::Object(SettingKey::ALL.iter().map(pair).collect())
}

fn view_lines(view: &WorkspaceView) -> Vec<String> {
    let mut lines = setting_lines(&view.workspace);
    lines.extend(view.members.iter().map(|member| {
        format!("member\t{}\t{}\t{}", member.email, member.role.as_str(), member.status.as_str())
    }));
    lines.extend(view.invitations.iter().map(|invitation| {
        let ends = moment(invitation.expires_at);
        format!("invitation\t{}\t{}\t{ends}", invitation.email, invitation.role.as_str())
    }));
    lines
}

fn view_json(view: &WorkspaceView) -> Value {
    let members = view.members.iter().map(|member| {
        json!({
            "subject": member.subject.as_str(), "email": member.email.as_str(), "name": member.name,
            "role": member.role.as_str(), "status": member.status.as_str(),
            "joined_at": moment(member.joined_at),
        })
    });
    let invitations = view.invitations.iter().map(|invitation| {
        json!({
            "id": invitation.id.to_string(), "email": invitation.email.as_str(),
            "role": invitation.role.as_str(), "expires_at": moment(invitation.expires_at),
        })
    });
    json!({
        "workspace": described(&view.workspace),
        "settings": settings_json(&view.workspace),
        "members": members.collect::<Vec<_>>(),
        "invitations": invitations.collect::<Vec<_>>(),
    })
}

fn moment(time: keyfob_oauth::Timestamp) -> String {
    Timestamp::from_second(time.as_unix()).map(|time| time.to_string()).unwrap_or_default()
}
