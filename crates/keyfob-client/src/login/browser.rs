//! The part of a sign-in in which a browser brings the code.

use super::machine::{State, wanted_workspaces};
use super::{Answer, Asked, Effect, ExpectedCallback, Login, LoginError};
use crate::endpoints::Endpoints;
use keyfob_codex::client::{CALLBACK_PATH, RegisteredCallbacks};
use keyfob_oauth::request::{AuthorizationRequest, TokenRequest};
use keyfob_oauth::token::Nonce;
use keyfob_oauth::{AuthorizationCode, Scope};

impl Login {
    pub(super) fn listen(&mut self, endpoints: Endpoints) -> Effect {
        let expected = ExpectedCallback {
            state: self.once.state.clone(),
            issuer: self.issuer.clone(),
            names_itself: endpoints.names_itself,
        };
        self.go(State::Opening(endpoints), Effect::Listen(self.registered(), expected))
    }

    pub(super) fn show(&mut self, endpoints: Endpoints, port: u16) -> Effect {
        let redirect_uri = format!("http://{}:{port}{CALLBACK_PATH}", self.registered().host());
        let request = AuthorizationRequest {
            client_id: self.client_id.clone(),
            redirect_uri: redirect_uri.clone(),
            scope: Scope::parse(&Asked::scope(&self.capabilities, endpoints.dialect)).unwrap_or_default(),
            state: self.once.state.clone(),
            code_challenge: self.once.verifier.challenge(),
            nonce: self.nonce(&endpoints),
        };
        let mut extra = endpoints.dialect.parameters().to_vec();
        let wanted = wanted_workspaces(self.workspace.as_ref(), &self.restrictions);
        extra.extend(wanted.as_deref().map(|ids| ("allowed_workspace_id", ids)));
        let url = request.to_url(&endpoints.authorization, &extra);
        self.go(State::Waiting { endpoints, redirect_uri }, Effect::Show(url))
    }

    pub(super) fn called(&mut self, endpoints: Endpoints, redirect_uri: String, answer: Answer) -> Effect {
        match answer {
            Answer::Code(code) => self.exchange(endpoints, redirect_uri, code),
            Answer::Refused { code, description } => self.tell(LoginError::Refused { code, description }),
            Answer::Nothing => self.tell(LoginError::NoCode),
        }
    }

    fn registered(&self) -> RegisteredCallbacks {
        RegisteredCallbacks::at(&self.issuer)
    }

    fn exchange(&mut self, endpoints: Endpoints, redirect_uri: String, code: AuthorizationCode) -> Effect {
        let code_verifier = self.once.verifier.clone();
        let request =
            TokenRequest::Code { client_id: self.client_id.clone(), code, redirect_uri, code_verifier };
        let endpoint = endpoints.token.clone();
        let nonce = self.nonce(&endpoints);
        self.go(State::Exchanging(endpoints, nonce), Effect::Exchange(endpoint, request))
    }

    fn nonce(&self, endpoints: &Endpoints) -> Option<Nonce> {
        endpoints.dialect.has_nonce().then(|| self.once.nonce.clone())
    }
}
