//! The part of a sign-in in which a browser brings the code.

use super::machine::State;
use super::{Callback, Effect, Login, LoginError};
use crate::endpoints::Endpoints;
use keyfob_codex::authorize::{EXTRA_PARAMETERS, SCOPE};
use keyfob_codex::client::CALLBACK_PATH;
use keyfob_oauth::request::{AuthorizationRequest, TokenRequest};
use keyfob_oauth::{AuthorizationCode, Scope, text};

impl Login {
    pub(super) fn show(&mut self, endpoints: Endpoints, port: u16) -> Effect {
        // The literal, not `localhost`, which another program could answer on ::1 (RFC 8252 §8.3, security C-05).
        let redirect_uri = format!("http://127.0.0.1:{port}{CALLBACK_PATH}");
        let request = AuthorizationRequest {
            client_id: self.client_id.clone(),
            redirect_uri: redirect_uri.clone(),
            scope: Scope::parse(SCOPE).unwrap_or_default(),
            state: self.once.state.clone(),
            code_challenge: self.once.verifier.challenge(),
            nonce: Some(self.once.nonce.clone()),
        };
        let mut extra = EXTRA_PARAMETERS.to_vec();
        extra.extend(self.workspace.as_ref().map(|workspace| ("allowed_workspace_id", workspace.as_str())));
        let url = request.to_url(&endpoints.authorization, &extra);
        self.go(State::Waiting { endpoints, redirect_uri }, Effect::Show(url))
    }

    /// A callback counts only with the state of this sign-in and from its issuer; others change nothing.
    pub(super) fn called(
        &mut self,
        endpoints: Endpoints,
        redirect_uri: String,
        callback: Callback,
    ) -> Effect {
        let ours = callback.state.as_ref() == Some(&self.once.state);
        // RFC 9207 §2.4: the issuer that was asked is named, and left out only by one that never names itself.
        let from_issuer = match &callback.issuer {
            Some(named) => named.trim_end_matches('/') == self.issuer.as_str(),
            None => !endpoints.names_itself,
        };
        if !ours || !from_issuer {
            return self.go(State::Waiting { endpoints, redirect_uri }, Effect::Refuse);
        }
        match (callback.error, callback.code) {
            (Some(code), _) => self.tell(LoginError::Refused {
                code: text::printable(&code),
                description: callback.error_description.as_deref().map(text::printable),
            }),
            (None, None) => self.tell(LoginError::NoCode),
            (None, Some(code)) => self.exchange(endpoints, redirect_uri, code),
        }
    }

    fn exchange(&mut self, endpoints: Endpoints, redirect_uri: String, code: AuthorizationCode) -> Effect {
        let code_verifier = self.once.verifier.clone();
        let request =
            TokenRequest::Code { client_id: self.client_id.clone(), code, redirect_uri, code_verifier };
        let endpoint = endpoints.token.clone();
        self.go(
            State::Exchanging(endpoints, Some(self.once.nonce.clone())),
            Effect::Exchange(endpoint, request),
        )
    }
}
