//! Extracting to a file system of Windows.

mod folder;
mod metadata;
mod partial;

pub(crate) use folder::{Component, Folder, sameness, shown};
pub(crate) use metadata::Metadata;
pub use metadata::filesystem_options;
