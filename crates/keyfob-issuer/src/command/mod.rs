//! What the program does besides answering requests.

pub mod access_key;
pub mod audit;
pub mod backup;
mod backup_file;
pub mod config_check;
pub mod doctor;
pub mod files;
pub mod init;
pub mod migrate;
mod opened;
pub mod resource_server;
pub mod restore;
pub mod signing_key;
pub mod staging;
pub mod user;
pub mod workspace;

pub use backup_file::InvalidBackup;
pub use opened::OpenDataError;
