//! Which login is used where, and what logins are called.

mod choice;
mod name;

pub use choice::{Chooser, Chosen, Rule, choose};
pub use name::{InvalidLoginName, LoginName, Which};
