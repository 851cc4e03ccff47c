//! What is real in tests: PostgreSQL and Chromium, from Debian's packages.
//!
//! It refuses to leave anything behind: a server ends soon after the last test process that uses it, killed or not, and a
//! browser with the value that stands for it.
//!
//! Start reading at [`postgres`] and [`chromium`].

pub mod chromium;
pub mod postgres;

/// Returns the variable `name` of the environment if it is set, not empty, and text.
#[expect(clippy::disallowed_methods, reason = "this is the adapter")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
