//! Extracting to a file system of Windows.

mod folder;
mod looks;
mod partial;
mod signals;

pub(super) use folder::{Component, Folder, sameness, shown};
pub(super) use looks::{Looks, Wishes};
pub(super) use signals::{end_by, stop_on_signals};
