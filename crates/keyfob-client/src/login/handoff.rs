//! The sign-in of a machine to which another one handed over: nobody is asked anything.

use super::machine::State;
use super::{Asked, Effect, Login, LoginError, Once, SignIn, SignedIn};
use crate::endpoints::Endpoints;
use keyfob_oauth::request::TokenRequest;
use keyfob_oauth::{Entropy, HandoffCode};
use keyfob_settings::Restrictions;
use std::sync::Arc;

impl SignIn {
    /// Redeems what another machine handed over, verifies and stores, with the same care for what is there.
    ///
    /// When there is no place for it after all, the session that the issuer began is ended again. Dropped before the end,
    /// it leaves the old login in place.
    pub async fn take_over(self, code: HandoffCode, entropy: &dyn Entropy) -> Result<SignedIn, LoginError> {
        let (asked, mut shell) = self.equip()?;
        let (mut login, mut effect) =
            Login::begin_with(asked, Arc::clone(shell.restrictions()), Once::draw(entropy)?, code);
        let result = loop {
            effect = match effect {
                Effect::Done(result) => break result,
                other => login.step(shell.perform(other).await),
            };
        };
        shell.finish(&result).await;
        result.map_err(|error| match error {
            LoginError::Exchange { issuer, source } => LoginError::Handoff { issuer, source },
            other => other,
        })
    }
}

impl Login {
    /// Begins with what another machine handed over.
    pub fn begin_with(
        asked: Asked,
        restrictions: Arc<Restrictions>,
        once: Once,
        code: HandoffCode,
    ) -> (Self, Effect) {
        let (mut login, effect) = Self::begin(asked, restrictions, once);
        login.handoff = Some(code);
        (login, effect)
    }

    pub(super) fn take_over(&mut self, endpoints: Endpoints, code: HandoffCode) -> Effect {
        let request = TokenRequest::TakeOver { client_id: self.client_id.clone(), code };
        let effect = Effect::Exchange(endpoints.token.clone(), request);
        self.go(State::Exchanging(endpoints, None), effect)
    }
}
