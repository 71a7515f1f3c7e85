//! What views of stores share: open archives, verified bytes, and the threads that read ahead.

use std::sync::Arc;

use crate::archive::Archives;
use crate::content::{ContentOptions, Contents};
use crate::read_ahead::ReadAhead;

/// What an engine may use.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// How blobs are read, and the budget for decoded chunks.
    pub content: ContentOptions,
    /// Budget for the directory trees of images and the tables of archives, in bytes. What is in use at one moment may
    /// exceed it.
    pub metadata_bytes: u64,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { content: ContentOptions::default(), metadata_bytes: 512 << 20 }
    }
}

/// Reads archives for any number of [`Filesystem`](crate::Filesystem)s, with one cache of chunks, one of tables and trees,
/// and one set of threads. An archive that several of them show is open once.
///
/// It decides nothing of what a view shows: its names, numbers and times come from what the view's source lists.
#[derive(Debug)]
pub struct Engine {
    pub(crate) archives: Arc<Archives>,
    pub(crate) contents: Arc<Contents>,
    pub(crate) read_ahead: ReadAhead,
}

impl Engine {
    /// Nothing is open yet, and no thread runs before somebody reads.
    pub fn new(options: &EngineOptions) -> Self {
        let contents = Arc::new(Contents::new(&options.content));
        Self {
            archives: Arc::new(Archives::new(options.metadata_bytes)),
            read_ahead: ReadAhead::new(Arc::clone(&contents), &options.content),
            contents,
        }
    }

    /// How many archives are open, those of references not counted.
    pub fn open_archives(&self) -> usize {
        self.archives.open_count()
    }

    /// The bytes that decoded chunks, tables and trees take in memory now.
    pub fn cached_bytes(&self) -> u64 {
        self.archives.memory_bytes() + self.contents.cached_bytes() as u64
    }
}
