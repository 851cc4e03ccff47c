//! People.

use crate::row::TableRow;
use crate::transaction::SqlTransaction;
use async_trait::async_trait;
use keyfob_issuer_core::password::PasswordHash;
use keyfob_issuer_core::storage::{StorageError, Users};
use keyfob_issuer_core::user::{DeviceCodes, Email, User, UserStatus};
use keyfob_issuer_core::workspace::Word as _;
use keyfob_oauth::{Subject, Timestamp};

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
            "INSERT INTO users
                 (subject, email, email_verified_at, name, password_hash, device_code_enabled, status, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(user.subject.as_str())
        .bind(user.email.as_str())
        .bind(user.email_verified_at.map(Timestamp::as_unix))
        .bind(&user.name)
        .bind(user.password.as_stored())
        .bind(number(user.device_codes))
        .bind(user.status.as_str())
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

    async fn set_user_status(&mut self, subject: &Subject, status: UserStatus) -> Result<(), StorageError> {
        self.sql("UPDATE users SET status = $2 WHERE subject = $1")
            .bind(subject.as_str())
            .bind(status.as_str())
            .execute()
            .await?;
        Ok(())
    }

    async fn set_email(
        &mut self,
        subject: &Subject,
        email: &Email,
        verified_at: Timestamp,
    ) -> Result<(), StorageError> {
        self.sql("UPDATE users SET email = $2, email_verified_at = $3 WHERE subject = $1")
            .bind(subject.as_str())
            .bind(email.as_str())
            .bind(verified_at.as_unix())
            .execute()
            .await?;
        Ok(())
    }

    async fn list_users(&mut self) -> Result<Vec<User>, StorageError> {
        self.sql("SELECT * FROM users ORDER BY email").all("users").await?.iter().map(user).collect()
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
        email_verified_at: row.read::<Option<i64>>("email_verified_at")?.map(Timestamp::from_unix),
        name: row.read("name")?,
        password: row.read("password_hash").map(PasswordHash::from_stored)?,
        device_codes: row.parse("device_code_enabled", |number: i64| match number {
            0 => Some(DeviceCodes::Off),
            1 => Some(DeviceCodes::On),
            _ => None,
        })?,
        status: row.parse("status", UserStatus::from_word)?,
        created_at: row.time("created_at")?,
    })
}
