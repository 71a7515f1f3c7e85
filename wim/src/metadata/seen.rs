//! Tracks which bytes of a metadata resource have been read as directory entries.

use std::ops::Range;

use crate::{Result, memory};

/// A bit for each eight bytes, since entries begin and end at multiples of eight.
///
/// Lists of directory entries may overlap, and directories may share them: n lists of two
/// directories each, both with the next list as their children, have 2^n paths. Since no byte may
/// be claimed twice, reading all of them takes time linear in the number of bytes.
#[derive(Debug)]
pub(super) struct Seen(Vec<u64>);

impl Seen {
    /// Nothing claimed of `len` bytes.
    pub(super) fn new(len: usize) -> Result<Self> {
        Ok(Self(memory::collect(0, (0..len.div_ceil(8 * 64)).map(|_| 0))?))
    }

    /// Claims `bytes`, whose ends are multiples of eight, or finds that some of them are claimed
    /// already.
    ///
    /// The bytes before those are claimed all the same, so that the time this takes is bounded by
    /// the number of bytes: they cannot be claimed again.
    pub(super) fn claim(&mut self, bytes: Range<usize>) -> bool {
        let (mut slot, end) = (bytes.start / 8, bytes.end / 8);
        while slot < end {
            let (word, bit) = (slot / 64, slot % 64);
            let bits = (64 - bit).min(end - slot);
            let mask = (u64::MAX >> (64 - bits)) << bit;
            if self.0[word] & mask != 0 {
                return false;
            }
            self.0[word] |= mask;
            slot += bits;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn claims_are_exclusive(claims in prop::collection::vec((0..400usize, 0..200usize), 1..30)) {
            let mut seen = Seen::new(600 * 8).unwrap();
            let mut taken = [false; 600];
            for (start, len) in claims {
                let free = taken[start..start + len].iter().all(|taken| !taken);
                prop_assert_eq!(seen.claim(start * 8..(start + len) * 8), free);
                if !free {
                    return Ok(()); // which bytes a failed claim leaves claimed is not defined
                }
                taken[start..start + len].fill(true);
            }
        }
    }
}
