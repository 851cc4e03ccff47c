//! The command line of `keyfob usage`.

use clap::{Args, ValueEnum};
use keyfob_usage::By;

#[derive(Debug, Args)]
pub(crate) struct Usage {
    /// The provider of models whose gateway is asked, in place of the one that is configured.
    #[arg(long, value_name = "ID")]
    pub(crate) provider: Option<String>,
    /// Use the login of this name, whatever else is chosen or set.
    #[arg(long, value_name = "NAME")]
    pub(crate) login: Option<String>,
    /// By what it is added up.
    #[arg(long, value_enum, default_value_t = UsageBy::Model)]
    pub(crate) by: UsageBy,
    /// How many days to look back.
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    pub(crate) since: u32,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) output: Format,
    /// Print JSON for programs, as `--output json` does.
    #[arg(long, conflicts_with = "output")]
    pub(crate) json: bool,
}

/// By what use is added up.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum UsageBy {
    Model,
    Day,
    Caller,
    Workspace,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
    Csv,
}

impl Usage {
    /// Returns how it is written.
    pub(crate) const fn format(&self) -> Format {
        if self.json { Format::Json } else { self.output }
    }
}

impl From<UsageBy> for By {
    fn from(by: UsageBy) -> Self {
        match by {
            UsageBy::Model => Self::Model,
            UsageBy::Day => Self::Day,
            UsageBy::Caller => Self::Caller,
            UsageBy::Workspace => Self::Workspace,
        }
    }
}
