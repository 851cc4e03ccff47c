//! The rules of the matrix, and what each says of each kind, written down apart from the program.

use super::machine::Place;

/// One rule in one place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) place: Place,
    pub(crate) key: &'static str,
    pub(crate) text: &'static str,
    pub(crate) line: usize,
    /// Whether it lets keys, and accounts, be used.
    pub(crate) keys: bool,
    pub(crate) accounts: bool,
    /// The workspaces, in the order of messages, if it restricts them.
    pub(crate) workspaces: Option<&'static [&'static str]>,
    /// The issuer, if it names one.
    pub(crate) issuer: Option<&'static str>,
}

/// What is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    Nothing,
    Key,
    /// Of an issuer, if anybody can say, and of a workspace: one, none, or nobody can say.
    Account(Option<&'static str>, Workspace),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workspace {
    Of(&'static str),
    None,
    Unknown,
}

/// What is to come of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allowed,
    Broken { words: String, next: &'static str },
    Unverified,
}

/// Another issuer than any login of the matrix is of.
pub(crate) const OTHER: &str = "http://127.0.0.1:2";

const fn method(place: Place, key: &'static str, text: &'static str, keys: bool) -> Rule {
    Rule { place, key, text, line: 1, keys, accounts: !keys, workspaces: None, issuer: None }
}

const fn workspaces(
    place: Place,
    key: &'static str,
    text: &'static str,
    ids: &'static [&'static str],
) -> Rule {
    Rule { place, key, text, line: 1, keys: true, accounts: true, workspaces: Some(ids), issuer: None }
}

/// Returns every rule in every place that can hold it.
pub(crate) fn rules() -> Vec<Rule> {
    const METHODS: &str = "allowed_login_methods";
    const WORKSPACES: &str = "allowed_chatgpt_workspaces";
    let requirements = Place::Requirements;
    let mut rules = vec![
        method(requirements, METHODS, "allowed_login_methods = [\"chatgpt\"]\n", false),
        method(requirements, METHODS, "allowed_login_methods = [\"api\"]\n", true),
        workspaces(requirements, WORKSPACES, "allowed_chatgpt_workspaces = [\"w-1\"]\n", &["w-1"]),
        workspaces(
            requirements,
            WORKSPACES,
            "allowed_chatgpt_workspaces = [\"w-3\", \"w-2\"]\n",
            &["w-2", "w-3"],
        ),
        Rule {
            issuer: Some(OTHER),
            line: 2,
            workspaces: None,
            ..workspaces(requirements, "keyfob.issuer", "[keyfob]\nissuer = \"http://127.0.0.1:2\"\n", &[])
        },
    ];
    for place in [Place::Managed, Place::Flag, Place::User, Place::System] {
        const METHOD: &str = "forced_login_method";
        const WORKSPACE: &str = "forced_chatgpt_workspace_id";
        rules.extend([
            method(place, METHOD, "forced_login_method = \"chatgpt\"\n", false),
            method(place, METHOD, "forced_login_method = \"api\"\n", true),
            workspaces(place, WORKSPACE, "forced_chatgpt_workspace_id = \"w-1\"\n", &["w-1"]),
            workspaces(
                place,
                WORKSPACE,
                "forced_chatgpt_workspace_id = [\"w-2\", \"w-3\"]\n",
                &["w-2", "w-3"],
            ),
        ]);
    }
    rules
}

impl Rule {
    pub(crate) fn verdict(&self, credential: Credential) -> Verdict {
        let broken = |words: String, next| Verdict::Broken { words, next };
        let (issuer, workspace) = match credential {
            Credential::Nothing => return Verdict::Allowed,
            Credential::Key if self.keys => return Verdict::Allowed,
            Credential::Key => {
                let words = "ChatGPT login is required, but an API key is currently being used.";
                return broken(words.into(), "sign in with an account: `keyfob login`");
            }
            Credential::Account(..) if !self.accounts => {
                let words = "API key login is required, but ChatGPT is currently being used.";
                return broken(words.into(), "sign in with an API key: `keyfob login --with-api-key`");
            }
            Credential::Account(issuer, workspace) => (issuer, workspace),
        };
        let Some(issuer) = issuer else {
            let is_restricted = self.issuer.is_some() || self.workspaces.is_some();
            return if is_restricted { Verdict::Unverified } else { Verdict::Allowed };
        };
        if let Some(required) = self.issuer.filter(|required| *required != issuer) {
            let words =
                format!("Accounts sign in at {required} here, but current credentials are of {issuer}.");
            return broken(words, "sign in there: `keyfob login`");
        }
        let Some(allowed) = self.workspaces else { return Verdict::Allowed };
        let end = match workspace {
            Workspace::Unknown => return Verdict::Unverified,
            Workspace::Of(id) if allowed.contains(&id) => return Verdict::Allowed,
            Workspace::Of(id) => format!("belong to {id}."),
            Workspace::None => "lack a workspace identifier.".into(),
        };
        let ids = allowed.join(", ");
        broken(
            format!("Login is restricted to workspace(s) {ids}, but current credentials {end}"),
            "sign in to an allowed workspace: `keyfob login`",
        )
    }

    /// What a message says of who wrote it.
    pub(crate) fn says_so(&self) -> String {
        let whose = if self.place.is_administrators() {
            ", which whoever administers this computer wrote"
        } else {
            ""
        };
        format!("`{}` in {} says so{whose}", self.key, self.place.named(self.line))
    }
}
