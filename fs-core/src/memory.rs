//! What is kept in memory of archives and images, within a budget: it can always be had again.

use std::sync::Arc;

use wim::{Blob, Metadata};

use crate::content::{Cache, Weigh};
use crate::{ArchiveId, Error, OpenArchive, Result};

/// What a small archive takes besides its blob table.
const ARCHIVE_OVERHEAD: usize = 2 << 10;

/// What a blob takes besides its row: its share of the index of hashes.
const BLOB_OVERHEAD: usize = 8;

/// The tables of archives and the trees of images, the least recently used dropped first. Who still holds one goes on
/// with it.
#[derive(Debug)]
pub(crate) struct Memory(Cache<Key, Kept, Error>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Tables(ArchiveId),
    Tree(ArchiveId, usize),
}

#[derive(Debug, Clone)]
enum Kept {
    Tables(Arc<OpenArchive>),
    Tree(Arc<Metadata>),
}

impl Weigh for Kept {
    fn weight(&self) -> usize {
        match self {
            Self::Tree(tree) => tree.memory_size(),
            Self::Tables(archive) => {
                let blobs = archive.wim.blobs().len().saturating_mul(size_of::<Blob>() + BLOB_OVERHEAD);
                ARCHIVE_OVERHEAD.saturating_add(blobs).saturating_add(archive.wim.xml().text().len() * 2)
            }
        }
    }
}

impl Memory {
    /// Nothing yet, and at most this many bytes; what is in use at one moment may exceed it.
    pub(crate) fn new(bytes: u64) -> Self {
        Self(Cache::new(bytes))
    }

    /// The archive with its tables, opened by `open` unless it is here.
    pub(crate) fn tables(
        &self,
        id: ArchiveId,
        open: impl FnOnce() -> Result<Arc<OpenArchive>>,
    ) -> Result<Arc<OpenArchive>> {
        match self.0.get_or_load(Key::Tables(id), || open().map(Kept::Tables))? {
            Kept::Tables(archive) => Ok(archive),
            Kept::Tree(_) => unreachable!("tables are kept under keys of tables"),
        }
    }

    /// The tree of the image at `index` of an archive, loaded by `load` unless it is here.
    pub(crate) fn tree(
        &self,
        id: ArchiveId,
        index: usize,
        load: impl FnOnce() -> Result<Metadata>,
    ) -> Result<Arc<Metadata>> {
        match self.0.get_or_load(Key::Tree(id, index), || load().map(Arc::new).map(Kept::Tree))? {
            Kept::Tree(tree) => Ok(tree),
            Kept::Tables(_) => unreachable!("trees are kept under keys of trees"),
        }
    }

    /// Drops the tables of an archive, and returns what they were kept in.
    pub(crate) fn drop_tables(&self, id: ArchiveId) -> Option<Arc<OpenArchive>> {
        match self.0.remove(Key::Tables(id))? {
            Kept::Tables(archive) => Some(archive),
            Kept::Tree(_) => None,
        }
    }

    /// Drops a tree.
    pub(crate) fn drop_tree(&self, id: ArchiveId, index: usize) {
        self.0.remove(Key::Tree(id, index));
    }
}
