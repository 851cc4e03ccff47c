//! People and their workspaces.

use crate::row::TableRow;
use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::password::PasswordHash;
use keyfob_issuer_core::sign_in::MfaPolicy;
use keyfob_issuer_core::storage::{StorageError, Users, Workspaces};
use keyfob_issuer_core::user::{DeviceCodes, Email, User, Workspace};
use keyfob_oauth::{Subject, Timestamp, WorkspaceId};

#[async_trait]
impl Users for SqlTransaction {
    async fn find_user(&mut self, subject: &Subject) -> Result<Option<User>, StorageError> {
        self.sql("SELECT * FROM users WHERE subject = $1")
            .bind(subject.as_str())
            .optional("users")
            .await?
            .map(|row| user(&row))
            .transpose()
    }

    async fn find_user_by_email(&mut self, email: &Email) -> Result<Option<User>, StorageError> {
        self.sql("SELECT * FROM users WHERE email = $1")
            .bind(email.as_str())
            .optional("users")
            .await?
            .map(|row| user(&row))
            .transpose()
    }

    async fn insert_user(&mut self, user: &User) -> Result<(), StorageError> {
        self.sql(
            "INSERT INTO users (subject, email, name, password_hash, device_code_enabled, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(user.subject.as_str())
        .bind(user.email.as_str())
        .bind(&user.name)
        .bind(user.password.as_stored())
        .bind(number(user.device_codes))
        .bind(user.created_at.as_unix())
        .execute()
        .await?;
        Ok(())
    }

    async fn set_device_codes(
        &mut self,
        subject: &Subject,
        device_codes: DeviceCodes,
    ) -> Result<(), StorageError> {
        self.sql("UPDATE users SET device_code_enabled = $2 WHERE subject = $1")
            .bind(subject.as_str())
            .bind(number(device_codes))
            .execute()
            .await?;
        Ok(())
    }

    async fn list_users(&mut self) -> Result<Vec<User>, StorageError> {
        self.sql("SELECT * FROM users ORDER BY email").all("users").await?.iter().map(user).collect()
    }
}

#[async_trait]
impl Workspaces for SqlTransaction {
    async fn find_workspace(&mut self, id: &WorkspaceId) -> Result<Option<Workspace>, StorageError> {
        self.sql("SELECT * FROM workspaces WHERE id = $1")
            .bind(id.as_str())
            .optional("workspaces")
            .await?
            .map(|row| workspace(&row))
            .transpose()
    }

    async fn find_personal_workspace(&mut self, owner: &Subject) -> Result<Option<Workspace>, StorageError> {
        self.sql("SELECT * FROM workspaces WHERE owner = $1 ORDER BY created_at LIMIT 1")
            .bind(owner.as_str())
            .optional("workspaces")
            .await?
            .map(|row| workspace(&row))
            .transpose()
    }

    async fn set_mfa_policy(&mut self, id: &WorkspaceId, mfa: MfaPolicy) -> Result<(), StorageError> {
        self.sql("UPDATE workspaces SET mfa = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(mfa.as_str())
            .execute()
            .await?;
        Ok(())
    }

    async fn insert_workspace(&mut self, workspace: &Workspace, now: Timestamp) -> Result<(), StorageError> {
        self.sql("INSERT INTO workspaces (id, name, owner, mfa, created_at) VALUES ($1, $2, $3, $4, $5)")
            .bind(workspace.id.as_str())
            .bind(&workspace.name)
            .bind(workspace.owner.as_str())
            .bind(workspace.mfa.as_str())
            .bind(now.as_unix())
            .execute()
            .await?;
        Ok(())
    }
}

fn number(device_codes: DeviceCodes) -> i64 {
    match device_codes {
        DeviceCodes::Off => 0,
        DeviceCodes::On => 1,
    }
}

fn user(row: &TableRow) -> Result<User, StorageError> {
    Ok(User {
        subject: row.read::<String>("subject").map(Subject::new)?,
        email: row.parse("email", |text| Email::parse(text).ok())?,
        name: row.read("name")?,
        password: row.read("password_hash").map(PasswordHash::from_stored)?,
        device_codes: row.parse("device_code_enabled", |number: i64| match number {
            0 => Some(DeviceCodes::Off),
            1 => Some(DeviceCodes::On),
            _ => None,
        })?,
        created_at: row.time("created_at")?,
    })
}

fn workspace(row: &TableRow) -> Result<Workspace, StorageError> {
    Ok(Workspace {
        id: row.read::<String>("id").map(WorkspaceId::new)?,
        name: row.read("name")?,
        owner: row.read::<String>("owner").map(Subject::new)?,
        mfa: row.parse("mfa", MfaPolicy::from_word)?,
    })
}
