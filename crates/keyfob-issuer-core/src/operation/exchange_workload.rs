//! A workload's ID token becomes an access token for whom a rule lets it act (RFC 8693).

use super::exchange_token::{ChildToken, ExchangeTokenError, SubjectRefusal};
use crate::audit::{Action, AuditEvent};
use crate::claims::AccessSubject;
use crate::issuer::Issuer;
use crate::operation::grantee::{Grantee, Way, find_grantee};
use crate::storage::Transaction;
use crate::workload::WorkloadRule;
use crate::workspace::AllowedWorkspaces;
use keyfob_jose::{Claims, Expected, KeySet, TokenType, VerifyError};
use keyfob_oauth::{ClientId, IdToken, IssuerUrl, Scope};
use serde_json::json;

/// What a workload brings along, and what is known of its issuer.
#[derive(Clone, Debug)]
pub struct WorkloadExchange<'a> {
    /// Who asks.
    pub client_id: ClientId,
    /// The workload's own.
    pub subject_token: &'a IdToken,
    /// Who made it.
    pub issuer: &'a IssuerUrl,
    /// With one of these keys.
    pub keys: &'a KeySet,
    /// The rules for this issuer; the first that fits counts.
    pub rules: &'a [WorkloadRule],
    /// What it wants; all that the rule allows, if nothing is named.
    pub scope: Option<Scope>,
    /// For which workspaces the client takes tokens.
    pub allowed: &'a AllowedWorkspaces,
    /// Which server the token is for; the issuer's usual one, if none is named (RFC 8707).
    pub resource: Option<String>,
}

impl Issuer {
    /// Hands a workload an access token: by the rule that it fits, for no more, and for no longer than its own token.
    ///
    /// It begins no session. It ends by its time, or with its user or their workspace.
    pub async fn exchange_for_workload(
        &self,
        request: &WorkloadExchange<'_>,
    ) -> Result<ChildToken, ExchangeTokenError> {
        let now = self.now();
        let mut transaction = self.begin().await?;
        let client = transaction.find_client(&request.client_id).await?;
        let client = client.ok_or(ExchangeTokenError::UnknownClient)?;
        let audience = self.known_audience(&mut *transaction, request.resource.as_deref()).await?;
        let (rule, claims) = self.fitting_rule(request)?;
        let grantee = self.workload_grantee(&mut *transaction, rule).await?;
        drop(transaction);
        let widest = grantee.check(Way::Workload(&rule.scope, request.allowed), now)?;
        let scope = request.scope.clone().unwrap_or_else(|| widest.clone());
        if !scope.is_within(&widest) {
            return Err(ExchangeTokenError::ScopeTooWide);
        }
        let own_end = claims.time("exp").ok_or(SubjectRefusal::Invalid)?;
        let end = now.plus(rule.life).min(own_end);
        let subject = AccessSubject { client_id: &client.id, grantee: &grantee, session: None };
        // RFC 8693 §4.1: who acts for the subject.
        let actor = json!({ "iss": request.issuer.as_str(), "sub": claims.text("sub").unwrap_or_default() });
        let access_token = self.sign_workload(&subject, &rule.name, &actor, &scope, &audience, end)?;
        let event = AuditEvent::done(Action::LetWorkloadIn).of(&grantee.user.subject).through(&client.id);
        self.commit(self.begin().await?, event.about(&rule.name)).await?;
        Ok(ChildToken { access_token, expires_in: end.since(now), scope })
    }

    /// Returns for whom a rule lets workloads act.
    async fn workload_grantee(
        &self,
        transaction: &mut dyn Transaction,
        rule: &WorkloadRule,
    ) -> Result<Grantee, ExchangeTokenError> {
        let user = transaction.find_user_by_email(&rule.user).await?.ok_or(SubjectRefusal::NoRule)?;
        let workspace = if let Some(id) = &rule.workspace {
            id.clone()
        } else {
            let own = transaction.find_personal_workspace(&user.subject).await?;
            own.ok_or(SubjectRefusal::NoRule)?.id
        };
        Ok(find_grantee(transaction, &user.subject, &workspace).await??)
    }

    fn fitting_rule<'a>(
        &self,
        request: &WorkloadExchange<'a>,
    ) -> Result<(&'a WorkloadRule, Claims), SubjectRefusal> {
        let mut refusal = SubjectRefusal::Invalid;
        for rule in request.rules {
            let expected = Expected {
                token_type: TokenType::IdToken,
                issuer: request.issuer.as_str(),
                audience: rule.audience.as_str(),
            };
            match request.keys.verify(request.subject_token.expose(), &expected, self.now()) {
                // Its time is judged without the leeway of clocks: what follows lives no longer than it.
                Ok(claims) if claims.time("exp").is_none_or(|end| self.now() >= end) => {}
                Ok(claims) if rule.allows(&claims) => return Ok((rule, claims)),
                Ok(_) => refusal = SubjectRefusal::NoRule,
                Err(VerifyError::UnknownKey) => return Err(SubjectRefusal::UnknownKey),
                Err(
                    VerifyError::Malformed
                    | VerifyError::BadSignature
                    | VerifyError::WrongType
                    | VerifyError::WrongIssuer
                    | VerifyError::WrongAudience
                    | VerifyError::Expired
                    | VerifyError::NotYetValid,
                ) => {}
            }
        }
        Err(refusal)
    }
}
