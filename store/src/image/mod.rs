//! Verbs of images.

mod add;
mod contents;
mod copy;
mod export;
mod list;
mod place;
mod remove;
mod replace;
mod set;
mod staged;

pub(crate) use staged::Staged;

pub use list::{ImageEntry, Listed};
