//! To whom the stored personal access token belongs, which the token itself does not say.

use crate::home::Home;
use crate::state;
use crate::store::Digest;
use keyfob_oauth::{IssuerUrl, WorkspaceId};
use serde_json::json;

/// The member of `state.json`.
const MEMBER: &str = "token_of";

/// What its issuer said when it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenOf {
    pub(crate) issuer: IssuerUrl,
    pub(crate) workspace: WorkspaceId,
}

/// Notes whose the document with this digest is.
///
/// Called under the refresh lock.
pub(crate) fn note(home: &Home, digest: Digest, issuer: &IssuerUrl, workspace: &WorkspaceId) {
    let value =
        json!({ "written": digest.to_hex(), "issuer": issuer.as_str(), "workspace": workspace.as_str() });
    if let Err(error) = state::write(home, MEMBER, &value) {
        tracing::debug!(%error, "whose the token is could not be noted");
    }
}

/// Returns whose the document with this digest is, if this home has stored it.
pub(crate) fn read(home: &Home, digest: Digest) -> Option<TokenOf> {
    let noted = state::read(home, MEMBER)?;
    let text = |member: &str| noted.get(member)?.as_str();
    if text("written")? != digest.to_hex() {
        return None;
    }
    let issuer = IssuerUrl::parse(text("issuer")?).ok()?;
    Some(TokenOf { issuer, workspace: WorkspaceId::new(text("workspace")?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_54_whose_a_token_is_is_known_of_the_one_that_was_stored_and_of_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("home"));
        home.make().unwrap();
        let (issuer, workspace) = (IssuerUrl::parse("https://id.test").unwrap(), WorkspaceId::new("w-1"));
        let (stored, other) = (Digest::of(b"stored"), Digest::of(b"other"));
        assert_eq!(read(&home, stored), None);

        note(&home, stored, &issuer, &workspace);

        assert_eq!((read(&home, stored), read(&home, other)), (Some(TokenOf { issuer, workspace }), None));
    }
}
