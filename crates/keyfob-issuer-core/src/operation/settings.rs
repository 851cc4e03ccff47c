//! Somebody changes a setting of their own account.

use crate::audit::{Action, AuditEvent};
use crate::digest::SessionCookie;
use crate::issuer::Issuer;
use crate::operation::retry::retried;
use crate::operation::second_factor::StepError;
use crate::sign_in::{Demand, State};
use crate::user::DeviceCodes;

impl Issuer {
    /// Turns sign-in with device codes on or off for somebody who has just proven who they are (design D11).
    pub async fn set_device_codes(
        &self,
        cookie: &SessionCookie,
        device_codes: DeviceCodes,
    ) -> Result<(), StepError> {
        retried(|| self.try_set_device_codes(cookie, device_codes)).await
    }

    async fn try_set_device_codes(
        &self,
        cookie: &SessionCookie,
        device_codes: DeviceCodes,
    ) -> Result<(), StepError> {
        let mut transaction = self.begin().await?;
        let person = self.person(&mut *transaction, Some(cookie)).await?.ok_or(StepError::OutOfTurn)?;
        if person.sign_in().state(Demand::of_change(), self.now()) != State::Proven {
            return Err(StepError::OutOfTurn);
        }
        transaction.set_device_codes(&person.session.subject, device_codes).await?;
        let event = AuditEvent::done(Action::SetDeviceCodes).by_owner(&person.session.subject);
        Ok(self.commit(transaction, event.saying(device_codes.as_str())).await?)
    }
}
