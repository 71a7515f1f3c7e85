//! What can go wrong when a mount is asked something, by what the asker can do about it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use wim::BlobHash;

/// What [`wim::Error::TooLarge`] calls a chunk that is larger than is allowed.
pub(crate) const CHUNK: &str = "chunk of the resource";

/// Whether a blob was refused because its chunks are larger than the limit allows.
pub(crate) fn is_chunk_limit(error: &wim::Error) -> bool {
    matches!(error, wim::Error::TooLarge { what: CHUNK, .. })
}

/// The answer when a question about the store cannot be answered.
///
/// Each adapter maps every variant to its platform's code in one exhaustive function. Cheap to clone, since several
/// waiting readers may get the same failure.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// There is no such name, or no such inode.
    #[error("no such file or directory")]
    NotFound,
    /// A directory was needed.
    #[error("not a directory")]
    NotDirectory,
    /// A file was needed.
    #[error("is a directory")]
    IsDirectory,
    /// A symbolic link was needed.
    #[error("not a symbolic link")]
    NotSymlink,
    /// The file has no extended attribute of this name.
    #[error("no such extended attribute")]
    NoXattr,
    /// Files here have no extended attributes of this kind at all, so nobody need ask again.
    #[error("extended attributes of this kind are not kept")]
    XattrsUnsupported,
    /// A value is larger than the caller can take.
    #[error("{len} bytes are more than the {limit} that fit")]
    TooLarge {
        /// Size of the value in bytes.
        len: u64,
        /// The most that could be given, in bytes.
        limit: u64,
    },
    /// An archive has more images than its share of the numbers that a group has for images.
    #[error("more than {limit} images, the archive's share of its group's numbers: the rest is left out")]
    TooManyImages {
        /// How many of them are shown.
        limit: usize,
    },
    /// A store has more of something than a mount numbers.
    #[error("more than {limit} {what}: the rest is left out")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// How many are shown.
        limit: usize,
    },
    /// The file is encrypted by Windows (EFS): only its raw ciphertext is stored.
    #[error("encrypted by Windows (EFS); the image has only its raw data")]
    Encrypted,
    /// None of the archives that are searched supplies the file's content.
    #[error("no archive supplies blob {hash}")]
    DataMissing {
        /// The content that is missing.
        hash: BlobHash,
    },
    /// A file of the group that may have the content may not be read by the user that the view is for.
    #[error("the file of the group that has its data may not be read by this user")]
    Withheld,
    /// The image has a file's pointer to its data only.
    #[error("the image has none of its data, which Windows kept {keeper}")]
    DataElsewhere {
        /// Where.
        keeper: &'static str,
    },
    /// An archive could not be read, is damaged, or is of a kind that is not supported.
    #[error("{}", archive.display())]
    Archive {
        /// The archive's file.
        archive: PathBuf,
        /// What is wrong in it.
        source: Arc<wim::Error>,
    },
    /// A blob of an archive could not be read, or is damaged.
    #[error("{}: blob {blob} at {at:#x}", archive.display())]
    Blob {
        /// The archive's file.
        archive: PathBuf,
        /// The content.
        blob: BlobHash,
        /// Where the archive stores it: offset of its resource from the first byte.
        at: u64,
        /// What is wrong with it.
        source: Arc<wim::Error>,
    },
    /// A folder or file of the store could not be read.
    #[error("{}", path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: Arc<std::io::Error>,
    },
    /// The path given as a store is none.
    #[error("{}: {reason}", path.display())]
    NoStore {
        /// What was given.
        path: PathBuf,
        /// Why it is none, and what would be.
        reason: &'static str,
    },
    /// The path given as a store is a part of a split archive other than the first, and has no images.
    #[error("{}: a later part of a split archive: name the first part, which has the images", path.display())]
    LaterPart {
        /// The part.
        path: PathBuf,
    },
    /// An image was chosen, but the path given is a store of groups.
    #[error("{}: a store: choose an image in one of its groups or archives, as STORE/Images/GROUP", path.display())]
    ImageOfStore {
        /// The store.
        path: PathBuf,
    },
    /// A file named like a part of a split archive is a part of another one.
    #[error("{}: called as a part of the archive, but of another set", path.display())]
    OtherSet {
        /// The file.
        path: PathBuf,
    },
    /// A pattern for reference archives matches no file.
    #[error("{}: no file matches", pattern.display())]
    NoMatch {
        /// The pattern.
        pattern: PathBuf,
    },
    /// A link in a store is not followed, because of where it leads and who made it.
    #[error("{}: {reason}", link.display())]
    LinkRefused {
        /// The link.
        link: PathBuf,
        /// Why it is not followed.
        reason: &'static str,
    },
    /// The image asked for is not there.
    #[error("{}: no image {wanted}; there are {available}", path.display())]
    NoImage {
        /// The archive or group searched.
        path: PathBuf,
        /// The number or name asked for.
        wanted: String,
        /// The images that are there.
        available: String,
    },
    /// One of the above, about a file of the mounted tree.
    #[error("{path}")]
    At {
        /// Path from the root of what is mounted, lossily decoded.
        path: String,
        /// What went wrong there.
        source: Box<Self>,
    },
}

/// A result with this crate's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An archive's error with its file's name.
    pub fn archive(archive: impl Into<PathBuf>, source: wim::Error) -> Self {
        Self::Archive { archive: archive.into(), source: Arc::new(source) }
    }

    /// A system error with the path it is about.
    pub fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io { path: path.into(), source: Arc::new(source) }
    }

    /// This error said of a path of the mounted tree.
    #[must_use]
    pub fn at(self, path: &[u8]) -> Self {
        Self::At { path: String::from_utf8_lossy(path).into_owned(), source: Box::new(self) }
    }

    /// This error of a path of the mounted tree, unless it names one already.
    #[must_use]
    pub fn with_path(self, path: &[u8]) -> Self {
        if matches!(self, Self::At { .. }) { self } else { self.at(path) }
    }

    /// The error itself, without the paths it was said of.
    pub fn root_cause(&self) -> &Self {
        match self {
            Self::At { source, .. } => source.root_cause(),
            other => other,
        }
    }

    /// Whether a blob was refused because its chunks are larger than
    /// [`ContentOptions::max_chunk_bytes`](crate::ContentOptions::max_chunk_bytes) allows.
    pub fn is_chunk_limit(&self) -> bool {
        let Self::Blob { source, .. } = self.root_cause() else { return false };
        is_chunk_limit(source)
    }

    /// Whether this means that stored bytes are bad, missing or cannot be reached: what a mount answers with `EIO` and a
    /// line in the log, as against a question that has no answer.
    pub fn is_damage(&self) -> bool {
        matches!(
            self.root_cause(),
            Self::DataMissing { .. }
                | Self::DataElsewhere { .. }
                | Self::Archive { .. }
                | Self::Blob { .. }
                | Self::Io { .. }
        )
    }
}

/// Shows an error and its causes on one line, each saying its own part: `archive: chunk 7 does not decode: code is bad`.
#[derive(Debug, Clone, Copy)]
pub struct Chain<'a>(pub &'a (dyn std::error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        std::iter::successors(self.0.source(), |error| error.source()).try_for_each(|cause| write!(f, ": {cause}"))
    }
}

/// The option or other step that helps against an error, in the words of a program.
pub type Advice = fn(&Error) -> Option<&'static str>;

static ADVICE: OnceLock<Advice> = OnceLock::new();

/// Sets what [`Advised`] adds to errors, and so to the lines of the log: options have the names that the program gives
/// them. The first call counts.
pub fn set_advice(advice: Advice) {
    let _ = ADVICE.set(advice);
}

/// Shows an error as [`Chain`] does, and after that the program's advice: `a.wim: no archive supplies blob 7…; use --ref`.
#[derive(Debug, Clone, Copy)]
pub struct Advised<'a>(pub &'a Error);

impl fmt::Display for Advised<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let advice = ADVICE.get().and_then(|advice| advice(self.0.root_cause()));
        write!(f, "{}", Chain(self.0))?;
        advice.map_or(Ok(()), |advice| write!(f, "; {advice}"))
    }
}

/// Something of the store that is left out or shown unreadable.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The archive or folder.
    pub path: PathBuf,
    /// Why.
    pub error: Error,
}

impl Problem {
    pub(crate) fn new(path: &Path, error: Error) -> Self {
        Self { path: path.to_owned(), error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_names_each_cause_once() {
        let error = Error::archive("a.wim", wim::Error::NotWim).at(b"G/file");
        assert_eq!(Chain(&error).to_string(), "G/file: a.wim: not a WIM archive");
        assert!(error.is_damage());
    }
}
