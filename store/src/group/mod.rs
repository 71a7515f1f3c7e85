//! Verbs of image groups.

mod compact;
mod create;
mod recompress;
mod remove;
mod set;
