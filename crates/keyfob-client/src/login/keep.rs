//! The part of a sign-in in which what the issuer gave is verified and kept.

use super::machine::{New, State};
use super::{Effect, IdTokenError, Login, LoginError, Occupied, Replace, slot};
use crate::account::Account;
use crate::clock_skew::ClockSkew;
use crate::store::Slot;
use keyfob_codex::auth_file::{AccountTokens, AuthFile, Provenance};
use keyfob_jose::{Expected, KeySet, TokenType, VerifyError};
use keyfob_oauth::token::Nonce;
use keyfob_oauth::{Timestamp, TokenResponse};
use keyfob_settings::{Judgement, Presented, Workspace};

impl Login {
    /// Verifies the ID token (OpenID Connect Core §3.1.3.7) and makes the document.
    pub(super) fn accept(
        &self,
        response: TokenResponse,
        nonce: Option<&Nonce>,
        keys: &KeySet,
        now: Timestamp,
    ) -> Result<New, LoginError> {
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
        if nonce.is_some() && claims.text("nonce").map(Nonce::new).as_ref() != nonce {
            return Err(refused(IdTokenError::Nonce));
        }
        let account = Account::from_claims(&claims);
        if self.workspace.is_some() && account.workspace != self.workspace {
            return Err(refused(IdTokenError::Workspace));
        }
        let presented = Presented::Account {
            issuer: Some(&self.issuer),
            workspace: account.workspace.as_ref().map_or(Workspace::None, Workspace::Of),
        };
        match self.restrictions.judge(presented) {
            Judgement::Allowed => {}
            Judgement::Broken(broken) => return Err(broken.into()),
            Judgement::Unverified(origin) => return Err(LoginError::Unverified(origin)),
        }
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

    pub(super) fn save(&mut self, new: Box<New>, slot: &Slot) -> Effect {
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
    pub(super) fn goes_beside(&self, occupied: &Occupied) -> bool {
        self.replace == Replace::ElseBeside && self.beside.is_none() && occupied.calls_for_another_place()
    }
}
