//! What is stored, told without asking anybody.

use crate::account::Account;
use crate::store::{CredentialStore, StoreError};
use keyfob_codex::auth_file::Login;
use keyfob_jose::{Lifetime, read_unverified};
use keyfob_oauth::{AccessToken, ClientId, IssuerUrl, Scope, Timestamp, WorkspaceId};

/// What is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing.
    SignedOut,
    /// An API key.
    ApiKey,
    /// A personal access token; whose it is and until when, only its issuer knows.
    AccessToken,
    /// A kind of login that we show and do not use.
    Foreign(String),
    /// An account.
    Account(Box<AccountStatus>),
}

/// A stored account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountStatus {
    /// Whose it is, as far as the stored ID token says.
    pub account: Account,
    /// Who issued it; absent in files of older builds of the Codex CLI.
    pub issuer: Option<IssuerUrl>,
    /// To which client.
    pub client_id: Option<ClientId>,
    /// When the access token was made, if it says so.
    pub access_token_made: Option<Timestamp>,
    /// When the access token ends, if it says so.
    pub access_token_expires: Option<Timestamp>,
    /// Whether there is a token to refresh it with.
    pub refreshable: bool,
    /// When the tokens were last written.
    pub last_refresh: Option<Timestamp>,
}

/// What an access token says of itself; nobody has verified it, so this is good for showing only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenFacts {
    /// Who made it, if it names somebody who can be asked.
    pub issuer: Option<IssuerUrl>,
    /// When it ends.
    pub expires: Option<Timestamp>,
    /// What it is bound to.
    pub workspace: Option<WorkspaceId>,
    /// What it may be used for (RFC 9068 §2.2.3).
    pub scope: Scope,
}

impl TokenFacts {
    /// Reads a token; one that is no JWT says nothing.
    pub fn unverified(token: &AccessToken) -> Self {
        read_unverified(token.expose()).map_or_else(Self::default, |claims| Self {
            scope: Scope::parse(claims.text("scope").unwrap_or_default()).unwrap_or_default(),
            issuer: claims.text("iss").and_then(|issuer| IssuerUrl::parse(issuer).ok()),
            expires: claims.time("exp"),
            workspace: Account::from_claims(&claims).workspace,
        })
    }
}

impl Status {
    /// Reads the store.
    pub fn read(store: &dyn CredentialStore) -> Result<Self, StoreError> {
        let Some(login) = store.login()? else { return Ok(Self::SignedOut) };
        Ok(match login {
            Login::ApiKey => Self::ApiKey,
            Login::AccessToken(_) => Self::AccessToken,
            Login::Foreign(kind) => Self::Foreign(kind),
            Login::Account(tokens) => {
                let lifetime = Lifetime::read_unverified(tokens.access_token.expose());
                let account = Account::of_stored(&tokens);
                let (issuer, client_id) = tokens.provenance.map(|from| (from.issuer, from.client_id)).unzip();
                Self::Account(Box::new(AccountStatus {
                    account,
                    issuer,
                    client_id,
                    access_token_made: lifetime.and_then(|lifetime| lifetime.issued),
                    access_token_expires: lifetime.and_then(|lifetime| lifetime.expires),
                    refreshable: tokens.refresh_token.is_some(),
                    last_refresh: tokens.last_refresh,
                }))
            }
        })
    }
}
