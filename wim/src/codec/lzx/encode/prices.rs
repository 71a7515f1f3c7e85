//! Costs of literals and matches in a block.

use super::super::super::huffman::CodeBuilder;
use super::super::super::price::{self, BIT};
use super::super::{ALIGNED_SYMBOLS, LENGTH_SYMBOLS, MAX_MAIN};
use super::codes;
use super::item::extra_bits;
use super::statistics::{FIRST_ALIGNED, Statistics};

/// Slots, rounded up to a power of two.
const ROWS: usize = 64;
/// Match lengths from 2 on.
const LENGTHS: usize = 256;

/// Costs in units of [`BIT`].
pub(super) struct Prices {
    pub(super) literals: [u32; 256],
    /// By slot and length; offset bits included, without those that the aligned code has.
    matches: Box<[[u16; LENGTHS]; ROWS]>,
    /// Of the lowest three bits of a slot's offsets, where the block is aligned.
    pub(super) aligned: [u32; ALIGNED_SYMBOLS],
    builder: Box<CodeBuilder>,
    slots: usize,
}

impl Prices {
    pub(super) fn new(slots: usize) -> Self {
        let matches = vec![[0; LENGTHS]; ROWS].into_boxed_slice().try_into().expect("the length is right");
        Self { literals: [0; 256], matches, aligned: [0; ALIGNED_SYMBOLS], builder: Box::default(), slots }
    }

    /// Costs of matches of a slot, the length 2 first.
    #[inline(always)]
    pub(super) fn row(&self, slot: usize) -> &[u16; LENGTHS] {
        &self.matches[slot % ROWS]
    }

    /// Sets the costs for symbols that are used so often.
    #[inline(never)]
    pub(super) fn set(&mut self, statistics: &Statistics) {
        let mut main = [0; MAX_MAIN];
        let main = &mut main[..256 + 8 * self.slots];
        let mut length = [0; LENGTH_SYMBOLS];
        price::of_symbols(&statistics.main[..main.len()], main);
        price::of_symbols(&statistics.length, &mut length);
        self.literals.copy_from_slice(&main[..256]);
        let mut aligned = [0; ALIGNED_SYMBOLS];
        let is_aligned = codes::aligned(statistics, &mut self.builder, &mut aligned);
        self.aligned = aligned.map(|length| if is_aligned { BIT * u32::from(length) } else { 0 });
        for (slot, row) in self.matches[..self.slots].iter_mut().enumerate() {
            let low_bits = if is_aligned && slot >= FIRST_ALIGNED { 3 } else { 0 };
            let offset = BIT * (extra_bits(slot) - low_bits);
            let heads = &main[256 + 8 * slot..][..8];
            for (price, head) in row.iter_mut().zip(&heads[..7]) {
                *price = (head + offset) as u16;
            }
            for (price, length) in row[7..].iter_mut().zip(length) {
                *price = (heads[7] + offset + length) as u16;
            }
        }
    }
}
