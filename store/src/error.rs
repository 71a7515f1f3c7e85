//! What can go wrong with a verb.

use std::io;
use std::path::{Path, PathBuf};

/// The result of anything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a verb was not done. Unless a variant says otherwise, nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Writing an archive failed.
    #[error(transparent)]
    Write(#[from] write::Error),
    /// A call of the disk failed.
    #[error("{}: {doing}", path.display())]
    Disk {
        /// What the call was for, as "renaming".
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The request does not make sense.
    #[error("{0}")]
    Usage(String),
    /// There is no such store, group or image.
    #[error("{0}")]
    NotFound(String),
    /// A name is taken.
    #[error("{0}")]
    Exists(String),
    /// Several images are called so.
    #[error("{what} could be {}; name one of them", candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        what: String,
        /// What it could be, each as it can be selected.
        candidates: Vec<String>,
    },
    /// Another program works on the store or the group.
    #[error("{}: locked by {by}", path.display())]
    Locked {
        /// The store or the group.
        path: PathBuf,
        /// What the other one says of itself.
        by: String,
    },
    /// A source is damaged.
    #[error("{}: {}; nothing was added", path.display(), findings.join("; "))]
    Corrupt {
        /// The source.
        path: PathBuf,
        /// What is wrong with it.
        findings: Vec<String>,
    },
    /// A source lacks contents of its images.
    #[error(transparent)]
    Incomplete(write::Error),
    /// An archive of the group cannot be read, so that it is not known what it needs.
    #[error("{}: cannot be read, so that it is not known what it needs", path.display())]
    Unreadable {
        /// The archive.
        path: PathBuf,
        /// Why.
        source: Box<write::Error>,
    },
    /// What an interrupted verb left cannot be understood.
    #[error("{}: {reason}; look at it, and remove it if the verb in it is not to be finished", path.display())]
    Intent {
        /// The intent.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The verb is decided, but not all of it is done: the next verb or `store repair` goes on.
    #[error("{}: not finished; the next command in the group, or `store repair`, goes on", path.display())]
    Unfinished {
        /// The intent.
        path: PathBuf,
        /// What went wrong.
        source: Box<Self>,
    },
}

impl Error {
    /// The kind of the error, for programs: a word of docs/json.md.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Write(error) | Self::Incomplete(error) => error.code(),
            Self::Disk { source, .. } => write::code_of(source),
            Self::Usage(_) => "usage",
            Self::NotFound(_) => "not_found",
            Self::Exists(_) => "exists",
            Self::Ambiguous { .. } => "ambiguous",
            Self::Locked { .. } => "locked",
            Self::Corrupt { .. } => "corrupt_source",
            Self::Unreadable { .. } => "unreadable_image",
            Self::Intent { .. } => "io",
            Self::Unfinished { source, .. } => source.code(),
        }
    }

    /// Whether something in the store is bad, as against what could not be done.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        use write::Error::{Missing, Source};
        match self {
            Self::Write(Source { .. } | Missing { .. }) | Self::Unreadable { .. } => true,
            Self::Unfinished { source, .. } => source.is_damage(),
            _ => false,
        }
    }

    /// Makes an [`Error::Disk`] of the system's error.
    pub(crate) fn disk(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Disk { doing, path: path.to_owned(), source }
    }
}
