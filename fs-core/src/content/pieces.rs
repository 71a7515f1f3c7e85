//! Which chunks a range of a blob touches: arithmetic, and nothing else.

use std::ops::Range;

/// The part of one chunk that a range covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// Index of the chunk.
    pub(super) chunk: u64,
    /// The bytes of the decoded chunk, never empty.
    pub(super) range: Range<usize>,
}

/// How many of `len` bytes from `offset` are there in a blob of `size` bytes: fewer than `len` only where it ends.
pub(super) fn available(size: u64, offset: u64, len: usize) -> usize {
    usize::try_from(size.saturating_sub(offset)).map_or(len, |rest| rest.min(len))
}

/// The pieces, in order, that make up `len` bytes from `offset` of a blob of `size` bytes in chunks of `chunk_size` (the last
/// may be shorter). What lies behind the end is left out. `chunk_size` must not be 0.
pub(super) fn pieces(size: u64, chunk_size: u32, offset: u64, len: usize) -> impl Iterator<Item = Piece> {
    let chunk_size = u64::from(chunk_size);
    let end = offset.saturating_add(available(size, offset, len) as u64);
    let mut at = offset;
    std::iter::from_fn(move || {
        if at >= end {
            return None;
        }
        let (chunk, from) = (at / chunk_size, at % chunk_size);
        let to = chunk_size.min(from + (end - at));
        at += to - from;
        Some(Piece { chunk, range: from as usize..to as usize })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pieces_at_the_edges() {
        type Case = (u64, u32, u64, usize, &'static [(u64, Range<usize>)]);
        let cases: &[Case] = &[
            (0, 8, 0, 10, &[]),
            (1, 8, 0, 10, &[(0, 0..1)]),
            (8, 8, 0, 8, &[(0, 0..8)]),
            (9, 8, 0, 100, &[(0, 0..8), (1, 0..1)]),
            (9, 8, 8, 1, &[(1, 0..1)]),
            (9, 8, 9, 1, &[]),
            (9, 8, u64::MAX, usize::MAX, &[]),
            (24, 8, 7, 10, &[(0, 7..8), (1, 0..8), (2, 0..1)]),
            (24, 8, 8, 0, &[]),
            (u64::MAX, 1 << 31, u64::MAX - 1, 5, &[((1 << 33) - 1, (1 << 31) - 2..(1 << 31) - 1)]),
        ];
        for (size, chunk_size, offset, len, want) in cases {
            let got: Vec<_> = pieces(*size, *chunk_size, *offset, *len).map(|p| (p.chunk, p.range)).collect();
            assert_eq!(&got, want, "{size} in chunks of {chunk_size}, {len} from {offset}");
        }
    }

    proptest! {
        #[test]
        fn pieces_make_up_the_window(size in 0..5000_u64, chunk in 1..300_u32, offset in 0..6000_u64, len in 0..6000_usize) {
            let all: Vec<u8> = (0..size).map(|i| (i * 31 % 251) as u8).collect();
            let chunks: Vec<&[u8]> = all.chunks(chunk as usize).collect();
            let got: Vec<u8> =
                pieces(size, chunk, offset, len).flat_map(|p| chunks[p.chunk as usize][p.range].to_vec()).collect();
            let start = (offset as usize).min(all.len());
            let end = (start + len).min(all.len());
            prop_assert_eq!(&got, &all[start..end]);
            prop_assert_eq!(got.len(), available(size, offset, len));
        }
    }
}
