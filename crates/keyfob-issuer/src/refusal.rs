//! What people and programs are told about why nothing is granted.

use crate::text::{TEXT, Words};
use keyfob_issuer_core::operation::GrantRefusal;
use keyfob_issuer_core::workspace::SignInMethod;

/// Returns a sentence that says what is in the way, and what to do.
pub(crate) fn words(refusal: GrantRefusal) -> Words {
    let said = &TEXT.refusal;
    match refusal {
        GrantRefusal::NotAMember => said.not_a_member,
        GrantRefusal::Locked => said.locked,
        GrantRefusal::Disabled => said.disabled,
        GrantRefusal::OtherWorkspace => said.other_workspace,
        GrantRefusal::MethodRefused(SignInMethod::Password) => said.no_passwords,
        GrantRefusal::MethodRefused(SignInMethod::Sso) => said.no_sso,
        GrantRefusal::DeviceCodesOffInWorkspace => said.devices_off_in_workspace,
        GrantRefusal::DeviceCodesOffForPerson => said.devices_off_for_person,
        GrantRefusal::SessionOver => said.session_over,
        GrantRefusal::KeysRefused => said.no_api_keys,
        GrantRefusal::SecondFactorMissing => said.no_second_factor,
    }
}
