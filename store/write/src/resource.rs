//! Resources as they are stored: the chunk table, and whether compressing pays.

/// The bytes of an entry of the chunk table of a resource of `size` uncompressed bytes.
fn entry_width(size: u64) -> usize {
    if size > u64::from(u32::MAX) { 8 } else { 4 }
}

/// The bytes of the chunk table of a resource of `size` uncompressed bytes in `chunks` chunks.
pub(crate) fn table_len(size: u64, chunks: usize) -> u64 {
    (entry_width(size) * chunks.saturating_sub(1)) as u64
}

/// Whether a resource is smaller compressed, to `stored` bytes in so many chunks. Readers take
/// equal sizes for uncompressed data.
pub(crate) fn is_smaller(size: u64, chunks: usize, stored: u64) -> bool {
    table_len(size, chunks) + stored < size
}

/// The chunk table: where each chunk but the first begins, counted from the first.
pub(crate) fn table(size: u64, chunks: &[u32]) -> Vec<u8> {
    let width = entry_width(size);
    let mut table = Vec::with_capacity(width * chunks.len());
    let mut start = 0_u64;
    for chunk in &chunks[..chunks.len().saturating_sub(1)] {
        start += u64::from(*chunk);
        table.extend_from_slice(&start.to_le_bytes()[..width]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_begin_with_the_second_chunk() {
        assert_eq!(table(100, &[7]), []);
        assert_eq!(table(100, &[7, 8, 9]), [7, 0, 0, 0, 15, 0, 0, 0]);
        assert_eq!(table(1 << 32, &[7, 8]), [7, 0, 0, 0, 0, 0, 0, 0]);
        let cases = [(u64::from(u32::MAX), 3, 8), (1 << 32, 3, 16), (5, 1, 0), (0, 0, 0)];
        for (size, chunks, len) in cases {
            assert_eq!(table_len(size, chunks), len, "{size}");
        }
    }

    #[test]
    fn equal_sizes_are_not_smaller() {
        assert!(is_smaller(100, 1, 99) && !is_smaller(100, 1, 100));
        assert!(is_smaller(100, 2, 95) && !is_smaller(100, 2, 96));
    }
}
