//! Writes WIM archives.
//!
//! All access to disks goes through [`Disk`], which tests replace by one that fails at any call.

mod archive;
mod blocks;
mod control;
mod disk;
mod error;
mod images;
mod options;
mod pipeline;
mod sink;
mod source;
#[cfg(test)]
mod testing;
mod verbs;

pub use archive::{ArchiveWriter, NewImage, Summary};
pub use control::Control;
#[cfg(any(test, feature = "sim"))]
pub use disk::sim;
pub use disk::{Access, Disk, DiskFile, Existing, Kind, RealDisk};
pub use error::{Error, Result, code_of};
pub use images::{CopyPlan, ImageSource};
pub use options::{Options, usual_chunk_size};
pub use pipeline::ChunkEncoder;
pub use source::{Content, Job, Source, SourceArchive};
pub use verbs::{Destination, ImageSettings, Rebuild, Settings, export, join, rebuild, set, split};
