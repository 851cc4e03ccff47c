//! The pages in a real Chromium.

mod axe;
mod fit;
mod guest;
mod keyboard;
mod pictures;
mod tour;
