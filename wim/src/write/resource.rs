//! Compressed resources as they are written: the tables of chunks, and whether compression pays.

use zerocopy::IntoBytes;

use crate::Compression;
use crate::solid::RawSolidHeader;

/// The bytes of an entry of the chunk table of a resource of `size` uncompressed bytes.
fn entry_width(size: u64) -> usize {
    if size > u64::from(u32::MAX) { 8 } else { 4 }
}

/// The bytes of the chunk table of a resource of `size` uncompressed bytes in `chunks` chunks. The
/// first chunk has no entry, so that one chunk needs no table.
#[must_use]
pub fn chunk_table_len(size: u64, chunks: usize) -> u64 {
    entry_width(size) as u64 * (chunks as u64).saturating_sub(1)
}

/// Whether a resource of `size` uncompressed bytes is smaller with its chunk table and `stored` bytes of
/// chunks. Otherwise it must be stored plain: some readers take equal sizes for uncompressed data.
#[must_use]
pub fn compression_pays(size: u64, chunks: usize, stored: u64) -> bool {
    chunk_table_len(size, chunks).checked_add(stored).is_some_and(|all| all < size)
}

/// The chunk table of a resource of `size` uncompressed bytes, which stands before its chunks; `chunks`
/// are their stored sizes in bytes. An entry is where a chunk begins, counted from the first chunk.
///
/// ```
/// let table = wim::write::chunk_table(70_000, &[1000, 900, 80]);
/// assert_eq!(table, [1000_u32.to_le_bytes(), 1900_u32.to_le_bytes()].concat());
/// ```
#[must_use]
pub fn chunk_table(size: u64, chunks: &[u32]) -> Vec<u8> {
    let width = entry_width(size);
    let (_, all_but_last) = chunks.split_last().unwrap_or((&0, &[]));
    let mut table = Vec::with_capacity(width * all_but_last.len());
    let mut start = 0_u64;
    for chunk in all_but_last {
        start += u64::from(*chunk);
        table.extend_from_slice(&start.to_le_bytes()[..width]);
    }
    table
}

/// The header and chunk table of a solid resource of `size` uncompressed bytes, which stand before its
/// chunks; `chunk_size` is the uncompressed bytes of every chunk but the last, and `chunks` are the stored
/// sizes of all.
///
/// ```
/// let head = wim::write::solid_head(100, 1 << 26, wim::Compression::Lzms, &[60]);
/// assert_eq!(head.len(), 16 + 4);
/// ```
#[must_use]
pub fn solid_head(size: u64, chunk_size: u32, compression: Compression, chunks: &[u32]) -> Vec<u8> {
    let compression: u32 = match compression {
        Compression::None => 0,
        Compression::Xpress => 1,
        Compression::Lzx => 2,
        Compression::Lzms => 3,
    };
    let header = RawSolidHeader { size: size.into(), chunk_size: chunk_size.into(), compression: compression.into() };
    let mut head = header.as_bytes().to_vec();
    head.extend(chunks.iter().flat_map(|size| size.to_le_bytes()));
    head
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::chunk_table::ChunkTable;
    use crate::{ResourceFlags, ResourceHeader, SolidResource};

    const CHUNK: u32 = 32768;

    /// Where the chunks lie, by plain addition.
    fn places(start: u64, chunks: &[u32]) -> Vec<std::ops::Range<u64>> {
        let ends = chunks.iter().scan(start, |end, &size| {
            *end += u64::from(size);
            Some(*end)
        });
        ends.zip(chunks).map(|(end, &size)| end - u64::from(size)..end).collect()
    }

    fn total(chunks: &[u32]) -> u64 {
        chunks.iter().map(|&size| u64::from(size)).sum()
    }

    proptest! {
        #[test]
        fn chunk_tables_are_read_as_they_were_written(chunks in vec(1..=CHUNK, 1..200), before in 0..500_usize) {
            let size = chunks.len() as u64 * u64::from(CHUNK);
            let table = chunk_table(size, &chunks);
            prop_assert_eq!(table.len() as u64, chunk_table_len(size, chunks.len()));
            let stored_size = table.len() as u64 + total(&chunks);
            let (offset, flags) = (before as u64, ResourceFlags::COMPRESSED);
            let mut archive = [vec![0xEE; before], table].concat();
            let start = archive.len() as u64;
            archive.resize((offset + stored_size) as usize, 0);
            let place = ResourceHeader { offset, stored_size, size, flags };
            let read = ChunkTable::read(&archive, &place, CHUNK, false).unwrap();
            let found: Vec<_> = (0..chunks.len() as u64).map(|chunk| read.place(chunk)).collect();
            prop_assert_eq!(found, places(start, &chunks));
        }

        #[test]
        fn solid_resources_are_read_as_they_were_written(chunks in vec(1..=CHUNK, 1..200)) {
            let size = chunks.len() as u64 * u64::from(CHUNK);
            for compression in [Compression::Xpress, Compression::Lzx, Compression::Lzms] {
                let mut archive = solid_head(size, CHUNK, compression, &chunks);
                let start = archive.len() as u64;
                archive.resize((start + total(&chunks)) as usize, 0);
                let flags = ResourceFlags::SOLID;
                let place = ResourceHeader { offset: 0, stored_size: archive.len() as u64, size: 1 << 32, flags };
                let solid = SolidResource::read(&archive, &place).unwrap();
                prop_assert_eq!((solid.place.size, solid.chunk_size, solid.compression), (size, CHUNK, compression));
                let read = ChunkTable::read_solid(&archive, &solid).unwrap();
                let found: Vec<_> = (0..chunks.len() as u64).map(|chunk| read.place(chunk)).collect();
                prop_assert_eq!(found, places(start, &chunks));
            }
        }
    }

    #[test]
    fn entries_are_wide_from_4_gib_on() {
        assert_eq!(chunk_table(100, &[7]), []);
        assert_eq!(chunk_table(0, &[]), []);
        assert_eq!(chunk_table(100, &[7, 8, 9]), [7, 0, 0, 0, 15, 0, 0, 0]);
        assert_eq!(chunk_table(1 << 32, &[7, 8]), [7, 0, 0, 0, 0, 0, 0, 0]);
        let cases = [(u64::from(u32::MAX), 3, 8), (1 << 32, 3, 16), (5, 1, 0), (0, 0, 0)];
        for (size, chunks, len) in cases {
            assert_eq!(chunk_table_len(size, chunks), len, "{size}");
        }
    }

    #[test]
    fn equal_sizes_do_not_pay() {
        assert!(compression_pays(100, 1, 99) && !compression_pays(100, 1, 100));
        assert!(compression_pays(100, 2, 95) && !compression_pays(100, 2, 96));
        assert!(!compression_pays(100, 2, u64::MAX));
    }
}
