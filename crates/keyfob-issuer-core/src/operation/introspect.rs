//! A resource server asks what a token means (RFC 7662).

use crate::access_key::AccessKey;
use crate::digest::ServerSecretDigest;
use crate::issuer::{Fault, Issuer};
use crate::operation::Grantee;
use crate::operation::presented::Presented;
use crate::resource_server::{ResourceServer, ServerId, ServerSecret};
use keyfob_jose::Claims;
use keyfob_oauth::AccessToken;
use subtle::ConstantTimeEq as _;

/// A token that counts at the server that asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Introspected {
    /// An access token, with what it says.
    AccessToken(Claims),
    /// A personal access token or an API key, and what holds for what it sends.
    Key(Box<AccessKey>, Box<Grantee>),
}

impl Issuer {
    /// Returns the resource server that has this name and secret.
    pub async fn resource_server(
        &self,
        id: &ServerId,
        secret: &ServerSecret,
    ) -> Result<Option<ResourceServer>, Fault> {
        let found = self.begin().await?.find_resource_server(id).await?;
        let presented = ServerSecretDigest::of(secret);
        Ok(found.filter(|server| server.secret.as_bytes().ct_eq(presented.as_bytes()).into()))
    }

    /// Says what `token` means to `server`: nothing at all unless it counts, and is for that server (I-35).
    pub async fn introspect(
        &self,
        server: &ResourceServer,
        token: &AccessToken,
    ) -> Result<Option<Introspected>, Fault> {
        Ok(self.presented(token, server.audience.as_str()).await?.map(|presented| match presented {
            Presented::Session(session) => Introspected::AccessToken(session.claims),
            Presented::Workload(claims) => Introspected::AccessToken(claims),
            Presented::Key(key, grantee) => Introspected::Key(Box::new(key), Box::new(grantee)),
        }))
    }
}
