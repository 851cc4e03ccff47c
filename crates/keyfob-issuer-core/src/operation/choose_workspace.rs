//! Somebody says for which of their workspaces a client gets tokens.

use crate::GrantId;
use crate::digest::{InteractionCookie, SessionCookie};
use crate::issuer::{Fault, Issuer};
use crate::operation::retry::retried;
use keyfob_oauth::WorkspaceId;

/// A choice does not count.
#[derive(Debug, thiserror::Error)]
pub enum ChooseError {
    /// There is no such grant, or it belongs to another browser.
    #[error("the grant is unknown, or belongs to another browser")]
    NotFound,
    /// Something else comes first, it was decided, or the workspace is none of those to choose from.
    #[error("the grant does not wait for this choice")]
    NotNow,
    /// Something broke inside.
    #[error(transparent)]
    Fault(#[from] Fault),
}

super::faults!(ChooseError);

impl Issuer {
    /// Chooses `workspace` for `grant`; nothing is granted by that.
    pub async fn choose_workspace(
        &self,
        grant: GrantId,
        browser: &InteractionCookie,
        session: &SessionCookie,
        workspace: &WorkspaceId,
    ) -> Result<(), ChooseError> {
        retried(|| self.try_choose_workspace(grant, browser, session, workspace)).await
    }

    async fn try_choose_workspace(
        &self,
        grant: GrantId,
        browser: &InteractionCookie,
        session: &SessionCookie,
        workspace: &WorkspaceId,
    ) -> Result<(), ChooseError> {
        let mut transaction = self.begin().await?;
        let seen = self.see(&mut *transaction, grant, browser, Some(session)).await?;
        let seen = seen.ok_or(ChooseError::NotFound)?;
        let is_possible =
            seen.offers.iter().any(|offer| offer.workspace.id == *workspace && offer.refusal.is_none());
        if !seen.may_choose() || !is_possible {
            return Err(ChooseError::NotNow);
        }
        transaction.choose_workspace(grant, workspace).await?;
        Ok(transaction.commit().await?)
    }
}
