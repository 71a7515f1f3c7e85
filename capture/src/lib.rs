//! Captures folders and NTFS volumes: what is there becomes an image of an archive.
//!
//! [`Scan::folder`] and [`Scan::volume`] read names and metadata, [`Scan::write`] the contents. So what cannot be stored is
//! found before anything is compressed.

pub mod disk;
mod exclude;
#[cfg(unix)]
mod files;
#[cfg(unix)]
mod links;
#[cfg(unix)]
mod ntfs;
pub mod partition;
#[cfg(unix)]
mod scan;
#[cfg(unix)]
mod source;
#[cfg(unix)]
mod volume;
#[cfg(unix)]
mod xml;

use std::io;
use std::path::PathBuf;

pub use exclude::Exclusions;
#[cfg(unix)]
pub use scan::{Options, Scan, Skipped};
#[cfg(unix)]
pub use volume::{VolumeOptions, split_source};

/// The result of anything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a folder is not captured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("{}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A file has something that an archive cannot hold.
    #[error("{}: {reason}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What, and what to do about it.
        reason: String,
    },
    /// The tree cannot be stored.
    #[error("{}", path.display())]
    Tree {
        /// The file, or the folder that is captured.
        path: PathBuf,
        /// The rule.
        source: wim::write::TreeError,
    },
    /// A disk or a volume cannot be read, or is damaged.
    #[error("{}", path.display())]
    Disk {
        /// The device, the image file, or the file of the volume.
        path: PathBuf,
        /// What is wrong.
        source: disk::Error,
    },
    /// A list of exclusions cannot be understood.
    #[error("{}:{line}: {reason}", path.display())]
    Exclusions {
        /// The list.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
}
