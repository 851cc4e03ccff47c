//! What requests used, as a gateway tells it and a client reads it.
//!
//! A [`Report`] adds up requests, tokens and their price by caller, workspace, model or day; it is written as a table, as
//! JSON and as CSV, and read back from JSON. [`OwnUsage`] is the report of one caller about themselves, with whose it is,
//! and [`Ask`] what they ask for. [`money`] is the exact amounts in it.
//!
//! It refuses to read a ledger, to ask a gateway, to know the time, and to guess at an answer that is no report.
//!
//! ```
//! use keyfob_usage::{By, Report};
//!
//! let report = Report::parse(br#"{"schema":1,"by":"day","usage":[]}"#).unwrap();
//! assert_eq!(report, Report { by: By::Day, lines: Vec::new() });
//! ```
//!
//! Start reading at [`Report`].

mod ask;
pub mod money;
mod own;
mod report;
mod written;

pub use ask::Ask;
pub use own::{NOT_KEPT, OwnUsage, PATH, Whose};
pub use report::{By, Line, NotAReport, Report};
