//! Which sign-ins of devices an issuer offers, and what letting a device in asks beside a fresh sign-in.

use super::DeviceDialect;
use crate::client::ClientKind;
use crate::user::DeviceCodes;
use std::num::NonZeroU32;

/// The issuer's switches and rules for devices (design D11, I-49, I-50).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceSettings {
    /// The sign-in that the Codex CLI and `keyfob` ask for in the Codex dialect.
    pub codex: DeviceCodes,
    /// The sign-in of RFC 8628 for the same clients.
    pub standard: DeviceCodes,
    /// The sign-in of RFC 8628 for the Codex CLI's native gateway client.
    pub gateway: DeviceCodes,
    /// Whether a number that the device shows is asked for once more.
    pub number: NumberMatch,
    /// What happens when a device asks from another network than its person decides on.
    pub elsewhere: Elsewhere,
    /// How many devices are let in to a workspace in an hour.
    pub most_an_hour: NonZeroU32,
}

/// Whether the person who lets a device in types a number that it shows, on the page that says what they let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberMatch {
    /// No.
    Off,
    /// Yes; the device shows it behind the code.
    On,
}

/// What happens when a device asks from another network than its person decides on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// The page warns.
    Warn,
    /// The device is not let in.
    Refuse,
}

impl DeviceSettings {
    /// What holds unless the settings say otherwise: everything is offered, since each user and workspace decides for
    /// themselves on the page; another network is a reason for a warning.
    pub const USUAL: Self = Self {
        codex: DeviceCodes::On,
        standard: DeviceCodes::On,
        gateway: DeviceCodes::On,
        number: NumberMatch::Off,
        elsewhere: Elsewhere::Warn,
        most_an_hour: NonZeroU32::new(60).unwrap(),
    };

    /// Says whether clients of `kind` may sign devices in with messages of `dialect`.
    pub const fn offers(self, kind: ClientKind, dialect: DeviceDialect) -> DeviceCodes {
        match (kind, dialect) {
            (ClientKind::CodexCli, DeviceDialect::Codex) => self.codex,
            (ClientKind::CodexCli, DeviceDialect::Standard) => self.standard,
            (ClientKind::CodexGateway, DeviceDialect::Standard) => self.gateway,
            // It knows none of these messages.
            (ClientKind::CodexGateway, DeviceDialect::Codex) => DeviceCodes::Off,
        }
    }

    /// Says whether any client may sign devices in with messages of `dialect`.
    pub fn offers_any(self, dialect: DeviceDialect) -> DeviceCodes {
        if ClientKind::ALL.into_iter().any(|kind| self.offers(kind, dialect) == DeviceCodes::On) {
            DeviceCodes::On
        } else {
            DeviceCodes::Off
        }
    }
}
