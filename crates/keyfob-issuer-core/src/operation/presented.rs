//! What a token that somebody presents stands for: the one door for access tokens and keys alike (I-39).
//!
//! A token counts while all of it does: its signature or digest, its time, its session, its person and their workspace.

use crate::FamilyId;
use crate::access_key::{AccessKey, KeySecret};
use crate::claims::WORKLOAD;
use crate::client::Client;
use crate::digest::KeyDigest;
use crate::issuer::{Fault, Issuer};
use crate::operation::Grantee;
use crate::operation::grantee::{Way, find_grantee};
use crate::refresh_family::RefreshFamily;
use crate::workspace::AllowedWorkspaces;
use keyfob_jose::{Claims, Expected, TokenType};
use keyfob_oauth::{AccessToken, Scope, Subject, WorkspaceId};

/// A token that counts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Presented {
    /// An access token.
    Session(PresentedSession),
    /// The access token of a workload, with what it says.
    Workload(Claims),
    /// A personal access token or an API key.
    Key(AccessKey, Grantee),
}

/// An access token, and the session that it was handed out to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PresentedSession {
    pub(crate) claims: Claims,
    pub(crate) family: RefreshFamily,
    pub(crate) client: Client,
    pub(crate) grantee: Grantee,
}

impl Issuer {
    /// Finds out what `token` stands for at the server `audience`; `None` for everything that does not count there.
    pub(crate) async fn presented(
        &self,
        token: &AccessToken,
        audience: &str,
    ) -> Result<Option<Presented>, Fault> {
        match KeySecret::parse(token.expose()) {
            Some((_, secret)) => self.presented_key(&secret, audience).await,
            None => self.presented_session(token, audience).await,
        }
    }

    /// Finds a key, and notes that it was used.
    async fn presented_key(&self, secret: &KeySecret, audience: &str) -> Result<Option<Presented>, Fault> {
        if audience != self.audience.as_str() && audience != self.url.as_str() {
            return Ok(None);
        }
        let now = self.now();
        let mut transaction = self.begin().await?;
        let found = transaction.find_key(&KeyDigest::of(secret)).await?;
        let Some(key) = found.filter(|key| key.is_alive(now)) else { return Ok(None) };
        let grantee = find_grantee(&mut *transaction, &key.subject, &key.workspace_id).await?;
        let Ok(grantee) = grantee else { return Ok(None) };
        let Ok(scope) = grantee.check(Way::Key(key.kind, &key.scope), now) else { return Ok(None) };
        if key.is_use_news(now) {
            transaction.note_key_use(key.id, now).await?;
            transaction.commit().await?;
        }
        Ok(Some(Presented::Key(AccessKey { scope, ..key }, grantee)))
    }

    async fn presented_session(
        &self,
        token: &AccessToken,
        audience: &str,
    ) -> Result<Option<Presented>, Fault> {
        let now = self.now();
        let expected = Expected { token_type: TokenType::AccessToken, issuer: self.url.as_str(), audience };
        let verified = self.ring().key_set().verify(token.expose(), &expected, now).ok();
        // Our own clock made the time, so no skew is forgiven here.
        let Some(claims) = verified.filter(|claims| claims.time("exp").is_some_and(|end| now < end)) else {
            return Ok(None);
        };
        let Some(subject) = claims.text("sub").map(Subject::new) else { return Ok(None) };
        let mut transaction = self.begin().await?;
        if claims.text(WORKLOAD).is_some() {
            let Some(workspace) = claims.text("workspace_id").map(WorkspaceId::new) else { return Ok(None) };
            let grantee = find_grantee(&mut *transaction, &subject, &workspace).await?;
            let Ok(scope) = Scope::parse(claims.text("scope").unwrap_or_default()) else { return Ok(None) };
            let way = Way::Workload(&scope, &AllowedWorkspaces::Any);
            let widest = grantee.and_then(|grantee| grantee.check(way, now)).ok();
            return Ok(widest.filter(|widest| scope.is_within(widest)).map(|_| Presented::Workload(claims)));
        }
        let Some(id) = claims.text("sid").and_then(FamilyId::parse) else { return Ok(None) };
        let found = transaction.find_login_session(id, &subject).await?;
        let Some(session) = found.filter(|session| session.is_alive(now)) else { return Ok(None) };
        let family = session.family;
        let client = transaction.find_client(&family.client_id).await?.ok_or(Fault::Dangling("a session"))?;
        let grantee = find_grantee(&mut *transaction, &subject, &family.workspace_id).await?;
        let Ok(grantee) = grantee else { return Ok(None) };
        let way = Way::Session(&family, &AllowedWorkspaces::Any);
        let Ok(scope) = grantee.check(way, now) else { return Ok(None) };
        let family = RefreshFamily { scope, ..family };
        Ok(Some(Presented::Session(PresentedSession { claims, family, client, grantee })))
    }
}
