//! What the program does besides answering requests.

pub mod access_key;
pub mod files;
pub mod init;
pub mod resource_server;
pub mod user;
