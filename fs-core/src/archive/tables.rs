//! What is kept in memory of archives and images, within a budget: it can always be had again.

use std::sync::Arc;

use wim::{Blob, Metadata};

use super::{FileId, OpenArchive};
use crate::concurrent::{Cache, Weigh};
use crate::error::{Error, Result};

/// What a small archive takes besides its blob table.
const ARCHIVE_OVERHEAD: usize = 2 << 10;

/// What a blob takes: its entry and its share of the index of hashes.
const BLOB_COST: u64 = size_of::<Blob>() as u64 + 8;

/// The tables of archives and the trees of images, the least recently used dropped first. Who still holds one goes on
/// with it.
#[derive(Debug)]
pub(crate) struct Memory(Cache<Key, Kept, Error>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Tables(FileId),
    Tree(FileId, usize),
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
                let blobs = archive.wim.blobs().len() * BLOB_COST as usize;
                ARCHIVE_OVERHEAD + blobs + archive.wim.xml().text().len() * 2
            }
        }
    }
}

impl Memory {
    /// Nothing yet, and at most this many bytes, what is being loaded included; what is in use at one moment may exceed it.
    pub(crate) fn new(bytes: u64) -> Self {
        Self(Cache::new(bytes))
    }

    /// The bytes taken now.
    pub(crate) fn used(&self) -> usize {
        self.0.used()
    }

    /// The archive with its tables, opened by `open` unless it is here. Its blob table has as many `entries`.
    pub(crate) fn tables(
        &self,
        id: FileId,
        entries: u64,
        open: impl FnOnce() -> Result<Arc<OpenArchive>>,
    ) -> Result<Arc<OpenArchive>> {
        let open = || {
            let _room = self.0.reserve(entries.saturating_mul(BLOB_COST));
            open().map(Kept::Tables)
        };
        match self.0.get_or_load(Key::Tables(id), open)? {
            Kept::Tables(archive) => Ok(archive),
            Kept::Tree(_) => unreachable!("tables are kept under keys of tables"),
        }
    }

    /// The tree of the image at `index` of an archive, loaded by `load` unless it is here. It is read from `size` bytes.
    pub(crate) fn tree(
        &self,
        id: FileId,
        index: usize,
        size: u64,
        load: impl FnOnce() -> Result<Metadata>,
    ) -> Result<Arc<Metadata>> {
        let load = || {
            let _room = self.0.reserve(size.saturating_add(size / 2)); // an entry has at least twice the bytes of its nodes
            load().map(Arc::new).map(Kept::Tree)
        };
        match self.0.get_or_load(Key::Tree(id, index), load)? {
            Kept::Tree(tree) => Ok(tree),
            Kept::Tables(_) => unreachable!("trees are kept under keys of trees"),
        }
    }

    /// The tables of an archive, if they are here.
    pub(crate) fn tables_here(&self, id: FileId) -> Option<Arc<OpenArchive>> {
        match self.0.get(Key::Tables(id))? {
            Kept::Tables(archive) => Some(archive),
            Kept::Tree(_) => None,
        }
    }

    /// Whether the tables of an archive are here.
    pub(crate) fn has_tables(&self, id: FileId) -> bool {
        self.0.has(Key::Tables(id))
    }

    /// Whether the tree of the image at `index` of an archive is here.
    pub(crate) fn has_tree(&self, id: FileId, index: usize) -> bool {
        self.0.has(Key::Tree(id, index))
    }

    /// Drops the tables of an archive.
    pub(crate) fn drop_tables(&self, id: FileId) {
        self.0.remove(Key::Tables(id));
    }

    /// Drops a tree.
    pub(crate) fn drop_tree(&self, id: FileId, index: usize) {
        self.0.remove(Key::Tree(id, index));
    }
}
