//! What is captured, where the system does not read it for us.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wim::ReadAt;

/// A stream of a source.
#[derive(Debug, Clone)]
pub(crate) struct StreamId {
    /// The number of its file.
    pub(crate) file: u64,
    /// What distinguishes the file from others that had its number.
    pub(crate) sequence: u16,
    /// Its name in UTF-16 as stored; empty for the main one.
    pub(crate) name: Vec<u8>,
}

/// A tree that has been read whole, whose streams can be read in any order and from several threads.
pub(crate) trait Source: Send + Sync {
    /// Opens a stream.
    ///
    /// # Errors
    /// It is damaged, or not what was scanned.
    fn open(&self, stream: &StreamId) -> io::Result<Arc<dyn ReadAt>>;

    /// Whether the source is what it was when it was scanned; asked once, after the last byte.
    ///
    /// # Errors
    /// It is not, or cannot be read any more.
    fn check_unchanged(&self) -> write::Result<()>;
}

/// A stream of a source as the writer reads it.
pub(crate) struct SourceStream {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) stream: StreamId,
    pub(crate) size: u64,
    pub(crate) path: PathBuf,
}

impl write::Content for SourceStream {
    fn path(&self) -> &Path {
        &self.path
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn open(&self) -> io::Result<Arc<dyn ReadAt>> {
        self.source.open(&self.stream)
    }
}
