//! The table `[device_codes]`: which sign-ins of devices are offered, and what letting one in asks.

use keyfob_issuer_core::device_grant::{DeviceSettings, Elsewhere, NumberMatch};
use keyfob_issuer_core::user::DeviceCodes;
use std::num::NonZeroU32;

const KEYS: [&str; 6] =
    ["codex", "standard", "gateway", "number_match", "other_network", "per_workspace_per_hour"];

/// The table as it is written.
#[derive(serde::Deserialize)]
#[serde(default)]
pub(super) struct Wire {
    codex: Switch,
    standard: Switch,
    gateway: Switch,
    number_match: Switch,
    other_network: OtherNetwork,
    per_workspace_per_hour: NonZeroU32,
}

/// `true` or `false`.
#[derive(Clone, Copy, serde::Deserialize)]
#[serde(from = "bool")]
enum Switch {
    On,
    Off,
}

/// The words of `other_network`.
#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum OtherNetwork {
    Warn,
    Refuse,
}

impl From<bool> for Switch {
    fn from(is_on: bool) -> Self {
        if is_on { Self::On } else { Self::Off }
    }
}

impl From<DeviceCodes> for Switch {
    fn from(switch: DeviceCodes) -> Self {
        match switch {
            DeviceCodes::On => Self::On,
            DeviceCodes::Off => Self::Off,
        }
    }
}

impl From<Switch> for DeviceCodes {
    fn from(switch: Switch) -> Self {
        match switch {
            Switch::On => Self::On,
            Switch::Off => Self::Off,
        }
    }
}

impl Default for Wire {
    fn default() -> Self {
        DeviceSettings::USUAL.into()
    }
}

impl From<DeviceSettings> for Wire {
    fn from(policy: DeviceSettings) -> Self {
        Self {
            codex: policy.codex.into(),
            standard: policy.standard.into(),
            gateway: policy.gateway.into(),
            number_match: match policy.number {
                NumberMatch::On => Switch::On,
                NumberMatch::Off => Switch::Off,
            },
            other_network: match policy.elsewhere {
                Elsewhere::Warn => OtherNetwork::Warn,
                Elsewhere::Refuse => OtherNetwork::Refuse,
            },
            per_workspace_per_hour: policy.most_an_hour,
        }
    }
}

impl From<Wire> for DeviceSettings {
    fn from(wire: Wire) -> Self {
        Self {
            codex: wire.codex.into(),
            standard: wire.standard.into(),
            gateway: wire.gateway.into(),
            number: match wire.number_match {
                Switch::On => NumberMatch::On,
                Switch::Off => NumberMatch::Off,
            },
            elsewhere: match wire.other_network {
                OtherNetwork::Warn => Elsewhere::Warn,
                OtherNetwork::Refuse => Elsewhere::Refuse,
            },
            most_an_hour: wire.per_workspace_per_hour,
        }
    }
}

/// Returns the table of `policy`.
pub(super) fn table(policy: DeviceSettings) -> toml::Table {
    let wire = Wire::from(policy);
    let word = match wire.other_network {
        OtherNetwork::Warn => "warn",
        OtherNetwork::Refuse => "refuse",
    };
    let switches = [wire.codex, wire.standard, wire.gateway, wire.number_match];
    let most = i64::from(wire.per_workspace_per_hour.get());
    let others = [word.into(), most.into()];
    let values = switches.map(|switch| matches!(switch, Switch::On).into()).into_iter().chain(others);
    KEYS.map(str::to_owned).into_iter().zip(values).collect()
}
