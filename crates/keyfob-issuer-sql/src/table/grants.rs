//! Authorization grants.

use crate::row::TableRow;
use crate::statement::{forgetting, locking};
use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::amr::Amr;
use keyfob_issuer_core::digest::{CodeDigest, InteractionDigest};
use keyfob_issuer_core::grant::{Approval, AuthorizationGrant, Progress};
use keyfob_issuer_core::storage::{Grants, StorageError};
use keyfob_issuer_core::workspace::{AllowedWorkspaces, Word as _};
use keyfob_issuer_core::{FamilyId, GrantId};
use keyfob_oauth::pkce::CodeChallenge;
use keyfob_oauth::token::{Nonce, State};
use keyfob_oauth::{ClientId, Scope, Subject, Timestamp, WorkspaceId};

#[async_trait]
impl Grants for SqlTransaction {
    async fn find_grant(&mut self, id: GrantId) -> Result<Option<AuthorizationGrant>, StorageError> {
        self.sql(locking!("SELECT * FROM authorization_grants WHERE id = $1"))
            .bind(id.to_string())
            .optional("authorization_grants")
            .await?
            .map(|row| grant(&row))
            .transpose()
    }

    async fn find_grant_by_code(
        &mut self,
        code: &CodeDigest,
    ) -> Result<Option<AuthorizationGrant>, StorageError> {
        self.sql(locking!("SELECT * FROM authorization_grants WHERE code_digest = $1"))
            .bind(code.as_bytes())
            .optional("authorization_grants")
            .await?
            .map(|row| grant(&row))
            .transpose()
    }

    async fn insert_grant(&mut self, grant: &AuthorizationGrant) -> Result<(), StorageError> {
        let step = Step::of(&grant.progress);
        self.sql(
            "INSERT INTO authorization_grants (id, client_id, redirect_uri, scope, client_state, nonce,
             code_challenge, login_hint, browser_digest, expires_at, progress, subject, workspace_id, auth_time,
             code_digest, family_id, allowed_workspaces, chosen_workspace, amr, signed_in_since)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
             $20)",
        )
        .bind(grant.id.to_string())
        .bind(grant.client_id.as_str())
        .bind(&grant.redirect_uri)
        .bind(grant.scope.to_string())
        .bind(grant.state.as_ref().map(State::expose))
        .bind(grant.nonce.as_ref().map(Nonce::expose))
        .bind(grant.code_challenge.as_str())
        .bind(&grant.login_hint)
        .bind(grant.browser.as_ref().map(InteractionDigest::as_bytes))
        .bind(grant.expires_at.as_unix())
        .bind(step.to)
        .bind(step.approval.map(|approval| approval.subject.as_str()))
        .bind(step.approval.map(|approval| approval.workspace_id.as_str()))
        .bind(step.approval.map(|approval| approval.auth_time.as_unix()))
        .bind(step.code.map(CodeDigest::as_bytes))
        .bind(step.family.as_ref().map(FamilyId::to_string))
        .bind(grant.allowed.to_text())
        .bind(grant.workspace.as_ref().map(WorkspaceId::as_str))
        .bind(step.approval.map(|approval| approval.amr.as_str()))
        .bind(grant.signed_in_since.map(Timestamp::as_unix))
        .execute()
        .await?;
        Ok(())
    }

    async fn update_grant(&mut self, grant: &AuthorizationGrant) -> Result<(), StorageError> {
        let step = Step::of(&grant.progress);
        let taken = self
            .sql(
                "UPDATE authorization_grants SET expires_at = $2, progress = $3, subject = $4, workspace_id = $5,
                 auth_time = $6, code_digest = $7, family_id = $8, amr = $9 WHERE id = $1 AND progress = $10",
            )
            .bind(grant.id.to_string())
            .bind(grant.expires_at.as_unix())
            .bind(step.to)
            .bind(step.approval.map(|approval| approval.subject.as_str()))
            .bind(step.approval.map(|approval| approval.workspace_id.as_str()))
            .bind(step.approval.map(|approval| approval.auth_time.as_unix()))
            .bind(step.code.map(CodeDigest::as_bytes))
            .bind(step.family.as_ref().map(FamilyId::to_string))
            .bind(step.approval.map(|approval| approval.amr.as_str()))
            .bind(step.from)
            .execute()
            .await?;
        if taken == 1 { Ok(()) } else { Err(StorageError::Conflict) }
    }

    async fn choose_workspace(&mut self, id: GrantId, workspace: &WorkspaceId) -> Result<(), StorageError> {
        let taken = self
            .sql("UPDATE authorization_grants SET chosen_workspace = $2 WHERE id = $1 AND progress = $3")
            .bind(id.to_string())
            .bind(workspace.as_str())
            .bind(PENDING)
            .execute()
            .await?;
        if taken == 1 { Ok(()) } else { Err(StorageError::Conflict) }
    }

    async fn withdraw_grant(&mut self, id: GrantId) -> Result<(), StorageError> {
        self.sql(
            "UPDATE authorization_grants SET progress = 'denied', code_digest = NULL
             WHERE id = $1 AND progress = 'approved'",
        )
        .bind(id.to_string())
        .execute()
        .await?;
        Ok(())
    }

    async fn forget_code(&mut self, id: GrantId) -> Result<(), StorageError> {
        self.sql(
            "UPDATE authorization_grants SET progress = 'denied', code_digest = NULL
             WHERE id = $1 AND progress = 'exchanged'",
        )
        .bind(id.to_string())
        .execute()
        .await?;
        Ok(())
    }

    async fn forget_grants(&mut self, moment: Timestamp, most: u32) -> Result<u64, StorageError> {
        self.sql(forgetting!("authorization_grants", "id", "expires_at < $1 ORDER BY expires_at"))
            .bind(moment.as_unix())
            .bind(i64::from(most))
            .execute()
            .await
    }
}

const PENDING: &str = "pending";
const APPROVED: &str = "approved";
const DENIED: &str = "denied";
const EXCHANGED: &str = "exchanged";

/// How far a grant has come, in columns, and where the last step to there began.
struct Step<'a> {
    from: &'static str,
    to: &'static str,
    approval: Option<&'a Approval>,
    code: Option<&'a CodeDigest>,
    family: Option<FamilyId>,
}

impl<'a> Step<'a> {
    fn of(progress: &'a Progress) -> Self {
        let (from, to) = match progress {
            Progress::Pending => (PENDING, PENDING),
            Progress::Approved { .. } => (PENDING, APPROVED),
            Progress::Denied => (PENDING, DENIED),
            Progress::Exchanged { .. } => (APPROVED, EXCHANGED),
        };
        let (approval, code, family) = match progress {
            Progress::Pending | Progress::Denied => (None, None, None),
            Progress::Approved { approval, code } => (Some(approval), Some(code), None),
            Progress::Exchanged { code, family } => (None, Some(code), Some(*family)),
        };
        Self { from, to, approval, code, family }
    }
}

fn grant(row: &TableRow) -> Result<AuthorizationGrant, StorageError> {
    let browser: Option<&[u8]> = row.read("browser_digest")?;
    Ok(AuthorizationGrant {
        id: row.parse("id", GrantId::parse)?,
        client_id: row.read::<String>("client_id").map(ClientId::new)?,
        redirect_uri: row.read("redirect_uri")?,
        scope: row.parse("scope", |text| Scope::parse(text).ok())?,
        state: row.read::<Option<String>>("client_state")?.map(State::new),
        nonce: row.read::<Option<String>>("nonce")?.map(Nonce::new),
        code_challenge: row.parse("code_challenge", |text| CodeChallenge::parse(text).ok())?,
        signed_in_since: row.read::<Option<i64>>("signed_in_since")?.map(Timestamp::from_unix),
        login_hint: row.read("login_hint")?,
        allowed: allowed(row)?,
        workspace: row.read::<Option<String>>("chosen_workspace")?.map(WorkspaceId::new),
        browser: browser
            .map(|bytes| {
                InteractionDigest::from_bytes(bytes).ok_or_else(|| row.inconsistent("browser_digest"))
            })
            .transpose()?,
        expires_at: row.time("expires_at")?,
        progress: progress(row)?,
    })
}

fn progress(row: &TableRow) -> Result<Progress, StorageError> {
    match row.read("progress")? {
        PENDING => Ok(Progress::Pending),
        DENIED => Ok(Progress::Denied),
        APPROVED => Ok(Progress::Approved {
            approval: approval(row)?,
            code: row.parse("code_digest", CodeDigest::from_bytes)?,
        }),
        EXCHANGED => Ok(Progress::Exchanged {
            code: row.parse("code_digest", CodeDigest::from_bytes)?,
            family: row.parse("family_id", FamilyId::parse)?,
        }),
        _ => Err(row.inconsistent("progress")),
    }
}

/// Reads who approved; the same columns in both tables of grants.
pub(super) fn approval(row: &TableRow) -> Result<Approval, StorageError> {
    Ok(Approval {
        subject: row.read::<String>("subject").map(Subject::new)?,
        workspace_id: row.read::<String>("workspace_id").map(WorkspaceId::new)?,
        auth_time: row.time("auth_time")?,
        amr: row.parse("amr", Amr::from_word)?,
    })
}

/// Reads for which workspaces a client takes tokens; the same column in both tables of grants.
pub(super) fn allowed(row: &TableRow) -> Result<AllowedWorkspaces, StorageError> {
    row.parse("allowed_workspaces", |text: Option<String>| match text {
        Some(text) => AllowedWorkspaces::parse(&text).ok(),
        None => Some(AllowedWorkspaces::Any),
    })
}
