//! Notices of anomalies on their way to the webhook that the settings name (I-88; `docs/anomalies.md`).
//!
//! A notice is sent as <https://www.standardwebhooks.com> says: its name, the time and the signature are headers, and the
//! signature is over all three parts, so that none of them is changed or sent again later. It goes out through the one door
//! of `outbound`.

use crate::app::App;
use crate::command::files::{FileError, read_secret};
use crate::config::AnomalySettings;
use crate::endpoint::rfc_3339;
use crate::outbound::{Body, Message, OutboundError, Way, post};
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use keyfob_issuer_core::Fault;
use keyfob_issuer_core::anomaly::Notice;
use keyfob_issuer_core::delivery::{Attempted, Delivered};
use keyfob_oauth::{Secret, Timestamp};
use serde_json::json;
use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;
use url::Url;
use zeroize::Zeroizing;

/// A webhook, and what it knows us by.
#[derive(Debug)]
pub(crate) struct Webhook {
    url: Url,
    way: Way,
    key: hmac::Key,
}

/// A webhook cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The file of its secret.
    #[error(transparent)]
    File(#[from] FileError),
    /// It holds no secret of a webhook.
    #[error("{path} holds no secret of a webhook: `whsec_` and 24 to 64 bytes in base64 are expected")]
    Secret {
        /// Which.
        path: String,
    },
}

/// How long a notice waits at most, if nothing is in the way.
const EVERY: Duration = Duration::from_secs(5);
/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// How long a secret may be, in bytes.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

impl Webhook {
    /// Reads the secret of the webhook that `settings` name; `data` is the issuer's directory.
    pub(crate) fn load(
        data: &Path,
        settings: &AnomalySettings,
        proxy: Option<&Url>,
    ) -> Result<Self, WebhookError> {
        let path = data.join(&settings.secret_file);
        let secret = read_secret(&path)?;
        let key = key_of(&secret).ok_or(WebhookError::Secret { path: path.display().to_string() })?;
        Ok(Self { url: settings.webhook.clone(), way: settings.place.way(proxy), key })
    }

    async fn send(&self, notice: &Notice, now: Timestamp) -> Result<(), OutboundError> {
        let (id, at, body) = (notice.id.to_string(), now.as_unix().to_string(), body(notice));
        let tag = hmac::sign(&self.key, format!("{id}.{at}.{body}").as_bytes());
        let signature = format!("v1,{}", STANDARD.encode(tag));
        let headers = [("webhook-id", &*id), ("webhook-timestamp", &at), ("webhook-signature", &signature)];
        post(&self.url, &self.way, Message { headers: &headers, body: Body::Json(body) }).await
    }
}

fn key_of(secret: &Secret) -> Option<hmac::Key> {
    let bytes = STANDARD.decode(secret.expose().strip_prefix(PREFIX)?).ok().map(Zeroizing::new)?;
    SECRET_BYTES.contains(&bytes.len()).then(|| hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

/// Returns what is told: identifiers and a number.
fn body(notice: &Notice) -> String {
    let mut data = json!({ "subject": notice.subject.as_str(), "count": notice.count });
    if let (Some(session), Some(data)) = (notice.session, data.as_object_mut()) {
        data.insert("session".to_owned(), session.to_string().into());
    }
    let kind = format!("anomaly.{}", notice.pattern.as_str());
    json!({ "type": kind, "timestamp": rfc_3339(notice.at), "data": data }).to_string()
}

/// Delivers what is due, until it is dropped; that may be at any moment, and then what was taken is tried again later.
pub async fn deliver_forever(app: &App) -> Infallible {
    loop {
        deliver_logged(app).await;
        tokio::time::sleep(EVERY).await;
    }
}

async fn deliver_logged(app: &App) {
    if let Err(fault) = deliver(app).await {
        tracing::warn!(error = &fault as &dyn std::error::Error, "cannot look for notices of anomalies");
    }
}

/// Delivers what is due, if there is a webhook.
pub async fn deliver(app: &App) -> Result<(), Fault> {
    let Some(webhook) = &app.webhook else { return Ok(()) };
    for notice in app.issuer.claim_notices().await? {
        let delivered = match webhook.send(&notice, app.issuer.now()).await {
            Ok(()) => Delivered::Yes,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, notice.id = %notice.id, tries = notice.tries, "notice not delivered");
                Delivered::No
            }
        };
        match app.issuer.settle_notice(&notice, delivered).await? {
            Attempted::Delivered | Attempted::Again => {}
            Attempted::GivenUp => tracing::error!(
                notice.id = %notice.id,
                pattern = notice.pattern.as_str(),
                subject = notice.subject.as_str(),
                "notice of an anomaly given up"
            ),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i_88_a_secret_is_of_the_standard_form_and_long_enough() {
        let secret = |text: &str| key_of(&Secret::new(text.to_owned())).is_some();
        let of = |length: usize| format!("whsec_{}", STANDARD.encode(vec![7; length]));

        assert!(secret(&of(24)) && secret(&of(32)) && secret(&of(64)));
        for wrong in ["", "whsec_", "secret", &STANDARD.encode([7; 32]), "whsec_!", &of(23), &of(65)] {
            assert!(!secret(wrong), "{wrong}");
        }
    }
}
