//! What the program does besides answering requests.

pub mod files;
pub mod init;
pub mod user;
