//! The command line of `keyfob config`.

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    pub(crate) action: ConfigAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    /// Show what is configured, and in which file and line.
    Show {
        /// This key alone.
        key: Option<String>,
        /// Print JSON for programs.
        #[arg(long)]
        json: bool,
    },
    /// Look at every file, and say all that is wrong.
    Check {
        /// Print JSON for programs.
        #[arg(long)]
        json: bool,
    },
    /// Set a key in your own configuration; comments and order of the file stay.
    Set {
        /// Its name.
        key: String,
        /// A text, or a list as TOML writes it.
        value: String,
    },
    /// Take a key away from your own configuration.
    Unset {
        /// Its name.
        key: String,
    },
    /// Print the JSON Schema of a file, for editors.
    Schema {
        /// Which file.
        #[arg(long, value_enum, default_value = "own")]
        file: SchemaFile,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SchemaFile {
    /// `keyfob/config.toml`.
    Own,
    /// The Codex CLI's `config.toml`, and `managed_config.toml`.
    Shared,
    /// `requirements.toml`.
    Requirements,
}
