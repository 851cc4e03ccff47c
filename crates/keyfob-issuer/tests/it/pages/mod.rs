//! The pages in a real Chromium.

mod attack;
mod axe;
mod fit;
pub(crate) mod guest;
mod hostile;
mod keyboard;
mod other_site;
mod pictures;
mod tour;
