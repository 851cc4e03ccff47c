//! The pages in a real Chromium.

mod axe;
mod fit;
pub(crate) mod guest;
mod keyboard;
mod pictures;
mod tour;
