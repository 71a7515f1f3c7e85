//! What is kept in memory of archives and images, within a budget: it can always be had again.

use std::sync::Arc;

use wim::{Blob, Metadata};

use super::{FileId, OpenArchive};
use crate::concurrent::{Cache, CacheBudget, Weigh};
use crate::error::{Error, Result};

/// What a small archive takes besides its blob table.
const ARCHIVE_OVERHEAD: usize = 2 << 10;

/// What a blob takes: its entry and its share of the index of hashes.
const BLOB_COST: u64 = size_of::<Blob>() as u64 + 8;

/// The tables of archives and the trees of images, the least recently used evicted first, whether tables or trees. A holder
/// of evicted ones goes on with them.
#[derive(Debug)]
pub(crate) struct Memory {
    budget: Arc<CacheBudget>,
    tables: Cache<FileId, Arc<OpenArchive>, Error>,
    /// By the index of the image in its archive.
    trees: Cache<(FileId, usize), Arc<Metadata>, Error>,
}

impl Weigh for Arc<OpenArchive> {
    fn weight(&self) -> usize {
        let blobs = self.wim.blobs().len() * BLOB_COST as usize;
        ARCHIVE_OVERHEAD + blobs + self.wim.xml().text().len() * 2
    }
}

impl Weigh for Arc<Metadata> {
    fn weight(&self) -> usize {
        self.memory_size()
    }
}

impl Memory {
    /// Nothing yet, and at most this many bytes, what is being loaded included; what is in use at one moment may exceed it.
    pub(crate) fn new(bytes: u64) -> Self {
        let budget = Arc::new(CacheBudget::new(bytes));
        let (tables, trees) = (Cache::within(Arc::clone(&budget)), Cache::within(Arc::clone(&budget)));
        Self { budget, tables, trees }
    }

    /// The bytes taken now.
    pub(crate) fn used(&self) -> usize {
        self.budget.used()
    }

    /// The archive with its tables, opened by `open` unless it is here. Its blob table has as many `entries`.
    pub(crate) fn tables(
        &self,
        id: FileId,
        entries: u64,
        open: impl FnOnce() -> Result<Arc<OpenArchive>>,
    ) -> Result<Arc<OpenArchive>> {
        self.tables.get_or_load(id, || {
            let _reserved = self.budget.reserve(entries.saturating_mul(BLOB_COST));
            open()
        })
    }

    /// The tree of the image at `index` of an archive, loaded by `load` unless it is here. It is read from `size` bytes.
    pub(crate) fn tree(
        &self,
        id: FileId,
        index: usize,
        size: u64,
        load: impl FnOnce() -> Result<Metadata>,
    ) -> Result<Arc<Metadata>> {
        self.trees.get_or_load((id, index), || {
            // An entry has at least twice the bytes of its nodes.
            let _reserved = self.budget.reserve(size.saturating_add(size / 2));
            load().map(Arc::new)
        })
    }

    /// The tables of an archive, if they are here.
    pub(crate) fn tables_here(&self, id: FileId) -> Option<Arc<OpenArchive>> {
        self.tables.get(id)
    }

    /// Whether the tables of an archive are here.
    pub(crate) fn has_tables(&self, id: FileId) -> bool {
        self.tables.has(id)
    }

    /// Whether the tree of the image at `index` of an archive is here.
    pub(crate) fn has_tree(&self, id: FileId, index: usize) -> bool {
        self.trees.has((id, index))
    }

    /// Drops the tables of an archive.
    pub(crate) fn drop_tables(&self, id: FileId) {
        self.tables.remove(id);
    }

    /// Drops a tree.
    pub(crate) fn drop_tree(&self, id: FileId, index: usize) {
        self.trees.remove((id, index));
    }
}

#[cfg(test)]
mod tests {
    use testkit::{Packing, Wim, file, root};

    use super::*;

    /// An archive with a tree of 100 entries, as it is when it is open, and that tree.
    fn archive() -> (Arc<OpenArchive>, Metadata) {
        let files: Vec<_> = (0..100).map(|number| file(&format!("file {number}"), format!("{number}"))).collect();
        let built = Wim::new(Packing::Stored, root(files)).build();
        let archive = OpenArchive::from_source("a.wim", Arc::new(built.bytes)).unwrap();
        let tree = archive.wim.metadata(0).unwrap();
        (Arc::new(archive), tree)
    }

    #[test]
    fn tables_and_trees_evict_each_other_in_the_order_of_their_use() {
        let cost = {
            let (archive, tree) = archive();
            let one = Memory::new(1 << 30);
            one.tables(FileId::next(), 0, || Ok(archive)).unwrap();
            one.tree(FileId::next(), 0, 0, || Ok(tree)).unwrap();
            one.budget.used() as u64
        };
        let memory = Memory::new(3 * cost); // three of each
        let ids: Vec<FileId> = (0..10).map(|_| FileId::next()).collect();
        for &id in &ids {
            let (archive, tree) = archive();
            memory.tables(id, 0, || Ok(archive)).unwrap();
            memory.tree(id, 0, 0, || Ok(tree)).unwrap();
            assert!(memory.budget.used() as u64 <= 3 * cost);
        }
        let kept: Vec<bool> = ids.iter().flat_map(|&id| [memory.has_tables(id), memory.has_tree(id, 0)]).collect();
        assert_eq!(kept, [vec![false; 14], vec![true; 6]].concat(), "the last three of each");
        let (_, tree) = archive();
        drop(memory.budget.reserve(3 * cost));
        assert_eq!(memory.budget.used(), 0, "a load may need all of it");
        memory.tree(ids[0], 0, 0, || Ok(tree)).unwrap();
        assert!(memory.has_tree(ids[0], 0) && !memory.has_tables(ids[0]));
    }
}
