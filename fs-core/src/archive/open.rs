//! An archive that is open for reading, and what is known of its bytes.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use wim::{Blob, ReadAt};

use super::trust::{FileTrust, Trust};
use crate::error::{Error, Result};
use crate::source::open_file;

/// Identifies an archive file for as long as the process runs. A file that is opened again has another id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FileId(u32);

impl FileId {
    /// An id that no file had before.
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Identifies the tables of an archive file, and with an index in them a blob. Tables that were evicted and are read
/// again keep their id, unless they say something else by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TablesId {
    pub(crate) file: FileId,
    /// How many other tables of the file were read before.
    pub(crate) version: u32,
}

/// An archive file, opened, with its tables and what was verified of it so far.
///
/// Shared by all that read from it, in any number of threads. The file stays open until the last of them is gone: replacing it
/// under its name does not disturb them.
pub struct OpenArchive {
    /// Identifies its tables in the caches.
    pub(crate) id: TablesId,
    /// The file it was opened from, for messages.
    pub path: PathBuf,
    /// The archive.
    pub wim: wim::Archive,
    /// The volume that its file is on, by device number; threads that work ahead or in turn are
    /// shared among volumes.
    pub(crate) device: u64,
    /// Which of its bytes have matched a SHA-1; shared with what is opened later from the same file.
    pub(crate) trust: Arc<Trust>,
}

impl OpenArchive {
    /// Opens the archive file at `path`.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be opened, [`Error::Archive`] when it is no archive or is damaged beyond use.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let file = open_file(&path).map_err(|error| Error::io(&path, error))?;
        Self::from_source(path, Arc::new(file))
    }

    /// Opens the archive that `source` holds; `path` is what messages call it.
    ///
    /// # Errors
    /// [`Error::Io`] when the source does not say what it is like, [`Error::Archive`] when it is no archive or is damaged
    /// beyond use.
    pub fn from_source(path: impl Into<PathBuf>, source: Arc<dyn ReadAt>) -> Result<Self> {
        Self::of_file(path.into(), source, &FileTrust::new(FileId::next()))
    }

    /// As [`OpenArchive::from_source`], of a file of which something may be known.
    pub(crate) fn of_file(path: PathBuf, source: Arc<dyn ReadAt>, trust: &FileTrust) -> Result<Self> {
        // Asked before the tables are read: a file that changes while it is opened has another version later.
        let version = source.version().map_err(|error| Error::io(&path, error))?;
        let wim = wim::Archive::open(source).map_err(|error| Error::archive(&path, error))?;
        let trust = trust.of_tables(version, &wim);
        Ok(Self { id: trust.id, path, wim, device: version.device(), trust })
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What went wrong with one of this archive's blobs.
    pub(crate) fn blob_error(&self, blob: &Blob, source: impl Into<Arc<wim::Error>>) -> Error {
        let at = self.wim.resource_offset(blob);
        Error::Blob { archive: self.path.clone(), blob: blob.hash, at, source: source.into() }
    }
}

impl fmt::Debug for OpenArchive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenArchive").field("id", &self.id).field("path", &self.path).finish_non_exhaustive()
    }
}

/// A blob in one of the archives.
#[derive(Debug, Clone)]
pub struct BlobRef {
    /// The archive that holds it.
    pub archive: Arc<OpenArchive>,
    /// Its index in the archive's blob table.
    pub index: u32,
}

impl BlobRef {
    /// The blob's row of the blob table.
    pub fn blob(&self) -> &Blob {
        self.archive.wim.blobs().get(self.index)
    }

    /// Its uncompressed size in bytes, as the blob table has it.
    pub fn size(&self) -> u64 {
        self.blob().size()
    }
}
