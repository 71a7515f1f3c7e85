//! Signals and console events that ask the program to end.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::{end_by, stop_on_signals};
#[cfg(windows)]
pub(crate) use windows::{end_by, stop_on_signals};
