//! Whether a stored login may be ended: one of another issuer stays unless the person says otherwise (design D14).

use crate::home::Home;
use crate::signed_in_at;
use crate::store::{Digest, StoreError};
use crate::written_here;
use keyfob_codex::auth_file::Login;
use keyfob_codex::client::UNNAMED_ISSUER;
use keyfob_oauth::IssuerUrl;

/// What a logout may end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ends {
    /// Logins of some issuers, and what was stored here by us.
    Ours(Ours),
    /// The document with this digest and no other, because it breaks a restriction.
    Document(Digest),
    /// Anything, because the person said so.
    Anything,
}

/// What counts as ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ours {
    issuers: Vec<IssuerUrl>,
    /// The digest of the document that this home wrote last, in hexadecimal.
    written: Option<String>,
}

impl Ends {
    /// Logins of these issuers, of those where somebody signed in from this home with us, and what was stored here by us.
    pub fn of_issuers(issuers: Vec<IssuerUrl>) -> Self {
        Self::Ours(Ours { issuers, written: None })
    }

    /// Adds what `home` knows to be ours.
    pub(crate) fn with_noted(self, home: &Home) -> Result<Self, StoreError> {
        Ok(match self {
            Self::Ours(Ours { mut issuers, .. }) => {
                issuers.extend(signed_in_at::issuers(home)?);
                Self::Ours(Ours { issuers, written: written_here::noted(home) })
            }
            Self::Document(digest) => Self::Document(digest),
            Self::Anything => Self::Anything,
        })
    }
}

/// Nothing was signed out.
#[derive(Debug, thiserror::Error)]
pub enum SignOutError {
    /// The stored login is of an issuer that nobody named.
    #[error("the stored login is of {0}, where nobody signed in with keyfob")]
    OtherIssuer(String),
    /// The stored login is of a kind that we do not handle; the name is the kind's.
    #[error("the stored login is of a kind ({0}) that keyfob does not handle")]
    OtherKind(String),
    /// The store cannot be used, or still holds the login.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Says whether `login`, in the document with this digest, may be ended.
///
/// A key or token that somebody else stored counts as one of the issuer of logins that name none.
pub(crate) fn admit(login: &Login, digest: Digest, ends: &Ends) -> Result<(), SignOutError> {
    let Ours { issuers, written } = match ends {
        Ends::Anything => return Ok(()),
        Ends::Document(wanted) if *wanted == digest => return Ok(()),
        Ends::Document(_) => return Err(SignOutError::Store(StoreError::Changed)),
        Ends::Ours(ours) => ours,
    };
    let named = match login {
        Login::Foreign(kind) => return Err(SignOutError::OtherKind(kind.clone())),
        Login::ApiKey | Login::AccessToken(_) if *written == Some(digest.to_hex()) => return Ok(()),
        Login::ApiKey | Login::AccessToken(_) => None,
        Login::Account(tokens) => tokens.provenance.as_ref().map(|from| from.issuer.as_str()),
    };
    let issuer = named.unwrap_or(UNNAMED_ISSUER);
    if issuers.iter().any(|known| known.as_str() == issuer) {
        Ok(())
    } else {
        Err(SignOutError::OtherIssuer(issuer.to_owned()))
    }
}
