//! The command line.

pub(crate) mod operation;

use crate::workspaces::Workspace;
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde_json::Value;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The authorization server people sign in to.
#[derive(Debug, Parser)]
#[command(name = "keyfob-issuer", version, about)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a new issuer; the owner's password is read from standard input
    Init(Init),
    /// Serve sign-ins until interrupted
    Serve(Serve),
    /// Add and list the people who may sign in
    #[command(subcommand)]
    User(User),
    /// Make, list and change the workspaces that people share
    #[command(subcommand)]
    Workspace(Workspace),
    /// Make, list and revoke personal access tokens
    #[command(subcommand)]
    Token(Key),
    /// Make, list and revoke API keys
    #[command(subcommand)]
    Key(ApiKey),
    /// List the keys that tokens are signed with, and let the next one sign
    #[command(subcommand)]
    SigningKey(operation::SigningKey),
    /// Register the servers that may ask what a token means, such as gateways
    #[command(subcommand)]
    ResourceServer(ResourceServer),
    /// Write everything but the seal key to one file, also while serving
    Backup(operation::Backup),
    /// Make an issuer from a backup; sessions and keys end, since some may have been ended after it
    Restore(operation::Restore),
    /// Let an owner back in who lost their password or second factor: print a link that works once
    Recover(operation::Recover),
    /// Bring the tables of the database up to date, as `serve` does too
    Migrate(operation::Migrate),
    /// Find what could keep people from signing in, and say what to do; exit code 3 if anything does
    Doctor(operation::Doctor),
    /// Check the settings and the files beside them
    #[command(subcommand)]
    Config(operation::Config),
    /// Read, verify and copy out the trail of what happened
    #[command(subcommand)]
    Audit(operation::Audit),
}

/// How a command prints what it found.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Text,
    /// JSON, for programs.
    Json,
}

/// Which issuer, and how a command prints what it found.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The directory that holds everything
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// For people, or as JSON
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

impl Place {
    /// Prints the one or the other, on standard output; a text of nothing is no line.
    pub(crate) fn print(&self, text: &str, json: Value) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        match (self.output, json) {
            (Output::Text, _) if text.is_empty() => {}
            (Output::Text, _) => writeln!(out, "{text}")?,
            (Output::Json, Value::Object(mut members)) => {
                members.insert("schema".to_owned(), 1.into());
                writeln!(out, "{}", Value::Object(members))?;
            }
            (Output::Json, other) => writeln!(out, "{other}")?,
        }
        Ok(())
    }
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The directory that will hold everything
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// The address at which people and programs reach it
    #[arg(long)]
    pub(crate) url: String,
    /// The e-mail address of the first user
    #[arg(long, value_name = "EMAIL")]
    pub(crate) owner: String,
    /// A P-256 key in PEM to sign with, instead of a new one
    #[arg(long, value_name = "FILE")]
    pub(crate) signing_key: Option<PathBuf>,
    /// Keep the data in this PostgreSQL database instead of a file in DIR
    #[arg(long, value_name = "postgres://USER@HOST/NAME")]
    pub(crate) database: Option<String>,
    /// The file that holds the database's password; else it is looked for as libpq does (PGPASSFILE)
    #[arg(long, value_name = "FILE", requires = "database")]
    pub(crate) database_password_file: Option<PathBuf>,
    /// The resource server that access tokens are for, instead of the issuer's own address
    #[arg(long, value_name = "URL")]
    pub(crate) audience: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The directory that holds everything
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// The address to listen on, instead of the one in the URL
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Add somebody; the password is read from standard input
    Add {
        #[command(flatten)]
        place: Place,
        /// The e-mail address
        #[arg(long)]
        email: String,
        /// Do not take your word that letters to the address reach them: they follow a link first
        #[arg(long)]
        unverified: bool,
    },
    /// Say that letters to somebody's address reach them
    Verify {
        #[command(flatten)]
        place: Place,
        /// The e-mail address
        email: String,
    },
    /// Print a link by which somebody chooses a new password, once, within half an hour
    ResetLink {
        #[command(flatten)]
        place: Place,
        /// The e-mail address
        email: String,
    },
    /// Take the second factor from somebody who lost it, and sign them out everywhere
    ResetFactors {
        #[command(flatten)]
        place: Place,
        /// The e-mail address
        email: String,
    },
    /// Say when somebody's personal workspace wants a second factor
    Mfa {
        #[command(flatten)]
        place: Place,
        /// The e-mail address
        email: String,
        /// Before the cloud capabilities, or before everything
        when: Mfa,
    },
    /// Say whether somebody may sign in: what they have rests while they are locked, and ends when they are disabled
    Status {
        #[command(flatten)]
        place: Place,
        /// The e-mail address
        email: String,
        /// What they are from now on
        status: Status,
    },
    /// Print everybody's e-mail address, identifier and status
    List {
        #[command(flatten)]
        place: Place,
    },
}

/// Whether somebody may sign in.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Status {
    Active,
    Locked,
    Disabled,
}

/// When a workspace wants a second factor.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Mfa {
    Cloud,
    Always,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ApiKey {
    #[command(flatten)]
    Key(Key),
    /// Make the next signing key: the same as `signing-key rotate`
    Rotate(operation::Rotate),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make one and print it, this once
    Create(NewKey),
    /// Print identifier, last characters, owner, label, end and last use of each
    List {
        #[command(flatten)]
        place: Place,
    },
    /// End one
    Revoke {
        #[command(flatten)]
        place: Place,
        /// Its identifier
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct NewKey {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The e-mail address of whoever it acts for
    #[arg(long)]
    pub(crate) email: String,
    /// What it is called
    #[arg(long)]
    pub(crate) label: String,
    /// What it may be used for, instead of everything that it could be
    #[arg(long)]
    pub(crate) scope: Option<String>,
    /// A model that it opens, instead of all; may be repeated
    #[arg(long = "model")]
    pub(crate) models: Vec<String>,
    /// After how many days it ends, at most 365; a token ends after 30 unless this says otherwise
    #[arg(long, value_name = "DAYS")]
    pub(crate) days: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ResourceServer {
    /// Register one and print its secret, this once
    Add {
        #[command(flatten)]
        place: Place,
        /// The audience whose tokens it may ask about, instead of the issuer's own
        #[arg(long, value_name = "URL")]
        audience: Option<String>,
        /// Its name
        name: String,
    },
    /// Print the name and audience of each
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Remove one
    Remove {
        #[command(flatten)]
        place: Place,
        /// Its name
        name: String,
    },
}
