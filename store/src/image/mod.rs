//! Verbs of images.

mod add;
mod contents;
mod list;
mod remove;
mod staged;

pub use list::{ImageEntry, Listed};
