//! The commands of whoever runs the issuer.

use crate::args::Output;
use clap::Subcommand;
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
