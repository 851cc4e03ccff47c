//! What is done beside the requests: forgetting what has ended, and signing the audit trail.

use crate::app::App;
use keyfob_issuer_core::operation::Swept;
use std::convert::Infallible;
use std::time::Duration;

/// How long a node signs with a key that was dropped, and does not know one that was made, at most.
const KEYS_EVERY: Duration = Duration::from_secs(10);
/// How long a misused code waits to be recorded.
const TELL_EVERY: Duration = Duration::from_secs(1);
const EVERY: Duration = Duration::from_mins(10);
/// Between two transactions that both have much to forget; requests go first.
const PAUSE: Duration = Duration::from_millis(100);

/// Does all that, at once and then every ten minutes, until it is dropped; that may be at any moment.
pub async fn forever(app: &App) -> Infallible {
    loop {
        sign_audit(app).await;
        let rest = once(app).await;
        tokio::time::sleep(rest).await;
    }
}

/// Takes up the signing keys as they change, until it is dropped.
pub async fn keep_keys_fresh(app: &App) -> Infallible {
    loop {
        tokio::time::sleep(KEYS_EVERY).await;
        reload_keys(app).await;
    }
}

/// Records who brought codes that were not theirs, a moment after they were answered, until it is dropped.
pub async fn keep_telling(app: &App) -> Infallible {
    loop {
        tokio::time::sleep(TELL_EVERY).await;
        tell_misuses(app).await;
    }
}

/// Records who brought codes that were not theirs.
pub async fn tell_misuses(app: &App) {
    if let Err(fault) = app.issuer.tell_misuses().await {
        tracing::warn!(error = &fault as &dyn std::error::Error, "cannot record misused codes");
    }
}

/// Takes up the signing keys as they are now.
pub async fn reload_keys(app: &App) {
    match app.issuer.reload_keys().await {
        Ok(true) => tracing::info!("signing keys taken up"),
        Ok(false) => {}
        Err(fault) => {
            tracing::warn!(error = &fault as &dyn std::error::Error, "cannot read the signing keys");
        }
    }
}

/// Signs the end of the audit trail, and notes it in the log: what it says there, nobody who holds the database can take
/// back (I-77).
pub async fn sign_audit(app: &App) {
    match app.issuer.sign_audit_head().await {
        Ok(None) => {}
        Ok(Some(signed)) => {
            app.metrics.note_audit_entries(signed.head.sequence);
            tracing::info!(
                sequence = signed.head.sequence,
                hash = signed.head.hash,
                signature = signed.signature,
                "audit trail signed"
            );
        }
        Err(fault) => {
            tracing::warn!(error = &fault as &dyn std::error::Error, "cannot sign the audit trail");
        }
    }
}

/// Forgets some of what has ended; returns how long to rest before the next time.
pub async fn once(app: &App) -> Duration {
    match app.issuer.sweep().await {
        Ok(swept) => {
            app.metrics.count_forgotten(&swept);
            if swept != Swept::default() {
                tracing::debug!(
                    families = swept.families,
                    grants = swept.grants,
                    device_grants = swept.device_grants,
                    sessions = swept.sessions,
                    spent_id_tokens = swept.spent_id_tokens,
                    revocations = swept.revocations,
                    notices = swept.notices,
                    logout_notices = swept.logout_notices,
                    browser_logins = swept.browser_logins,
                    "forgotten"
                );
            }
            if swept.is_full() { PAUSE } else { EVERY }
        }
        Err(fault) => {
            tracing::warn!(error = &fault as &dyn std::error::Error, "cannot forget what has ended");
            EVERY
        }
    }
}
