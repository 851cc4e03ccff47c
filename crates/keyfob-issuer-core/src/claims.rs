//! What our tokens say (RFC 9068 §2.2, OpenID Connect Core §2, and the namespaced claim that the Codex CLI reads).

use crate::client::Client;
use crate::issuer::{Fault, Issuer};
use crate::operation::Grantee;
use crate::operation::presented::PresentedSession;
use crate::refresh_family::RefreshFamily;
use crate::workspace::{Policy, Role, Word as _};
use crate::{id, lifetime};
use keyfob_codex::claims::{AuthClaims, NAMESPACE};
use keyfob_jose::TokenType;
use keyfob_oauth::token::Nonce;
use keyfob_oauth::{AccessToken, Audience, ClientId, IdToken, RefreshToken, Scope, Timestamp};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// What the token endpoint hands out.
#[derive(Clone, Debug)]
pub struct IssuedTokens {
    /// Attached to requests.
    pub access_token: AccessToken,
    /// How long it lives.
    pub expires_in: Duration,
    /// Redeemed for the next ones.
    pub refresh_token: RefreshToken,
    /// Who signed in.
    pub id_token: IdToken,
    /// What was granted.
    pub scope: Scope,
}

/// The plan of every workspace.
pub const PLAN: &str = "pro";

impl Issuer {
    /// Returns who a client's access tokens are for: the resource server, and the issuer where they may be used there.
    fn audiences(&self, client: &Client) -> Value {
        let (resource, own) = (self.audience.as_str(), self.url.as_str());
        if client.kind.may_manage_sessions() && resource != own {
            json!([resource, own])
        } else {
            json!(resource)
        }
    }

    /// Signs the tokens of `family` for `grantee`, to go with `refresh_token`.
    ///
    /// Called outside a transaction: the database's one writer does not wait for signatures.
    pub(crate) fn sign_tokens(
        &self,
        client: &Client,
        family: &RefreshFamily,
        grantee: &Grantee,
        refresh_token: RefreshToken,
        nonce: Option<&Nonce>,
    ) -> Result<IssuedTokens, Fault> {
        let now = self.now();
        let end = now.plus(client.kind.access_token_life()).min(grantee.session_end(family));
        let subject = AccessSubject { client_id: &client.id, grantee, session: Some(family) };
        let access = self.access_claims(&subject, &family.scope, &self.audiences(client), end)?;
        let mut identity = Map::new();
        let mut say = |claim: &str, value: Value| identity.insert(claim.to_owned(), value);
        say("iss", json!(self.url.as_str()));
        say("sub", json!(family.subject));
        say("aud", json!(client.id));
        say("exp", json!(now.plus(lifetime::ID_TOKEN)));
        say("iat", json!(now));
        say("jti", json!(id::generate(now, &*self.entropy)?.to_string()));
        say("sid", json!(family.id.to_string()));
        say("auth_time", json!(family.auth_time));
        say("amr", json!(family.amr.values()));
        if let Some(nonce) = nonce {
            say("nonce", json!(nonce.expose()));
        }
        say("email", json!(grantee.user.email.as_str()));
        say("email_verified", json!(grantee.user.email_verified_at.is_some()));
        say("name", json!(grantee.user.name));
        say(NAMESPACE, json!(namespaced(grantee)));
        Ok(IssuedTokens {
            access_token: AccessToken::new(self.sign(TokenType::AccessToken, &access)?),
            expires_in: end.since(now),
            refresh_token,
            id_token: IdToken::new(self.sign(TokenType::IdToken, &identity)?),
            scope: family.scope.clone(),
        })
    }

    /// Signs an access token for another program of `session`: for `audience` and `scope` alone, until `end`.
    ///
    /// It names the session in `sid`, and so counts no longer than that goes on.
    pub(crate) fn sign_child(
        &self,
        session: &PresentedSession,
        scope: &Scope,
        audience: &Audience,
        end: Timestamp,
    ) -> Result<AccessToken, Fault> {
        let PresentedSession { family, grantee, .. } = session;
        let subject = AccessSubject { client_id: &family.client_id, grantee, session: Some(family) };
        let mut claims = self.access_claims(&subject, scope, &json!(audience), end)?;
        // RFC 8693 §4.1: who acts for the subject.
        claims.insert("act".to_owned(), json!({ "sub": family.client_id }));
        Ok(AccessToken::new(self.sign(TokenType::AccessToken, &claims)?))
    }

    /// Signs an access token for a workload that `actor` names, by the rule `rule`.
    pub(crate) fn sign_workload(
        &self,
        subject: &AccessSubject<'_>,
        rule: &str,
        actor: &Value,
        scope: &Scope,
        audience: &Audience,
        end: Timestamp,
    ) -> Result<AccessToken, Fault> {
        let mut claims = self.access_claims(subject, scope, &json!(audience), end)?;
        claims.insert("act".to_owned(), actor.clone());
        claims.insert(WORKLOAD.to_owned(), json!(rule));
        Ok(AccessToken::new(self.sign(TokenType::AccessToken, &claims)?))
    }

    fn access_claims(
        &self,
        subject: &AccessSubject<'_>,
        scope: &Scope,
        audience: &Value,
        end: Timestamp,
    ) -> Result<Map<String, Value>, Fault> {
        let (now, grantee) = (self.now(), subject.grantee);
        let mut claims = Map::new();
        let mut say = |claim: &str, value: Value| claims.insert(claim.to_owned(), value);
        say("iss", json!(self.url.as_str()));
        say("sub", json!(grantee.user.subject));
        say("aud", json!(audience));
        say("client_id", json!(subject.client_id));
        say("exp", json!(end));
        say("iat", json!(now));
        say("jti", json!(id::generate(now, &*self.entropy)?.to_string()));
        say("scope", json!(scope.to_string()));
        if let Some(session) = subject.session {
            say("sid", json!(session.id.to_string()));
            // RFC 9068 §2.2.1.
            say("auth_time", json!(session.auth_time));
            say("amr", json!(session.amr.values()));
        }
        say("workspace_id", json!(grantee.workspace.id));
        say("workspace_role", json!(grantee.role.as_str()));
        if let Some(policy) = data_policy(&grantee.workspace.policy) {
            say("data_policy", policy);
        }
        say(NAMESPACE, json!(namespaced(grantee)));
        Ok(claims)
    }
}

/// The claim that names the rule by which a workload acts.
pub(crate) const WORKLOAD: &str = "keyfob_workload";

/// Whom an access token speaks of.
pub(crate) struct AccessSubject<'a> {
    pub(crate) client_id: &'a ClientId,
    pub(crate) grantee: &'a Grantee,
    /// The session that it belongs to, and ends with.
    pub(crate) session: Option<&'a RefreshFamily>,
}

/// Returns what a workspace says of the data that its people send (design S4); nothing where it says nothing.
fn data_policy(policy: &Policy) -> Option<Value> {
    let said: Map<String, Value> = [("retention", &policy.retention), ("residency", &policy.residency)]
        .into_iter()
        .filter_map(|(name, tag)| tag.as_ref().map(|tag| (name.to_owned(), json!(tag.as_str()))))
        .collect();
    (!said.is_empty()).then_some(Value::Object(said))
}

fn namespaced(grantee: &Grantee) -> AuthClaims {
    let workspace = grantee.workspace.id.as_str();
    AuthClaims {
        chatgpt_account_id: Some(workspace.to_owned()),
        chatgpt_plan_type: Some(PLAN.to_owned()),
        chatgpt_user_id: Some(grantee.user.subject.as_str().to_owned()),
        organization_id: Some(format!("org-{workspace}")),
        project_id: Some(format!("proj-{workspace}")),
        completed_platform_onboarding: Some(true),
        is_org_owner: Some(grantee.role == Role::Owner),
    }
}
