//! The commands of whoever runs the issuer.

use crate::args::Output;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Print entries, the oldest first
    List {
        /// The directory that holds everything
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Those of one action, or of a group of them, such as `key` or `key.make`
        #[arg(long)]
        action: Option<String>,
        /// Those that concern one user or were done by them, by identifier
        #[arg(long, value_name = "ID")]
        subject: Option<String>,
        /// Those from this moment on, as 2026-03-01T12:00:00Z
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// The last so many
        #[arg(long, value_name = "NUMBER")]
        last: Option<usize>,
        /// As lines for people, or as the JSON that was recorded
        #[arg(long, value_enum, default_value_t)]
        output: Output,
    },
    /// Find out whether anything was changed, and where; exit code 3 if so
    Verify {
        /// The directory that holds everything
        #[arg(long, value_name = "DIR", required_unless_present = "file")]
        data: Option<PathBuf>,
        /// A copy that `audit export` wrote, instead
        #[arg(long, value_name = "FILE", conflicts_with = "data", requires = "key")]
        file: Option<PathBuf>,
        /// The key that `audit export` named
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        /// For people, or as JSON
        #[arg(long, value_enum, default_value_t)]
        output: Output,
    },
    /// Print everything, a JSON object a line, and name the key by which others verify it
    Export {
        /// The directory that holds everything
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SigningKey {
    /// Print each key, what it is for, from when on it signs, and until when it is published
    List {
        /// The directory that holds everything
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// For people, or as JSON
        #[arg(long, value_enum, default_value_t)]
        output: Output,
    },
    /// Make the key that signs next
    Rotate(Rotate),
    /// Drop a key at once, with everything that it signed: for a key that somebody stole
    Retire {
        /// The directory that holds everything
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Say what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
        /// For people, or as JSON
        #[arg(long, value_enum, default_value_t)]
        output: Output,
        /// Its identifier
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// The directory that holds everything
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Sign with it at once, instead of when everybody who keeps the published keys has seen it
    #[arg(long)]
    pub(crate) now: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// For people, or as JSON
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Say what in the settings and the files beside them would keep the issuer from starting; exit code 3 if there is anything
    Check {
        /// The directory that holds everything
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// For people, or as JSON
        #[arg(long, value_enum, default_value_t)]
        output: Output,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The directory that holds everything
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// For people, or as JSON
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    /// The file to write; there must be none of this name
    #[arg(value_name = "FILE")]
    pub(crate) to: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The directory that will hold everything
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// The `seal.key` of the issuer that made the backup
    #[arg(long, value_name = "FILE")]
    pub(crate) seal_key: PathBuf,
    /// Put the data into this empty database instead of one like that it came from
    #[arg(long, value_name = "sqlite:PATH|postgres://USER@HOST/NAME")]
    pub(crate) database: Option<String>,
    /// The file that holds the database's password; else it is looked for as libpq does (PGPASSFILE)
    #[arg(long, value_name = "FILE", requires = "database")]
    pub(crate) database_password_file: Option<PathBuf>,
    /// Let sessions go on, though some may have been ended since the backup
    #[arg(long)]
    pub(crate) keep_sessions: bool,
    /// Let tokens and keys go on, though some may have been revoked since the backup
    #[arg(long)]
    pub(crate) keep_keys: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// For people, or as JSON
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    /// The backup
    #[arg(value_name = "FILE")]
    pub(crate) backup: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Recover {
    /// The directory that holds everything
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// For people, or as JSON
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    /// The e-mail address, instead of that of the first user
    pub(crate) email: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// The directory that holds everything
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// For people, or as JSON
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The directory that holds everything
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// For people, or as JSON
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}
