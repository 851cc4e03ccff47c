//! A device signs in: it starts, a person decides on another machine, it is told (RFC 8628, and the Codex dialect of it).

mod answer;
mod decide;
mod start;
mod take_back;

pub use answer::{AnsweredDevice, DeviceAnswer, DeviceError, DeviceTokenError, DeviceTokenRequest};
pub use decide::{ApprovedDevice, DecideDeviceError, Denial, DeviceApplication, DeviceApproval};
pub use start::{DeviceRequest, StartDeviceError, StartedDevice};
pub use take_back::TakenBack;
