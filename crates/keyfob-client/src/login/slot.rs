//! Whether a new login may take the place of what is stored (design D4 and D14).

use super::Brought;
use crate::account::Account;
use crate::store::{Location, Slot};
use crate::superseded::OldSession;
use keyfob_codex::auth_file::{AccountTokens, AuthFile, InvalidAuthFile, Login, Outline};
use keyfob_codex::client::UNNAMED_ISSUER;
use keyfob_oauth::IssuerUrl;

/// What a new login may take the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replace {
    /// Nothing, or a login of the same issuer.
    SameIssuer,
    /// The same; where a login of another issuer or kind is in the place, the new one is kept beside it.
    ElseBeside,
    /// Anything, because the person said so.
    Anything,
}

/// The place is taken by something that is not overwritten unasked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Occupied {
    /// A login of another issuer.
    #[error("a login of {0} is stored in the place that the new one would take")]
    OtherIssuer(IssuerUrl),
    /// A login of somebody else at the same issuer.
    #[error("the login of {} is stored in the place that the one of {} would take", .stored, .new)]
    OtherAccount {
        /// Whose is stored.
        stored: String,
        /// Who has just signed in.
        new: String,
    },
    /// A login of another kind; the name is the kind's.
    #[error("a login of another kind ({0}) is stored in the place that the new one would take")]
    OtherKind(String),
    /// A document that no login of ours is like; a later release may have written it.
    #[error("what is stored in {0} is not understood, and the new login would take its place")]
    NotUnderstood(Location),
}

impl Occupied {
    /// Whether the new login is rather kept beside what is stored (design D14).
    ///
    /// A login of somebody else at the same issuer may have been sent by whoever saw the address (security C-17), so it
    /// is not passed over in silence.
    pub(super) const fn calls_for_another_place(&self) -> bool {
        match self {
            Self::OtherIssuer(_) | Self::OtherKind(_) | Self::NotUnderstood(_) => true,
            Self::OtherAccount { .. } => false,
        }
    }
}

/// Says whether a login of `issuer` may take the place.
pub(super) fn admit(slot: &Slot, issuer: &IssuerUrl, replace: Replace) -> Result<(), Occupied> {
    match holder(slot, replace)? {
        None => Ok(()),
        Some(Login::Account(tokens)) if issuer_of(&tokens).as_ref() == Some(issuer) => Ok(()),
        Some(other) => Err(occupied(other)),
    }
}

/// Says whether what a person brings may take the place: that of its like alone.
pub(super) fn admit_brought(slot: &Slot, brought: &Brought, replace: Replace) -> Result<(), Occupied> {
    match (holder(slot, replace)?, brought) {
        (None, _)
        | (Some(Login::ApiKey), Brought::ApiKey(_))
        | (Some(Login::AccessToken(_)), Brought::AccessToken { .. }) => Ok(()),
        (Some(Login::Account(stored)), Brought::Copy(record)) => match record.login() {
            Login::Account(new) if issuer_of(&new) == issuer_of(&stored) => {
                admit_account(slot, &Account::of_stored(&new), replace)
            }
            Login::Account(_) | Login::ApiKey | Login::AccessToken(_) | Login::Foreign(_) => {
                Err(occupied(Login::Account(stored)))
            }
        },
        (Some(other), _) => Err(occupied(other)),
    }
}

/// Returns the login that is in the place, if something is there that is not overwritten unasked.
fn holder(slot: &Slot, replace: Replace) -> Result<Option<Login>, Occupied> {
    if replace == Replace::Anything {
        return Ok(None);
    }
    match slot {
        // Damage is of no use to anybody; what was there is kept under another name (security C-38).
        Slot::Empty
        | Slot::Corrupt { why: InvalidAuthFile::NotJson { .. } | InvalidAuthFile::TooDeep, .. } => Ok(None),
        Slot::Corrupt { why: InvalidAuthFile::Member(_), location, .. } => {
            Err(Occupied::NotUnderstood(location.clone()))
        }
        Slot::Holds { record, .. } => Ok(Some(record.login())),
    }
}

fn occupied(by: Login) -> Occupied {
    match by {
        Login::ApiKey => Occupied::OtherKind("API key".into()),
        Login::AccessToken(_) => Occupied::OtherKind("personal access token".into()),
        Login::Foreign(kind) => Occupied::OtherKind(kind),
        Login::Account(tokens) => {
            issuer_of(&tokens).map_or_else(|| Occupied::OtherKind("chatgpt".into()), Occupied::OtherIssuer)
        }
    }
}

/// Returns who issued a login; one that names nobody is OpenAI's.
fn issuer_of(tokens: &AccountTokens) -> Option<IssuerUrl> {
    let named = tokens.provenance.as_ref().map(|from| from.issuer.clone());
    named.or_else(|| IssuerUrl::parse(UNNAMED_ISSUER).ok())
}

/// Says whether the login of `account`, who has signed in, may take the place.
///
/// Somebody who saw the address on its way to the browser can bring a code of their own (security C-17); so a login is
/// never exchanged for somebody else's unasked.
pub(super) fn admit_account(slot: &Slot, account: &Account, replace: Replace) -> Result<(), Occupied> {
    let Slot::Holds { record, .. } = slot else { return Ok(()) };
    let Login::Account(tokens) = record.login() else { return Ok(()) };
    let stored = Account::of_stored(&tokens);
    if replace == Replace::Anything || stored.is_same_as(account) {
        return Ok(());
    }
    let name = |account: &Account| account.email.clone().unwrap_or_else(|| "somebody".into());
    Err(Occupied::OtherAccount { stored: name(&stored), new: name(account) })
}

/// Returns what a new login of `account` takes over from the stored one: members that we and the Codex CLI do not know.
///
/// Nothing is taken over from a login of another account, issuer or kind: what we do not know of it may be a credential,
/// and whoever said `--replace` asked to be rid of it.
pub(super) fn inherited(slot: &Slot, issuer: &IssuerUrl, account: &Account) -> Option<Outline> {
    let Slot::Holds { record, .. } = slot else { return None };
    let Login::Account(tokens) = record.login() else { return None };
    let stored = Account::of_stored(&tokens);
    let same = tokens.provenance.is_some_and(|from| from.issuer == *issuer) && stored.is_same_as(account);
    if same { record.outline() } else { None }
}

/// Returns the session that the login called `new` supersedes, if it is of the same issuer.
pub(super) fn superseded(slot: &Slot, issuer: &IssuerUrl, new: &str) -> Option<OldSession> {
    session(slot, new).filter(|old| old.issuer == *issuer)
}

/// Returns the session in `slot` that the copy `new` takes the place of, unless both are of one account: they may be of one
/// family too, whose end would be that of the copy.
pub(super) fn session_of_another(slot: &Slot, new: &AuthFile) -> Option<OldSession> {
    let old = session(slot, "")?;
    let Slot::Holds { record, .. } = slot else { return None };
    let (Login::Account(before), Login::Account(after)) = (record.login(), new.login()) else {
        return Some(old);
    };
    let issuer = |tokens: &AccountTokens| tokens.provenance.as_ref().map(|from| from.issuer.clone());
    let is_same = issuer(&before) == issuer(&after)
        && Account::of_stored(&before).is_same_as(&Account::of_stored(&after));
    (!is_same).then_some(old)
}

/// Returns the session of the stored account login, which gives way to what is called `new`.
pub(super) fn session(slot: &Slot, new: &str) -> Option<OldSession> {
    let Slot::Holds { record, .. } = slot else { return None };
    let Login::Account(tokens) = record.login() else { return None };
    let from = tokens.provenance?;
    Some(OldSession {
        issuer: from.issuer,
        client_id: from.client_id,
        refresh_token: tokens.refresh_token?,
        login: record.login_owner_id(),
        replaced_by: new.to_owned(),
    })
}
