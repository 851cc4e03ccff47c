//! Real servers for tests: today PostgreSQL, from Debian's package.
//!
//! It refuses to leave anything behind: a server ends soon after the last test process that uses it, killed or not.
//!
//! Start reading at [`postgres`].

pub mod postgres;
