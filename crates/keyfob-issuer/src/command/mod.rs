//! What the program does besides answering requests.

pub mod access_key;
pub mod audit;
pub mod config_check;
pub mod files;
pub mod init;
mod opened;
pub mod resource_server;
pub mod signing_key;
pub mod user;

pub use opened::OpenDataError;
