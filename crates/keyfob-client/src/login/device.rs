//! The part of a sign-in in which a person types a code on another machine (RFC 8628; the Codex dialect).

use super::machine::State;
use super::{Effect, Login, LoginError};
use crate::device_endpoint::{DeviceError, PendingDevice, Polled};
use crate::endpoints::Endpoints;
use crate::http::HttpError;
use crate::token_endpoint::TokenError;
use keyfob_codex::client::DEVICE_CALLBACK_PATH;
use keyfob_oauth::request::TokenRequest;
use keyfob_oauth::{AuthorizationCode, CodeVerifier};
use std::time::Duration;

/// An issuer in trouble is asked for a code again after these pauses; a person waits.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// What a poll that came too early adds to every pause from then on (RFC 8628 §3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// The longest pause between two polls (security C-24).
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// A code that was shown, and how its polls go.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) pending: PendingDevice,
    /// The pause that the issuer wants.
    interval: Duration,
    /// How many polls in a row met trouble.
    troubles: u32,
}

impl Login {
    pub(super) fn ask_for_code(&mut self, endpoints: Endpoints, tries: usize) -> Effect {
        let effect = Effect::RequestCode(endpoints.device.clone(), endpoints.dialect);
        self.go(State::Asking(endpoints, tries), effect)
    }

    /// Shows the code; an issuer without any is signed in at with a browser, and one in trouble is asked again.
    pub(super) fn given(
        &mut self,
        endpoints: Endpoints,
        tries: usize,
        given: Result<Box<PendingDevice>, DeviceError>,
    ) -> Effect {
        match given {
            Ok(pending) => {
                let device = Device { interval: pending.interval, pending: *pending.clone(), troubles: 0 };
                self.go(State::Showing(endpoints, Box::new(device)), Effect::ShowCode(pending))
            }
            Err(DeviceError::NotOffered) => {
                self.fell_back = true;
                self.listen(endpoints)
            }
            Err(DeviceError::Failed(error)) => match (after(&error), PAUSES.get(tries)) {
                // A silent issuer has had its time.
                (Some(asked), Some(pause)) if !is_silent(&error) && asked <= LONGEST_ASKED => {
                    self.go(State::PausingToAsk(endpoints, tries + 1), Effect::Pause(asked.max(*pause)))
                }
                (_, _) => self.no_code(DeviceError::Failed(error)),
            },
            Err(error @ DeviceError::Unusable(_)) => self.no_code(error),
        }
    }

    fn no_code(&self, source: DeviceError) -> Effect {
        Effect::Done(Err(LoginError::NoDeviceCode { issuer: self.issuer.clone(), source }))
    }

    pub(super) fn wait(&mut self, endpoints: Endpoints, device: Box<Device>) -> Effect {
        let pause = device.interval;
        self.go(State::Pausing(endpoints, device), Effect::Pause(pause))
    }

    pub(super) fn poll(&mut self, endpoints: Endpoints, device: Box<Device>) -> Effect {
        let effect = Effect::Poll(endpoints.token.clone(), Box::new(device.pending.clone()));
        self.go(State::Polling(endpoints, device), effect)
    }

    /// Trouble on the way does not end a sign-in that a person is about to finish; a decision ends it at once.
    pub(super) fn polled(
        &mut self,
        endpoints: Endpoints,
        mut device: Box<Device>,
        polled: Result<Polled, TokenError>,
    ) -> Effect {
        match polled {
            Ok(Polled::Pending) => {
                device.troubles = 0;
                self.wait(endpoints, device)
            }
            Ok(Polled::SlowDown) => {
                device.troubles = 0;
                device.interval = (device.interval + SLOWER).min(LONGEST_PAUSE);
                self.wait(endpoints, device)
            }
            Ok(Polled::Denied) => Effect::Done(Err(LoginError::Denied)),
            Ok(Polled::Expired) => Effect::Done(Err(LoginError::CodeExpired)),
            Ok(Polled::Code(code, verifier)) => self.redeem(endpoints, code, verifier),
            Ok(Polled::Tokens(response)) => {
                self.go(State::Verifying(response, None), Effect::FetchKeys(endpoints.keys))
            }
            Err(error) => match after(&error) {
                Some(asked) => {
                    device.troubles += 1;
                    let doubled = device.interval.saturating_mul(1 << device.troubles.min(6));
                    let pause = asked.max(doubled.min(LONGEST_PAUSE));
                    self.go(State::Pausing(endpoints, device), Effect::Pause(pause))
                }
                None => self.no_code(DeviceError::Failed(error)),
            },
        }
    }

    /// Redeems the code that the issuer made for the device, with the verifier that it made too.
    fn redeem(
        &mut self,
        endpoints: Endpoints,
        code: AuthorizationCode,
        code_verifier: CodeVerifier,
    ) -> Effect {
        let request = TokenRequest::Code {
            client_id: self.client_id.clone(),
            code,
            redirect_uri: self.issuer.join(DEVICE_CALLBACK_PATH),
            code_verifier,
        };
        let effect = Effect::Exchange(endpoints.token.clone(), request);
        self.go(State::Exchanging(endpoints, None), effect)
    }
}

/// A person who sees nothing is not kept waiting for longer than this before they are told.
const LONGEST_ASKED: Duration = Duration::from_secs(10);

/// Returns for how long to leave the issuer alone if the trouble may pass, else nothing.
fn after(error: &TokenError) -> Option<Duration> {
    match error {
        TokenError::Refused { status: 429 | 500..=599, retry_after, .. } => {
            Some(retry_after.unwrap_or_default())
        }
        TokenError::Unreachable(
            HttpError::NoConnection { .. } | HttpError::NoAnswer { .. } | HttpError::TimedOut,
        ) => Some(Duration::ZERO),
        TokenError::Refused { .. }
        | TokenError::Rejected(_)
        | TokenError::Unusable(_)
        | TokenError::Unreachable(
            HttpError::Setup(_)
            | HttpError::Certificates(_)
            | HttpError::Untrusted { .. }
            | HttpError::TooLong,
        ) => None,
    }
}

fn is_silent(error: &TokenError) -> bool {
    matches!(error, TokenError::Unreachable(HttpError::TimedOut))
}
