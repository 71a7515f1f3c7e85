//! Verbs of image groups.

mod create;
mod remove;
mod set;
