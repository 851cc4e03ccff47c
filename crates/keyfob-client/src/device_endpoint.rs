//! What a device asks an issuer: for a code, and whether its person has decided (RFC 8628; the Codex dialect).

use crate::endpoints::{DeviceEndpoint, safe};
use crate::http::{Answer, HttpClient};
use crate::token_endpoint::{TokenError, redeem, refusal};
use keyfob_codex::device::{POLL_PATH, PollResponse, USER_CODE_PATH, UserCodeAnswer, VERIFICATION_PATH};
use keyfob_oauth::device::{
    DeviceAuthorization, InvalidDeviceAuthorization, LONGEST_LIFE, UserCode, interval,
};
use keyfob_oauth::request::TokenRequest;
use keyfob_oauth::token::InvalidTokenResponse;
use keyfob_oauth::{
    AuthorizationCode, ClientId, CodeVerifier, DeviceCode, ErrorCode, IssuerUrl, TokenResponse,
};
use serde_json::json;
use std::time::Duration;
use url::Url;

/// A code that waits for its person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingDevice {
    /// What the person types.
    pub user_code: UserCode,
    /// Where they type it: on the issuer's host, without the code.
    pub address: Url,
    /// For how long the code works.
    pub life: Duration,
    pub(crate) interval: Duration,
    pub(crate) device_code: DeviceCode,
    pub(crate) dialect: Dialect,
}

/// How a device polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// At the token endpoint (RFC 8628 §3.4).
    Standard,
    /// At an endpoint of its own, which gives a code to redeem.
    Codex,
}

/// No code can be had.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The issuer, or its administrator, does not offer it.
    #[error("the issuer does not offer sign-in by device code")]
    NotOffered,
    /// The issuer refused or did not answer.
    #[error(transparent)]
    Failed(#[from] TokenError),
    /// The issuer's answer must not be shown.
    #[error("the issuer's answer cannot be used")]
    Unusable(#[from] InvalidDeviceAuthorization),
}

/// What a poll found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Polled {
    /// Nobody has decided.
    Pending,
    /// Nobody has decided, and the device asked too often (RFC 8628 §3.5).
    SlowDown,
    /// The person refused.
    Denied,
    /// The code is over.
    Expired,
    /// The person approved: this is to be redeemed.
    Code(AuthorizationCode, CodeVerifier),
    /// The person approved.
    Tokens(TokenResponse),
}

/// Asks for a code, for a sign-in to one of `workspaces` if any are named.
pub(crate) async fn ask(
    http: &HttpClient,
    issuer: &IssuerUrl,
    endpoint: &DeviceEndpoint,
    client_id: &ClientId,
    (scope, workspaces): (&str, Option<&str>),
) -> Result<PendingDevice, DeviceError> {
    let answer = match endpoint {
        DeviceEndpoint::Standard(url) => {
            let mut form = vec![("client_id", client_id.as_str()), ("scope", scope)];
            form.extend(workspaces.map(|ids| ("allowed_workspace_id", ids)));
            http.post_form(url.as_str(), &form, None).await
        }
        DeviceEndpoint::Codex => {
            let mut body = json!({ "client_id": client_id.as_str() });
            if let (Some(ids), Some(body)) = (workspaces, body.as_object_mut()) {
                body.insert("allowed_workspace_id".into(), ids.into());
            }
            http.post_json(&issuer.join(USER_CODE_PATH), &body).await
        }
    };
    let answer = answer.map_err(TokenError::Unreachable)?;
    match (answer.status, endpoint) {
        (200, DeviceEndpoint::Standard(_)) => standard(issuer, &answer.body),
        (200, DeviceEndpoint::Codex) => codex(issuer, &answer.body),
        (404, _) => Err(DeviceError::NotOffered),
        (_, _) => Err(no_code(&answer)),
    }
}

fn standard(issuer: &IssuerUrl, body: &[u8]) -> Result<PendingDevice, DeviceError> {
    let given = DeviceAuthorization::parse(body)?;
    let own = Url::parse(issuer.as_str()).ok().map(|own| own.origin());
    let address = safe(issuer, &given.verification_uri)
        .filter(|address| Some(address.origin()) == own)
        .ok_or(InvalidDeviceAuthorization::Address)?;
    Ok(PendingDevice {
        user_code: given.user_code,
        address,
        life: given.expires_in,
        interval: given.interval,
        device_code: given.device_code,
        dialect: Dialect::Standard,
    })
}

/// The issuer names no address: it is put together here.
fn codex(issuer: &IssuerUrl, body: &[u8]) -> Result<PendingDevice, DeviceError> {
    let given: UserCodeAnswer =
        serde_json::from_slice(body).map_err(|_| InvalidDeviceAuthorization::NotJson)?;
    Ok(PendingDevice {
        user_code: UserCode::parse(&given.user_code)?,
        address: safe(issuer, &issuer.join(VERIFICATION_PATH)).ok_or(InvalidDeviceAuthorization::Address)?,
        life: LONGEST_LIFE,
        interval: interval(given.interval.as_ref()),
        device_code: DeviceCode::new(given.device_auth_id),
        dialect: Dialect::Codex,
    })
}

/// An administrator who turned it off for a client says so in the words of RFC 6749 §5.2.
fn no_code(answer: &Answer) -> DeviceError {
    match refusal(answer.status, &answer.body, answer.retry_after()) {
        TokenError::Refused { status: 400 | 401, code: Some(code), .. }
            if code == ErrorCode::UnauthorizedClient.as_str() =>
        {
            DeviceError::NotOffered
        }
        error => error.into(),
    }
}

/// Asks whether the person has decided.
pub(crate) async fn poll(
    http: &HttpClient,
    issuer: &IssuerUrl,
    token_endpoint: &Url,
    client_id: &ClientId,
    device: &PendingDevice,
    header: Option<(&'static str, &str)>,
) -> Result<Polled, TokenError> {
    match device.dialect {
        Dialect::Standard => {
            let device_code = device.device_code.clone();
            let request = TokenRequest::Device { client_id: client_id.clone(), device_code };
            let redeemed = redeem(http, token_endpoint.as_str(), &request, header).await;
            redeemed.map(|redeemed| Polled::Tokens(redeemed.tokens)).or_else(undecided)
        }
        Dialect::Codex => {
            let body = json!({
                "device_auth_id": device.device_code.expose(), "user_code": device.user_code.expose(),
            });
            let answer = http.post_json(&issuer.join(POLL_PATH), &body).await;
            codex_answer(&answer.map_err(TokenError::Unreachable)?)
        }
    }
}

/// Reads the errors of RFC 8628 §3.5; every other one stays what it is.
fn undecided(error: TokenError) -> Result<Polled, TokenError> {
    let code = match &error {
        TokenError::Refused { status: 400, code: Some(code), .. } => ErrorCode::from_wire(code),
        TokenError::Refused { .. }
        | TokenError::Rejected(_)
        | TokenError::Unusable(_)
        | TokenError::Unreachable(_) => None,
    };
    match code {
        Some(ErrorCode::AuthorizationPending) => Ok(Polled::Pending),
        Some(ErrorCode::SlowDown) => Ok(Polled::SlowDown),
        Some(ErrorCode::AccessDenied) => Ok(Polled::Denied),
        Some(ErrorCode::ExpiredToken) => Ok(Polled::Expired),
        Some(_) | None => Err(error),
    }
}

/// 403 and 404 mean *pending*, whatever they say: that is how this dialect waits.
fn codex_answer(answer: &Answer) -> Result<Polled, TokenError> {
    let unusable = || TokenError::Unusable(InvalidTokenResponse::NotJson);
    match answer.status {
        200 => {
            let given: PollResponse = serde_json::from_slice(&answer.body).map_err(|_| unusable())?;
            let verifier = CodeVerifier::parse(&given.code_verifier).map_err(|_| unusable())?;
            Ok(Polled::Code(AuthorizationCode::new(given.authorization_code), verifier))
        }
        403 | 404 => Ok(Polled::Pending),
        status => match refusal(status, &answer.body, answer.retry_after()) {
            TokenError::Rejected(_) => Ok(Polled::Expired),
            error => undecided(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn issuer() -> IssuerUrl {
        IssuerUrl::parse("https://id.test").unwrap()
    }

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, headers: reqwest::header::HeaderMap::new(), body: body.as_bytes().to_vec() }
    }

    #[test]
    fn c_25_a_person_is_sent_to_the_issuer_that_was_asked_and_nowhere_else() {
        let sent = |address: &str| {
            let body = json!({ "device_code": "dc", "user_code": "ABCD-1234", "verification_uri": address });
            standard(&issuer(), body.to_string().as_bytes()).map(|device| device.address.to_string())
        };

        assert_eq!(sent("https://id.test/codex/device").unwrap(), "https://id.test/codex/device");
        for elsewhere in [
            "https://evil.test/device",
            "https://id.test@evil.test/device",
            "https://id.test:8443/device",
            "http://id.test/device",
            "javascript:alert(1)",
        ] {
            let refused = sent(elsewhere);
            assert!(
                matches!(refused, Err(DeviceError::Unusable(InvalidDeviceAuthorization::Address))),
                "{elsewhere}: {refused:?}"
            );
        }
    }

    #[test]
    fn c_24_the_codex_dialect_is_read_in_every_way_in_which_it_is_written() {
        let read = |interval: Value, name: &str| {
            let body = json!({ "device_auth_id": "d", name: "ABCD-1234", "interval": interval });
            codex(&issuer(), body.to_string().as_bytes()).map(|device| device.interval.as_secs()).unwrap()
        };

        assert_eq!(read(json!("7"), "user_code"), 7);
        assert_eq!(read(json!(7), "usercode"), 7);
        assert_eq!(read(Value::Null, "user_code"), 5);
        assert!(matches!(
            codex(&issuer(), b"<html>"),
            Err(DeviceError::Unusable(InvalidDeviceAuthorization::NotJson))
        ));
    }

    #[test]
    fn c_24_a_poll_in_the_codex_dialect_waits_for_403_and_404_and_for_nothing_else() {
        let polled = |status, body: &str| codex_answer(&answer(status, body));
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let approved = json!({ "authorization_code": "c", "code_verifier": verifier, "code_challenge": "x" });

        let code = Polled::Code(AuthorizationCode::new("c"), CodeVerifier::new(verifier));
        assert_eq!(polled(200, &approved.to_string()).unwrap(), code);
        assert!(matches!(polled(200, "<html>"), Err(TokenError::Unusable(_))));
        assert!(matches!(
            polled(
                200,
                &json!({ "authorization_code": "c", "code_verifier": "short", "code_challenge": "" })
                    .to_string()
            ),
            Err(TokenError::Unusable(_))
        ));
        for pending in [polled(403, "<html>"), polled(404, ""), polled(403, r#"{"error":"access_denied"}"#)] {
            assert_eq!(pending.unwrap(), Polled::Pending);
        }
        assert_eq!(polled(400, r#"{"error":"access_denied"}"#).unwrap(), Polled::Denied);
        assert_eq!(polled(400, r#"{"error":"invalid_grant"}"#).unwrap(), Polled::Expired);
        for (status, body) in [(400, ""), (429, ""), (500, r#"{"error":"slow_down"}"#)] {
            let refused = polled(status, body);
            assert!(matches!(refused, Err(TokenError::Refused { status: said, .. }) if said == status));
        }
    }

    #[test]
    fn c_24_the_errors_of_the_standard_are_told_apart() {
        let told = |status: u16, code: &str| {
            let code = Some(code.to_owned());
            undecided(TokenError::Refused { status, code, description: None, retry_after: None })
        };

        let known = ["authorization_pending", "slow_down", "access_denied", "expired_token"];
        let decided = known.map(|code| told(400, code).unwrap());
        assert_eq!(decided, [Polled::Pending, Polled::SlowDown, Polled::Denied, Polled::Expired]);
        assert!(told(400, "invalid_client").is_err());
        assert!(
            told(500, "authorization_pending").is_err(),
            "a server that failed says nothing of the person"
        );
    }
}
