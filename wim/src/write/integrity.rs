//! The integrity table as it is written.

use zerocopy::IntoBytes;

use crate::BlobHash;
use crate::integrity::RawTable;

/// An integrity table: `hashes` are the SHA-1s of the archive's blocks of `block_size` bytes, from the end
/// of the header to the end of the blob table. The last block may be shorter.
///
/// ```
/// let covered = [5; 250];
/// let hashes: Vec<_> = covered.chunks(100).map(wim::BlobHash::of).collect();
/// let table = wim::write::integrity_table(100, &hashes);
/// let read = wim::IntegrityTable::parse(&table, 600, 208..458)?;
/// assert_eq!((read.len(), read.hash(2)), (3, wim::BlobHash::of(&covered[200..])));
/// # Ok::<(), wim::Error>(())
/// ```
///
/// # Panics
/// The table would have 4 GiB or more: over 200 million blocks.
#[must_use]
pub fn integrity_table(block_size: u32, hashes: &[BlobHash]) -> Vec<u8> {
    let len = size_of::<RawTable>() + size_of_val(hashes);
    let size = u32::try_from(len).expect("an integrity table is smaller than 4 GiB");
    let head = RawTable { size: size.into(), count: (hashes.len() as u32).into(), chunk_size: block_size.into() };
    let mut table = Vec::with_capacity(len);
    table.extend_from_slice(head.as_bytes());
    hashes.iter().for_each(|hash| table.extend_from_slice(&hash.0));
    table
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::IntegrityTable;

    proptest! {
        #[test]
        fn tables_are_read_as_they_were_written(
            hashes in proptest::collection::vec(any::<[u8; 20]>(), 0..50),
            block_size in 1..u32::MAX,
            short in any::<u32>(),
        ) {
            let hashes: Vec<_> = hashes.into_iter().map(BlobHash).collect();
            let whole = hashes.len() as u64 * u64::from(block_size);
            let covered = 208..208 + whole.saturating_sub(u64::from(short % block_size));
            let bytes = integrity_table(block_size, &hashes);
            let table = IntegrityTable::parse(&bytes, 0, covered.clone()).unwrap();
            prop_assert_eq!((table.chunk_size(), table.covered()), (block_size, covered));
            prop_assert_eq!((0..table.len()).map(|index| table.hash(index)).collect::<Vec<_>>(), hashes);
        }
    }
}
