//! What the steps of a client are to find: whole values, with what is random in them the same in every step.

use super::{HOST, SCOPE};
use anyhow::{Context as _, Result, ensure};
use keyfob_codex::client::CLIENT_ID;
use serde_json::{Map, Value, json};

/// What an access token, an ID token, and a code of a device live, in seconds.
const TOKEN_LIFE: i64 = 3600;
const DEVICE_LIFE: i64 = 900;
const EVERY_SCOPE: &str =
    "openid profile email offline_access api.connectors.read api.connectors.invoke cloud";

/// What is random in a sign-in.
pub(super) struct Expected<'a> {
    steps: &'a Map<String, Value>,
    subject: String,
    workspace: String,
    session: String,
    auth_time: i64,
}

impl<'a> Expected<'a> {
    pub(super) fn of(steps: &'a Map<String, Value>) -> Result<Self> {
        let claims = at(steps, "sign-in", "/claims")?;
        let text = |claim: &str| {
            let value = claims.pointer(claim).and_then(Value::as_str);
            value.map(str::to_owned).with_context(|| format!("no {claim}"))
        };
        Ok(Self {
            steps,
            subject: text("/sub")?,
            workspace: text("/https:~1~1api.openai.com~1auth/chatgpt_account_id")?,
            session: text("/sid")?,
            auth_time: claims.get("auth_time").and_then(Value::as_i64).context("no time")?,
        })
    }

    /// The answer with tokens at `step`.
    pub(super) fn tokens(&self, step: &str) -> Result<Value> {
        Ok(json!({
            "token_type": "bearer",
            "expires_in": TOKEN_LIFE,
            "scope": SCOPE,
            "claims": self.id_token(step, &self.session)?,
        }))
    }

    pub(super) fn refreshed(&self) -> Result<Value> {
        let mut expected = self.tokens("refresh")?;
        expected["isNew"] = true.into();
        Ok(expected)
    }

    /// The claims of an access token (RFC 9068 §2.2).
    pub(super) fn access_token(&self, step: &str) -> Result<Value> {
        let mut claims = self.access_claims(at(self.steps, step, "")?)?;
        claims["https://api.openai.com/auth"] = self.namespaced();
        Ok(claims)
    }

    /// What a resource server is told of one (RFC 7662 §2.2).
    pub(super) fn introspected(&self, step: &str) -> Result<Value> {
        let mut told = self.access_claims(at(self.steps, step, "")?)?;
        told["active"] = true.into();
        told["token_type"] = "Bearer".into();
        told["kind"] = "access_token".into();
        Ok(told)
    }

    /// The steps in which both clients find the same.
    pub(super) fn assert_the_rest(&self, steps: &Map<String, Value>) -> Result<()> {
        let denied = json!({ "name": "AuthorizationResponseError", "error": "access_denied" });
        assert_eq!(steps.get("refusal"), Some(&denied));
        let person = json!({
            "sub": self.subject,
            "name": "mia",
            "email": "mia@example.org",
            "email_verified": true,
        });
        assert_eq!(steps.get("userinfo"), Some(&person));
        let late = json!({ "name": "ResponseBodyError", "error": "invalid_grant", "status": 400 });
        assert_eq!(steps.get("refresh after revocation"), Some(&late));
        assert_eq!(steps.get("introspection after revocation"), Some(&json!({ "active": false })));
        let session = text(at(steps, "device sign-in", "/claims/sid")?)?;
        ensure!(session != self.session, "the device has the browser's session");
        let mut device = self.tokens("device sign-in")?;
        device["claims"]["sid"] = session.into();
        assert_eq!(steps.get("device sign-in"), Some(&device));
        Ok(())
    }

    fn id_token(&self, step: &str, session: &str) -> Result<Value> {
        let claims = at(self.steps, step, "/claims")?;
        let mut expected = self.common(claims, session)?;
        expected["aud"] = CLIENT_ID.into();
        expected["email"] = "mia@example.org".into();
        expected["email_verified"] = true.into();
        expected["name"] = "mia".into();
        expected["https://api.openai.com/auth"] = self.namespaced();
        Ok(expected)
    }

    fn access_claims(&self, claims: &Value) -> Result<Value> {
        let mut expected = self.common(claims, &self.session)?;
        expected["aud"] = issuer("").into();
        expected["client_id"] = CLIENT_ID.into();
        expected["scope"] = SCOPE.into();
        expected["workspace_id"] = self.workspace.clone().into();
        expected["workspace_role"] = "owner".into();
        Ok(expected)
    }

    /// What every token says; its identifier and the time of its issue are its own.
    fn common(&self, claims: &Value, session: &str) -> Result<Value> {
        let issued = claims.get("iat").and_then(Value::as_i64).context("no time of issue")?;
        ensure!((0..600).contains(&(issued - self.auth_time)), "issued long after the sign-in, or before");
        Ok(json!({
            "iss": issuer(""),
            "sub": self.subject,
            "exp": issued + TOKEN_LIFE,
            "iat": issued,
            "jti": text(claims.get("jti").context("no identifier")?)?,
            "sid": session,
            "auth_time": self.auth_time,
            "amr": ["pwd"],
        }))
    }

    fn namespaced(&self) -> Value {
        let workspace = &self.workspace;
        json!({
            "chatgpt_account_id": workspace,
            "chatgpt_plan_type": "pro",
            "chatgpt_user_id": self.subject,
            "organization_id": format!("org-{workspace}"),
            "project_id": format!("proj-{workspace}"),
            "completed_platform_onboarding": true,
            "is_org_owner": true,
        })
    }
}

/// What a device shows its person (RFC 8628 §3.2); the code is its own.
pub(super) fn device(steps: &Map<String, Value>) -> Result<Value> {
    Ok(json!({
        "user_code": text(at(steps, "device", "/user_code")?)?,
        "verification_uri": issuer("/codex/device"),
        "expires_in": DEVICE_LIFE,
        "interval": 5,
    }))
}

/// The discovery document (RFC 8414 §2).
pub(super) fn metadata() -> Value {
    json!({
        "issuer": issuer(""),
        "authorization_endpoint": issuer("/oauth/authorize"),
        "token_endpoint": issuer("/oauth/token"),
        "jwks_uri": issuer("/oauth/jwks"),
        "revocation_endpoint": issuer("/oauth/revoke"),
        "device_authorization_endpoint": issuer("/oauth/device_authorization"),
        "introspection_endpoint": issuer("/oauth/introspect"),
        "userinfo_endpoint": issuer("/oauth/userinfo"),
        "end_session_endpoint": issuer("/oauth/logout"),
        "keyfob_revocations_endpoint": issuer("/api/revocations"),
        "keyfob_sessions_endpoint": issuer("/api/sessions"),
        "keyfob_handoff_supported": true,
        "response_types_supported": ["code"],
        "grant_types_supported": [
            "authorization_code",
            "refresh_token",
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:ietf:params:oauth:grant-type:device_code",
        ],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic"],
        "scopes_supported": EVERY_SCOPE.split(' ').collect::<Vec<_>>(),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "authorization_response_iss_parameter_supported": true,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
    })
}

/// What the issuer says of itself as a resource (RFC 9728 §2).
pub(super) fn resource() -> Value {
    json!({
        "resource": issuer(""),
        "authorization_servers": [issuer("")],
        "scopes_supported": EVERY_SCOPE.split(' ').collect::<Vec<_>>(),
        "bearer_methods_supported": ["header"],
    })
}

fn issuer(path: &str) -> String {
    format!("https://{HOST}{path}")
}

fn at<'a>(steps: &'a Map<String, Value>, step: &str, pointer: &str) -> Result<&'a Value> {
    steps
        .get(step)
        .and_then(|value| value.pointer(pointer))
        .with_context(|| format!("no {pointer} of {step}"))
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().context("no text")
}
