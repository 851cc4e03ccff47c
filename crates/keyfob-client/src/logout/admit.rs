//! Whether a stored login may be ended: one of another issuer stays unless the person says otherwise (design D14).

use crate::home::Home;
use crate::signed_in_at;
use crate::store::StoreError;
use keyfob_codex::auth_file::Login;
use keyfob_codex::client::UNNAMED_ISSUER;
use keyfob_oauth::IssuerUrl;

/// What a logout may end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ends {
    /// Logins of these issuers, and of those where somebody signed in from this home with us.
    OfIssuers(Vec<IssuerUrl>),
    /// Anything, because the person said so.
    Anything,
}

impl Ends {
    /// Adds the issuers where somebody signed in from `home` with us.
    pub(crate) fn with_noted(self, home: &Home) -> Result<Self, StoreError> {
        Ok(match self {
            Self::OfIssuers(mut issuers) => {
                issuers.extend(signed_in_at::issuers(home)?);
                Self::OfIssuers(issuers)
            }
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

/// Says whether `login` may be ended; a key counts as one of the issuer of logins that name none.
pub(crate) fn admit(login: &Login, ends: &Ends) -> Result<(), SignOutError> {
    let Ends::OfIssuers(issuers) = ends else { return Ok(()) };
    let named = match login {
        Login::Foreign(kind) => return Err(SignOutError::OtherKind(kind.clone())),
        Login::ApiKey => None,
        Login::Account(tokens) => tokens.provenance.as_ref().map(|from| from.issuer.as_str()),
    };
    let issuer = named.unwrap_or(UNNAMED_ISSUER);
    if issuers.iter().any(|known| known.as_str() == issuer) {
        Ok(())
    } else {
        Err(SignOutError::OtherIssuer(issuer.to_owned()))
    }
}
