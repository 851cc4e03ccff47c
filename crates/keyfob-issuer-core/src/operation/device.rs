//! A device signs in: it starts, a person decides on another machine, it is told (RFC 8628, and the Codex dialect of it).

mod answer;
mod decide;
mod start;

pub use answer::{AnsweredDevice, DeviceAnswer, DeviceError, DeviceTokenError, DeviceTokenRequest};
pub use decide::{ApprovedDevice, DecideDeviceError, DeviceApplication, DeviceApproval};
pub use start::{DeviceRequest, StartDeviceError, StartedDevice};
