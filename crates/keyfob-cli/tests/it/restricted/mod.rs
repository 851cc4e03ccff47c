//! Restrictions of an administrator and of the user, at every door (security C-53 to C-56, design D9).

mod found;
mod machine;
mod matrix;
mod refreshed;
mod rules;
