//! What our tokens say (RFC 9068 §2.2, OpenID Connect Core §2, and the namespaced claim that the Codex CLI reads).

use crate::client::Client;
use crate::issuer::{Fault, Issuer};
use crate::operation::Grantee;
use crate::operation::presented::PresentedSession;
use crate::refresh_family::RefreshFamily;
use crate::workspace::{Policy, Role, Tag, Word as _};
use crate::{id, lifetime};
use keyfob_codex::claims::AuthClaims;
use keyfob_jose::{SigningError, TokenType};
use keyfob_oauth::token::Nonce;
use keyfob_oauth::{
    AccessToken, Audience, ClientId, IdToken, RefreshToken, Scope, Subject, Timestamp, WorkspaceId,
};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

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

/// What an access token says (RFC 9068 §2.2), as it is written: a tree of values would cost more than a signature.
#[derive(Serialize)]
struct AccessClaims<'a> {
    iss: &'a str,
    sub: &'a Subject,
    aud: Audiences<'a>,
    client_id: &'a ClientId,
    exp: Timestamp,
    iat: Timestamp,
    jti: Uuid,
    scope: String,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    session: Option<SessionClaims>,
    workspace_id: &'a WorkspaceId,
    workspace_role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_policy: Option<DataPolicy<'a>>,
    #[serde(rename = "https://api.openai.com/auth")]
    codex: &'a RawValue,
    /// RFC 8693 §4.1: who acts for the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<&'a Value>,
    #[serde(rename = "keyfob_workload", skip_serializing_if = "Option::is_none")]
    workload: Option<&'a str>,
}

/// What an ID token says (OpenID Connect Core §2).
#[derive(Serialize)]
struct IdentityClaims<'a> {
    iss: &'a str,
    sub: &'a Subject,
    aud: &'a ClientId,
    exp: Timestamp,
    iat: Timestamp,
    jti: Uuid,
    #[serde(flatten)]
    session: SessionClaims,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    email: &'a str,
    email_verified: bool,
    name: &'a str,
    #[serde(rename = "https://api.openai.com/auth")]
    codex: &'a RawValue,
}

/// What both say of a session (RFC 9068 §2.2.1).
#[derive(Serialize)]
struct SessionClaims {
    sid: String,
    auth_time: Timestamp,
    amr: Vec<&'static str>,
}

impl SessionClaims {
    fn of(session: &RefreshFamily) -> Self {
        Self { sid: session.id.to_string(), auth_time: session.auth_time, amr: session.amr.values() }
    }
}

/// Who an access token is for.
#[derive(Serialize)]
#[serde(untagged)]
enum Audiences<'a> {
    One(&'a str),
    Two([&'a str; 2]),
}

impl Issuer {
    /// Returns who a client's access tokens are for: the resource server, and the issuer where they may be used there.
    fn audiences(&self, client: &Client) -> Audiences<'_> {
        let (resource, own) = (self.audience.as_str(), self.url.as_str());
        if client.kind.may_manage_sessions() && resource != own {
            Audiences::Two([resource, own])
        } else {
            Audiences::One(resource)
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
        let codex = namespaced(grantee)?;
        let access = self.access_claims(&subject, &codex, &family.scope, self.audiences(client), end)?;
        let identity = IdentityClaims {
            iss: self.url.as_str(),
            sub: &family.subject,
            aud: &client.id,
            exp: now.plus(lifetime::ID_TOKEN),
            iat: now,
            jti: id::generate(now, &*self.entropy)?,
            session: SessionClaims::of(family),
            nonce: nonce.map(Nonce::expose),
            email: grantee.user.email.as_str(),
            email_verified: grantee.user.email_verified_at.is_some(),
            name: &grantee.user.name,
            codex: &codex,
        };
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
        let (codex, actor) = (namespaced(grantee)?, json!({ "sub": family.client_id }));
        let claims = self.access_claims(&subject, &codex, scope, Audiences::One(audience.as_str()), end)?;
        let claims = AccessClaims { act: Some(&actor), ..claims };
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
        let codex = namespaced(subject.grantee)?;
        let claims = self.access_claims(subject, &codex, scope, Audiences::One(audience.as_str()), end)?;
        let claims = AccessClaims { act: Some(actor), workload: Some(rule), ..claims };
        Ok(AccessToken::new(self.sign(TokenType::AccessToken, &claims)?))
    }

    fn access_claims<'a>(
        &'a self,
        subject: &AccessSubject<'a>,
        codex: &'a RawValue,
        scope: &Scope,
        aud: Audiences<'a>,
        end: Timestamp,
    ) -> Result<AccessClaims<'a>, Fault> {
        let (now, grantee) = (self.now(), subject.grantee);
        Ok(AccessClaims {
            iss: self.url.as_str(),
            sub: &grantee.user.subject,
            aud,
            client_id: subject.client_id,
            exp: end,
            iat: now,
            jti: id::generate(now, &*self.entropy)?,
            scope: scope.to_string(),
            session: subject.session.map(SessionClaims::of),
            workspace_id: &grantee.workspace.id,
            workspace_role: grantee.role.as_str(),
            data_policy: DataPolicy::of(&grantee.workspace.policy),
            codex,
            act: None,
            workload: None,
        })
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

/// What a workspace says of the data that its people send (design S4).
#[derive(Serialize)]
struct DataPolicy<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    retention: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    residency: Option<&'a str>,
}

impl<'a> DataPolicy<'a> {
    /// Returns what `policy` says; nothing where it says nothing.
    fn of(policy: &'a Policy) -> Option<Self> {
        let retention = policy.retention.as_ref().map(Tag::as_str);
        let residency = policy.residency.as_ref().map(Tag::as_str);
        (retention.is_some() || residency.is_some()).then_some(Self { retention, residency })
    }
}

/// Returns what the Codex CLI reads, written once for all tokens of an answer.
fn namespaced(grantee: &Grantee) -> Result<Box<RawValue>, Fault> {
    let workspace = grantee.workspace.id.as_str();
    let claims = AuthClaims {
        chatgpt_account_id: Some(workspace.to_owned()),
        chatgpt_plan_type: Some(PLAN.to_owned()),
        chatgpt_user_id: Some(grantee.user.subject.as_str().to_owned()),
        organization_id: Some(format!("org-{workspace}")),
        project_id: Some(format!("proj-{workspace}")),
        completed_platform_onboarding: Some(true),
        is_org_owner: Some(grantee.role == Role::Owner),
    };
    Ok(to_raw_value(&claims).map_err(SigningError::from)?)
}
