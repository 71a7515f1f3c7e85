//! The integrity table: SHA-1s over blocks of the archive file itself.

use std::ops::Range;

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{BlobHash, Error, Result, memory};

/// The fixed part as stored; the hashes follow.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct RawTable {
    pub(crate) size: U32,
    pub(crate) count: U32,
    pub(crate) chunk_size: U32,
}
const _: () = assert!(size_of::<RawTable>() == 12);

/// SHA-1s over consecutive blocks of the archive's raw bytes, from the end of the header to the end
/// of the blob table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegrityTable {
    covered: Range<u64>,
    chunk_size: u32,
    hashes: Vec<BlobHash>,
}

impl IntegrityTable {
    /// Parses the table's data. `at` is where it is stored and `covered` the range of archive bytes
    /// that it covers.
    ///
    /// # Errors
    /// [`Error::Truncated`] and [`Error::Invalid`], when its numbers do not fit together or it has
    /// more or fewer hashes than the covered bytes need.
    pub fn parse(bytes: &[u8], at: u64, covered: Range<u64>) -> Result<Self> {
        let have = bytes.len() as u64;
        let (raw, hashes) = RawTable::ref_from_prefix(bytes).map_err(|_| Error::Truncated {
            what: "integrity table",
            at,
            need: size_of::<RawTable>() as u64,
            have,
        })?;
        let (hashes, rest) = hashes.as_chunks();
        let invalid = |what, offset, value: U32, rule| {
            Err(Error::Invalid { what, at: at + offset, value: u64::from(value.get()), rule })
        };
        if u64::from(raw.size.get()) != have || !rest.is_empty() {
            return invalid("size of the integrity table", 0, raw.size, "not what the header says and the hashes need");
        }
        if raw.chunk_size.get() == 0 {
            return invalid("block size of the integrity table", 8, raw.chunk_size, "below 1");
        }
        let needed = (covered.end.saturating_sub(covered.start)).div_ceil(u64::from(raw.chunk_size.get()));
        if raw.count.get() as usize != hashes.len() || u64::from(raw.count.get()) != needed {
            return invalid("number of blocks of the integrity table", 4, raw.count, "not what the covered bytes need");
        }
        let hashes = memory::collect(at, hashes.iter().map(|&hash| BlobHash(hash)))?;
        Ok(Self { covered, chunk_size: raw.chunk_size.get(), hashes })
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

    /// The number of blocks.
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

    /// The blocks that hold the archive bytes `range`, or `None` when the table does not cover all
    /// of them.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn table(size: u32, count: u32, chunk_size: u32, hashes: usize) -> Vec<u8> {
        let mut bytes = [size, count, chunk_size].map(u32::to_le_bytes).concat();
        (0..hashes).for_each(|index| bytes.extend([index as u8; 20]));
        bytes
    }

    #[test]
    fn finds_blocks() {
        let table = IntegrityTable::parse(&table(72, 3, 100, 3), 900, 208..500).unwrap();
        assert_eq!((table.len(), table.covered(), table.chunk_size()), (3, 208..500, 100));
        assert_eq!((table.block_range(0), table.block_range(2)), (208..308, 408..500));
        assert_eq!(table.hash(2), BlobHash([2; 20]));
        let cases: &[(Range<u64>, Option<Range<usize>>)] = &[
            (208..209, Some(0..1)),
            (307..308, Some(0..1)),
            (307..309, Some(0..2)),
            (308..500, Some(1..3)),
            (208..500, Some(0..3)),
            (207..209, None),
            (499..501, None),
            (0..0, Some(0..0)),
        ];
        for (range, want) in cases {
            assert_eq!(table.blocks_of(range.clone()), *want, "{range:?}");
        }
    }

    #[test]
    fn covers_nothing_where_there_is_nothing() {
        let table = IntegrityTable::parse(&table(12, 0, 100, 0), 900, 208..208).unwrap();
        assert!(table.is_empty());
        assert_eq!(table.blocks_of(208..209), None);
    }

    #[test]
    fn says_what_is_wrong() {
        let count = "number of blocks of the integrity table at 0x388 is";
        let size = "size of the integrity table at 0x384 is";
        let cases: &[(&str, Vec<u8>, &str)] = &[
            ("cut short", vec![0; 11], "integrity table at 0x384 needs 12 bytes, but only 11 are there"),
            ("size", table(73, 3, 100, 3), &format!("{size} 0x49, not what the header says and the hashes need")),
            (
                "half a hash",
                [table(73, 3, 100, 3), vec![0]].concat(),
                &format!("{size} 0x49, not what the header says and the hashes need"),
            ),
            ("no block size", table(72, 3, 0, 3), "block size of the integrity table at 0x38c is 0x0, below 1"),
            ("too many", table(72, 3, 200, 3), &format!("{count} 0x3, not what the covered bytes need")),
            ("too few", table(52, 2, 100, 2), &format!("{count} 0x2, not what the covered bytes need")),
            ("wrong count", table(72, 4, 100, 3), &format!("{count} 0x4, not what the covered bytes need")),
        ];
        for (name, bytes, want) in cases {
            assert_eq!(IntegrityTable::parse(bytes, 900, 208..500).expect_err(name).to_string(), *want, "{name}");
        }
    }
}
