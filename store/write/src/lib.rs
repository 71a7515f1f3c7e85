//! Writes WIM archives.
//!
//! All access to disks goes through [`Disk`], which tests replace by one that fails at any call.

mod disk;

#[cfg(any(test, feature = "sim"))]
pub use disk::sim;
pub use disk::{Access, Disk, DiskFile, Existing, RealDisk};
