//! The integrity table: SHA-1s over blocks of the archive file itself.

use std::ops::Range;

use crate::{BlobHash, Result};

/// SHA-1s over consecutive blocks of the archive's raw bytes, from behind the header to the end of the blob table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegrityTable {
    covered: Range<u64>,
    chunk_size: u32,
    hashes: Vec<BlobHash>,
}

impl IntegrityTable {
    /// Parses the table's data. `at` is where it is stored and `covered` the range of archive bytes that it covers.
    ///
    /// # Errors
    /// [`Error::Truncated`](crate::Error::Truncated) and [`Error::Invalid`](crate::Error::Invalid), when its numbers do
    /// not fit together or it has more or fewer hashes than the covered bytes need.
    pub fn parse(bytes: &[u8], at: u64, covered: Range<u64>) -> Result<Self> {
        let _ = (bytes, at, covered);
        todo!()
    }

    /// The archive bytes that the table covers.
    #[must_use]
    pub fn covered(&self) -> Range<u64> {
        self.covered.clone()
    }

    /// The size of a block in bytes; the last one may be shorter.
    #[must_use]
    pub fn chunk_size(&self) -> u32 {
        self.chunk_size
    }

    /// How many blocks there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether there are no blocks.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// The archive bytes of block `index`.
    ///
    /// # Panics
    /// When `index` is not below [`IntegrityTable::len`].
    #[must_use]
    pub fn block_range(&self, index: usize) -> Range<u64> {
        assert!(index < self.len(), "block {index} of {}", self.len());
        let start = self.covered.start + index as u64 * u64::from(self.chunk_size);
        start..self.covered.end.min(start + u64::from(self.chunk_size))
    }

    /// The SHA-1 of block `index`.
    ///
    /// # Panics
    /// When `index` is not below [`IntegrityTable::len`].
    #[must_use]
    pub fn hash(&self, index: usize) -> BlobHash {
        self.hashes[index]
    }

    /// The blocks that hold the archive bytes `range`, or `None` when the table does not cover all of them.
    ///
    /// An empty range needs no blocks and is covered anywhere.
    #[must_use]
    pub fn blocks_of(&self, range: Range<u64>) -> Option<Range<usize>> {
        if range.is_empty() {
            return Some(0..0);
        }
        if range.start < self.covered.start || range.end > self.covered.end {
            return None;
        }
        let block = |at: u64| ((at - self.covered.start) / u64::from(self.chunk_size)) as usize;
        Some(block(range.start)..block(range.end - 1) + 1)
    }
}
