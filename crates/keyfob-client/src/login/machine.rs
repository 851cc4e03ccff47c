//! The decisions of a sign-in.

use super::{
    Callback, Effect, Event, IdTokenError, LoginError, Occupied, Page, Replace, SignedIn, Superseded, slot,
};
use crate::account::Account;
use crate::clock_skew::ClockSkew;
use crate::endpoints::Endpoints;
use crate::logins::LoginName;
use crate::store::{Digest, Slot, StoreError};
use crate::superseded::OldSession;
use keyfob_codex::auth_file::{AccountTokens, AuthFile, Provenance};
use keyfob_codex::authorize::{EXTRA_PARAMETERS, SCOPE};
use keyfob_codex::client::CALLBACK_PATH;
use keyfob_jose::{Expected, KeySet, TokenType, VerifyError};
use keyfob_oauth::request::{AuthorizationRequest, TokenRequest};
use keyfob_oauth::token::{Nonce, State as CallbackState};
use keyfob_oauth::{
    AuthorizationCode, ClientId, CodeVerifier, Entropy, EntropyError, IssuerUrl, Scope, Secret, Timestamp,
    TokenResponse, text,
};

/// The random values of one sign-in.
#[derive(Debug)]
pub struct Once {
    pub(super) state: CallbackState,
    pub(super) nonce: Nonce,
    pub(super) verifier: CodeVerifier,
    owner: Secret,
}

impl Once {
    /// Draws them.
    pub fn draw(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        Ok(Self {
            state: entropy.token()?.into(),
            nonce: entropy.token()?.into(),
            verifier: CodeVerifier::generate(entropy)?,
            owner: entropy.token()?,
        })
    }
}

/// The state of one sign-in.
#[derive(Debug)]
pub struct Login {
    issuer: IssuerUrl,
    client_id: ClientId,
    replace: Replace,
    pub(super) once: Once,
    /// Whether a login that stays was in the place when the sign-in began.
    pub(super) place_is_taken: bool,
    /// Where it is kept, if not in the place that was asked for.
    beside: Option<LoginName>,
    state: State,
}

#[derive(Debug)]
enum State {
    Looking,
    Preparing,
    Discovering,
    Opening(Endpoints),
    Waiting { endpoints: Endpoints, redirect_uri: String },
    Exchanging(Endpoints),
    Verifying(TokenResponse),
    Locking(Box<New>),
    Comparing(Box<New>),
    GoingBeside(Box<New>),
    SettingAside(Box<New>, Digest),
    Noting(Box<New>, Option<Digest>, Box<AuthFile>, OldSession),
    Saving(Box<New>, Option<OldSession>),
    Telling(Result<(SignedIn, Option<OldSession>), LoginError>),
    Revoking(SignedIn),
    Finished,
}

/// The login that is to be stored.
#[derive(Debug)]
struct New {
    account: Account,
    record: AuthFile,
    /// Where the damaged login is kept that was there before.
    set_aside: Option<String>,
}

impl Login {
    /// Begins.
    pub fn begin(issuer: IssuerUrl, client_id: ClientId, replace: Replace, once: Once) -> (Self, Effect) {
        let state = State::Looking;
        (Self { issuer, client_id, replace, once, place_is_taken: false, beside: None, state }, Effect::Load)
    }

    /// Takes in what happened and says what to do next.
    ///
    /// An event that does not belong to the current state ends the sign-in without a change.
    pub fn step(&mut self, event: Event) -> Effect {
        let state = std::mem::replace(&mut self.state, State::Finished);
        match (state, event) {
            (State::Looking, Event::Loaded(Ok(slot))) => match slot::admit(&slot, &self.issuer, self.replace)
            {
                Ok(()) => self.go(State::Preparing, Effect::Prepare),
                Err(occupied) if self.goes_beside(&occupied) => {
                    self.place_is_taken = true;
                    self.go(State::Preparing, Effect::Prepare)
                }
                Err(occupied) => failed(occupied.into()),
            },
            (State::Preparing, Event::Prepared(Ok(()))) => self.go(State::Discovering, Effect::Discover),
            (State::Looking, Event::Loaded(Err(error))) | (State::Preparing, Event::Prepared(Err(error))) => {
                failed(LoginError::Store(error))
            }
            (State::Discovering, Event::Discovered(Ok(found))) => {
                self.go(State::Opening(*found), Effect::Listen)
            }
            (State::Discovering, Event::Discovered(Err(error))) => failed(error.into()),
            (State::Opening(endpoints), Event::Listening(Ok(port))) => self.show(endpoints, port),
            (State::Opening(_), Event::Listening(Err(error))) => failed(error.into()),
            (State::Waiting { endpoints, redirect_uri }, Event::Called(callback)) => {
                self.called(endpoints, redirect_uri, callback)
            }
            (State::Waiting { .. }, Event::TimedOut) => failed(LoginError::TimedOut),
            (State::Exchanging(endpoints), Event::Answered(Ok(response))) => {
                self.go(State::Verifying(response), Effect::FetchKeys(endpoints.keys))
            }
            (State::Exchanging(_), Event::Answered(Err(source))) => {
                self.tell(LoginError::Exchange { issuer: self.issuer.clone(), source })
            }
            (State::Verifying(response), Event::Keys(Ok(keys), now)) => {
                match self.accept(response, &keys, now) {
                    Ok(new) => self.go(State::Locking(Box::new(new)), Effect::Lock),
                    Err(error) => self.tell(error),
                }
            }
            (State::Verifying(_), Event::Keys(Err(source), _)) => {
                self.tell(LoginError::Keys { issuer: self.issuer.clone(), source })
            }
            (State::Locking(new), Event::Locked(Ok(()))) => self.go(State::Comparing(new), Effect::Load),
            (State::Comparing(new), Event::Loaded(Ok(slot))) => self.save(new, &slot),
            (State::GoingBeside(new), Event::WentBeside(Ok(name))) => {
                self.beside = Some(name);
                self.go(State::Locking(new), Effect::Lock)
            }
            (State::SettingAside(mut new, damaged), Event::SetAside(Ok(place))) => {
                new.set_aside = Some(place);
                let record = Box::new(new.record.clone());
                self.go(State::Saving(new, None), Effect::Save(Some(damaged), record))
            }
            (State::Noting(new, expected, record, old), Event::Noted) => {
                self.go(State::Saving(new, Some(old)), Effect::Save(expected, record))
            }
            // Another program stored something in this very moment: look again at what it is.
            (State::Saving(new, _), Event::Saved(Err(StoreError::Changed))) => {
                self.go(State::Comparing(new), Effect::Load)
            }
            (State::Saving(new, old), Event::Saved(Ok(_))) => {
                let New { account, set_aside, .. } = *new;
                let beside = self.beside.clone();
                let signed_in = SignedIn { account, beside, superseded: Superseded::Nothing, set_aside };
                self.go(State::Telling(Ok((signed_in, old))), Effect::Tell(Page::SignedIn))
            }
            (State::Locking(_), Event::Locked(Err(error)))
            | (State::Comparing(_), Event::Loaded(Err(error)))
            | (State::GoingBeside(_), Event::WentBeside(Err(error)))
            | (State::SettingAside(..), Event::SetAside(Err(error)))
            | (State::Saving(..), Event::Saved(Err(error))) => self.tell(LoginError::Store(error)),
            (State::Telling(Err(error)), Event::Told) => failed(error),
            (State::Telling(Ok((signed_in, None))), Event::Told) => Effect::Done(Ok(signed_in)),
            (State::Telling(Ok((signed_in, Some(old)))), Event::Told) => {
                let revocation = old.revocation();
                self.go(State::Revoking(signed_in), Effect::Revoke(old.issuer, revocation))
            }
            (State::Revoking(signed_in), Event::Revoked(result)) => {
                let superseded = if result.is_ok() { Superseded::Revoked } else { Superseded::Unconfirmed };
                Effect::Done(Ok(SignedIn { superseded, ..signed_in }))
            }
            (_, _) => failed(LoginError::NoCode),
        }
    }

    fn go(&mut self, state: State, effect: Effect) -> Effect {
        self.state = state;
        effect
    }

    fn tell(&mut self, error: LoginError) -> Effect {
        let page = Page::Failed(error.to_string());
        self.go(State::Telling(Err(error)), Effect::Tell(page))
    }

    fn show(&mut self, endpoints: Endpoints, port: u16) -> Effect {
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
        let url = request.to_url(&endpoints.authorization, &EXTRA_PARAMETERS);
        self.go(State::Waiting { endpoints, redirect_uri }, Effect::Show(url))
    }

    /// A callback counts only with the state of this sign-in and from its issuer; others change nothing.
    fn called(&mut self, endpoints: Endpoints, redirect_uri: String, callback: Callback) -> Effect {
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
        self.go(State::Exchanging(endpoints), Effect::Exchange(endpoint, request))
    }

    /// Verifies the ID token (OpenID Connect Core §3.1.3.7) and makes the document.
    fn accept(&self, response: TokenResponse, keys: &KeySet, now: Timestamp) -> Result<New, LoginError> {
        let incomplete = |token| LoginError::Incomplete { issuer: self.issuer.clone(), token };
        let refused = |source| LoginError::IdToken { issuer: self.issuer.clone(), source };
        let id_token = response.id_token.ok_or_else(|| incomplete("ID token"))?;
        let refresh_token = response.refresh_token.ok_or_else(|| incomplete("refresh token"))?;
        let expected = Expected {
            token_type: TokenType::IdToken,
            issuer: self.issuer.as_str(),
            audience: self.client_id.as_str(),
        };
        let claims = keys.verify(id_token.expose(), &expected, now).map_err(|error| {
            let skew = ClockSkew::of_new(id_token.expose(), now);
            match (error, skew) {
                (VerifyError::Expired | VerifyError::NotYetValid, Some(skew)) => {
                    refused(IdTokenError::Clock(skew))
                }
                (error, _) => refused(error.into()),
            }
        })?;
        if claims.text("nonce").map(Nonce::new).as_ref() != Some(&self.once.nonce) {
            return Err(refused(IdTokenError::Nonce));
        }
        let account = Account::from_claims(&claims);
        let provenance = Provenance { issuer: self.issuer.clone(), client_id: self.client_id.clone() };
        let tokens = AccountTokens {
            access_token: response.access_token,
            refresh_token: Some(refresh_token),
            id_token,
            provenance: Some(provenance),
            account_id: account.workspace.as_ref().map(|workspace| workspace.as_str().to_owned()),
            last_refresh: Some(now),
        };
        let mut record = AuthFile::of_account(&tokens, self.once.owner.expose());
        record.set_last_refresh(now);
        Ok(New { account, record, set_aside: None })
    }

    fn save(&mut self, new: Box<New>, slot: &Slot) -> Effect {
        let admitted = slot::admit(slot, &self.issuer, self.replace)
            .and_then(|()| slot::admit_account(slot, &new.account, self.replace));
        if let Err(occupied) = admitted {
            if self.goes_beside(&occupied) {
                let account = new.account.clone();
                return self.go(State::GoingBeside(new), Effect::GoBeside(account));
            }
            return self.tell(occupied.into());
        }
        if let Slot::Corrupt { digest, bytes, .. } = slot {
            return self.go(State::SettingAside(new, *digest), Effect::SetAside(bytes.clone()));
        }
        let mut record = Box::new(new.record.clone());
        if let Some(outline) = slot::inherited(slot, &self.issuer, &new.account) {
            record.restore(&outline);
        }
        match slot::superseded(slot, &self.issuer, self.once.owner.expose()) {
            Some(old) => {
                let effect = Effect::Note(old.clone());
                self.go(State::Noting(new, slot.digest(), record, old), effect)
            }
            None => self.go(State::Saving(new, None), Effect::Save(slot.digest(), record)),
        }
    }

    /// A place beside is that account's own: there is no other to go to.
    fn goes_beside(&self, occupied: &Occupied) -> bool {
        self.replace == Replace::ElseBeside && self.beside.is_none() && occupied.calls_for_another_place()
    }
}

fn failed(error: LoginError) -> Effect {
    Effect::Done(Err(error))
}
