//! What can go wrong while an archive is written.

use std::io;
use std::path::{Path, PathBuf};

use wim::BlobHash;

/// The result of anything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an archive was not written. Unless a variant says otherwise, nothing has changed at the
/// destination.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A call of the disk failed.
    #[error("{}: {doing}", path.display())]
    Disk {
        /// What the call was for, as "writing".
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A source archive breaks a rule of the format, or its data has changed.
    #[error("{}", path.display())]
    Source {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        source: wim::Error,
    },
    /// The destination cannot be read: the archive that is appended to, or what was written to it.
    #[error("{}: reading the destination", path.display())]
    Destination {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        source: wim::Error,
    },
    /// A source file changed while it was read, twice.
    #[error("{}: changes while it is read", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// No source has a content that an image needs.
    #[error("{}: blob {hash} is missing, and {more} more: name the archive that has it with --ref", path.display())]
    Missing {
        /// The archive of the image.
        path: PathBuf,
        /// The first of the contents.
        hash: BlobHash,
        /// The number of those beyond it.
        more: usize,
    },
    /// The destination exists and may not be replaced.
    #[error("{}: exists; --overwrite replaces it", path.display())]
    Exists {
        /// The destination.
        path: PathBuf,
    },
    /// The archive cannot be changed, or the request does not fit it.
    #[error("{}: {reason}", path.display())]
    Refused {
        /// The archive.
        path: PathBuf,
        /// Why, and what to do instead.
        reason: String,
    },
    /// Another program is writing to the archive.
    #[error("{}: another program is writing to it", path.display())]
    Locked {
        /// The archive.
        path: PathBuf,
    },
    /// What was read back is not what was written: the medium or its driver is bad.
    #[error("{}: written file does not match: {what} at {at:#x}", path.display())]
    Written {
        /// The file.
        path: PathBuf,
        /// Which part of it.
        what: &'static str,
        /// Where that starts.
        at: u64,
    },
    /// The archive was written and has its name, but after a power cut the old state may be back.
    #[error("{}: written, but its folder cannot be synced: a power cut may undo it", path.display())]
    NotDurable {
        /// The archive.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The user stopped it.
    #[error("stopped; nothing was changed")]
    Stopped,
}

impl Error {
    /// The kind of the error, for programs: a word of docs/json.md.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Disk { source, .. } => code_of(source),
            Self::Source { .. } => "corrupt_source",
            Self::Destination { .. } => "unreadable_destination",
            Self::Changed { .. } | Self::NotDurable { .. } => "io",
            Self::Missing { .. } => "incomplete",
            Self::Exists { .. } => "exists",
            Self::Refused { .. } => "refused_type",
            Self::Locked { .. } => "locked",
            Self::Written { .. } => "corrupt_written",
            Self::Stopped => "stopped",
        }
    }

    /// Makes an [`Error::Disk`] of the system's error.
    pub(crate) fn disk(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Disk { doing, path: path.to_owned(), source }
    }

    /// Makes an [`Error::Source`] of the format's error.
    pub(crate) fn source(path: &Path) -> impl FnOnce(wim::Error) -> Self {
        move |source| Self::Source { path: path.to_owned(), source }
    }

    /// Makes an [`Error::Destination`] of the format's error.
    pub(crate) fn destination(path: &Path) -> impl FnOnce(wim::Error) -> Self {
        move |source| Self::Destination { path: path.to_owned(), source }
    }

    /// An [`Error::Refused`].
    pub(crate) fn refused(path: &Path, reason: impl Into<String>) -> Self {
        Self::Refused { path: path.to_owned(), reason: reason.into() }
    }
}

/// The code of an error of the system, as [`Error::code`].
#[must_use]
pub fn code_of(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "no_space",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => "read_only",
        io::ErrorKind::NotFound => "not_found",
        _ => "io",
    }
}
