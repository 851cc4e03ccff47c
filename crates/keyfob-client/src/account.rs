//! Who a login belongs to.

use keyfob_codex::auth_file::AccountTokens;
use keyfob_codex::claims::{AuthClaims, NAMESPACE};
use keyfob_jose::{Claims, read_unverified};
use keyfob_oauth::{IdToken, Subject, WorkspaceId, text};

/// The user and workspace that an ID token names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The issuer's name for the user.
    pub subject: Option<Subject>,
    /// For showing only.
    pub email: Option<String>,
    /// What the tokens are bound to.
    pub workspace: Option<WorkspaceId>,
    /// For showing only.
    pub plan: Option<String>,
}

impl Account {
    /// Reads the account from claims.
    pub(crate) fn from_claims(claims: &Claims) -> Self {
        let codex = AuthClaims::from_claim(claims.get(NAMESPACE));
        Self {
            subject: claims.text("sub").map(Subject::new),
            email: claims.text("email").map(text::printable),
            workspace: codex.chatgpt_account_id.as_deref().map(text::printable).map(WorkspaceId::new),
            plan: codex.chatgpt_plan_type.as_deref().map(text::printable),
        }
    }

    /// Reads the account of a stored login; its ID token was verified when it was stored by us, and may have been
    /// edited since, so this is good for showing only.
    pub fn of_stored(tokens: &AccountTokens) -> Self {
        let mut account = Self::of_unverified(&tokens.id_token);
        account.workspace = account
            .workspace
            .or_else(|| tokens.account_id.as_deref().map(text::printable).map(WorkspaceId::new));
        account
    }

    pub(crate) fn of_unverified(token: &IdToken) -> Self {
        Self::of_readable(token).unwrap_or_default()
    }

    /// As [`Account::of_unverified`], of a token that can be read.
    pub(crate) fn of_readable(token: &IdToken) -> Option<Self> {
        read_unverified(token.expose()).map(|claims| Self::from_claims(&claims))
    }

    /// Whether both name the same user in the same workspace, as far as both say (security C-59).
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        fn agree<T: PartialEq>(a: Option<&T>, b: Option<&T>) -> bool {
            a.zip(b).is_none_or(|(a, b)| a == b)
        }
        agree(self.subject.as_ref(), other.subject.as_ref())
            && agree(self.workspace.as_ref(), other.workspace.as_ref())
    }
}
