//! How often each symbol is used.

use super::super::super::matches::Window;
use super::super::super::price::{self, BIT};
use super::super::{ALIGNED_SYMBOLS, LENGTH_SYMBOLS, MAX_MAIN};
use super::item::{Item, extra_bits};

/// The first slot whose lowest three offset bits an aligned block codes.
pub(super) const FIRST_ALIGNED: usize = 8;
/// Bits of the code lengths of the aligned code.
pub(super) const ALIGNED_HEADER: u32 = 3 * ALIGNED_SYMBOLS as u32;

/// Frequencies of the symbols of each code.
#[derive(Clone)]
pub(super) struct Statistics {
    pub(super) main: [u32; MAX_MAIN],
    pub(super) length: [u32; LENGTH_SYMBOLS],
    pub(super) aligned: [u32; ALIGNED_SYMBOLS],
}

impl Default for Statistics {
    fn default() -> Self {
        Self { main: [0; MAX_MAIN], length: [0; LENGTH_SYMBOLS], aligned: [0; ALIGNED_SYMBOLS] }
    }
}

/// The main symbol of a match, and its length symbol if it has one.
#[inline(always)]
pub(super) fn match_symbols(item: Item) -> (usize, Option<usize>) {
    let length = item.length() - 2;
    (256 + 8 * item.slot() + length.min(7), length.checked_sub(7))
}

impl Statistics {
    /// Sets the frequencies to those of the items that begin at byte `at`.
    #[inline(never)]
    pub(super) fn count<const WINDOW: usize>(&mut self, window: &Window<WINDOW>, mut at: usize, items: &[Item]) {
        *self = Self::default();
        for &item in items {
            if item.is_literal() {
                self.main[usize::from(window.byte(at))] += 1;
                at += 1;
                continue;
            }
            let (main, length) = match_symbols(item);
            self.main[main] += 1;
            if let Some(length) = length {
                self.length[length] += 1;
            }
            if item.slot() >= FIRST_ALIGNED {
                self.aligned[item.code() as usize % ALIGNED_SYMBOLS] += 1;
            }
            at += item.length();
        }
    }

    /// Adds other items.
    pub(super) fn add(&mut self, other: &Self) {
        let add = |sums: &mut [u32], others: &[u32]| {
            sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
        };
        add(&mut self.main, &other.main);
        add(&mut self.length, &other.length);
        add(&mut self.aligned, &other.aligned);
    }

    /// How often each slot is used, as far as it has offset bits.
    fn slots(&self) -> impl Iterator<Item = (usize, u32)> {
        self.main[256..].chunks_exact(8).map(|counts| counts.iter().sum()).enumerate().skip(3)
    }

    /// Number of offset bits, in aligned blocks without those that the aligned code has.
    pub(super) fn offset_bits(&self, is_aligned: bool) -> u32 {
        let bits = |slot| extra_bits(slot) - if is_aligned && slot >= FIRST_ALIGNED { 3 } else { 0 };
        self.slots().map(|(slot, count)| bits(slot) * count).sum()
    }

    /// Roughly the bits of a block, in units of [`BIT`].
    pub(super) fn estimate(&self) -> u32 {
        /// Bits that each used symbol takes in the header, in units of [`BIT`], and that the rest of
        /// it takes.
        const PER_SYMBOL: u32 = 110;
        const HEADER: u32 = 450 * BIT;
        let (main, main_used) = price::entropy(&self.main);
        let (length, length_used) = price::entropy(&self.length);
        let (aligned, _) = price::entropy(&self.aligned);
        let low_bits = 3 * BIT * self.aligned.iter().sum::<u32>();
        let aligned = low_bits.min(aligned + ALIGNED_HEADER * BIT);
        let offsets = self.offset_bits(true) * BIT + aligned;
        main + length + offsets + (main_used + length_used) * PER_SYMBOL + HEADER
    }
}
