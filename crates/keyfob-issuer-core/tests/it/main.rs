//! The issuer's policy through its public door, without a database.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as loudly as tests")]

mod model;
