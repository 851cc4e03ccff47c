//! What a gateway learns of what has ended (security G-38, I-72).

use crate::issuer::{Fault, Issuer};
use crate::resource_server::ResourceServer;
use crate::revocation::{Feed, MOST_ENTRIES, Revocation, Revoked};
use crate::{id, lifetime};
use keyfob_jose::TokenType;
use serde_json::{Map, Value, json};

impl Issuer {
    /// Returns the number of the last entry.
    pub async fn revocation_epoch(&self) -> Result<u64, Fault> {
        Ok(self.begin().await?.revocation_epoch().await?)
    }

    /// Returns the entries after the number `after`.
    pub async fn revocations_after(&self, after: u64) -> Result<Feed, Fault> {
        Ok(self.begin().await?.revocations_after(after, MOST_ENTRIES).await?)
    }

    /// Signs `feed` as the answer to `server`, which asked for what comes after `after`.
    pub fn sign_feed(&self, server: &ResourceServer, after: u64, feed: &Feed) -> Result<String, Fault> {
        let now = self.now();
        let entries: Vec<Value> = feed.entries.iter().map(entry).collect();
        let claims = [
            ("iss", json!(self.url.as_str())),
            ("aud", json!(server.id.as_str())),
            ("iat", json!(now)),
            ("exp", json!(now.plus(lifetime::FEED_ANSWER))),
            ("jti", json!(id::generate(now, &*self.entropy)?.to_string())),
            ("after", json!(after)),
            ("epoch", json!(feed.epoch)),
            ("revoked", json!(entries)),
        ];
        let claims: Map<String, Value> =
            claims.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.sign(TokenType::Revocations, &claims)
    }
}

fn entry(entry: &Revocation) -> Value {
    let at = entry.at;
    match &entry.revoked {
        Revoked::Session(id) => json!({ "at": at, "sid": id.to_string() }),
        Revoked::Key(id) => json!({ "at": at, "jti": id.to_string() }),
        Revoked::User(subject) => json!({ "at": at, "sub": subject }),
        Revoked::Member(subject, workspace) => json!({ "at": at, "sub": subject, "workspace_id": workspace }),
    }
}
