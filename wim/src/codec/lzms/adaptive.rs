//! Huffman codes that are built anew from what they have coded.

use super::super::CodecError;
use super::super::bits::{BitReader, FromBack};
use super::super::huffman::{CODE_SHIFT, RARE, Table, sort_by_counting};

/// The longest codeword: no frequencies that can come up lead to a longer one.
pub(super) const LONGEST: u32 = 15;
/// Room for the symbols of any code, a power of two.
const ROOM: usize = 1024;
/// Number of frequencies that are sorted by counting; that and more count as one.
const CLASSES: usize = 64;
/// From here on an entry holds its symbol.
const SYMBOL_SHIFT: u32 = 16;

/// A code that is rebuilt after so many symbols; `LEN` is a power of two and at least the number of symbols.
pub(super) struct AdaptiveCode<const LEN: usize, const ROOT: u32, const SIZE: usize> {
    name: &'static str,
    rebuilt_after: u32,
    /// Symbols until the code is rebuilt.
    left: u32,
    symbols: usize,
    frequencies: [u16; LEN],
    table: Table<ROOT, SIZE>,
}

impl<const LEN: usize, const ROOT: u32, const SIZE: usize> AdaptiveCode<LEN, ROOT, SIZE> {
    pub(super) fn new(name: &'static str, rebuilt_after: u32) -> Self {
        Self { name, rebuilt_after, left: 0, symbols: 0, frequencies: [0; LEN], table: Table::default() }
    }

    /// Begins a chunk with this many symbols, all equally frequent; `extra_bits` tells how many bits follow each.
    pub(super) fn reset(&mut self, symbols: usize, extra_bits: &[u8]) -> Result<(), CodecError> {
        self.symbols = symbols;
        self.frequencies[..symbols].fill(1);
        self.rebuild(extra_bits, 0)
    }

    /// Takes a symbol, and the bits that follow it.
    ///
    /// `at` is the output so far, for errors. Gives the symbol and the value of the bits.
    #[inline(always)]
    pub(super) fn take(
        &mut self,
        bits: &mut BitReader<FromBack<'_>>,
        extra_bits: &[u8],
        at: usize,
    ) -> Result<(usize, u32), CodecError> {
        bits.refill();
        let mut entry = self.table.first_level(bits.peek());
        if entry == RARE {
            let empty = CodecError::EmptyCode { code: self.name, at };
            entry = self.table.second_level(bits.peek()).map_err(|_| empty)?;
        }
        let symbol = (entry >> SYMBOL_SHIFT) as usize;
        let extra = (entry & 63) - (entry >> CODE_SHIFT & 63);
        // Shifted in two steps, since there may be none.
        let value = (bits.peek().wrapping_shl(entry >> CODE_SHIFT) >> 1).wrapping_shr(63 - extra) as u32;
        bits.consume(entry);
        self.frequencies[symbol % LEN] += 1;
        self.left -= 1;
        if self.left == 0 {
            self.rebuild(extra_bits, at)?;
        }
        Ok((symbol, value))
    }

    /// Builds the code from the frequencies, then halves them.
    #[cold]
    #[inline(never)]
    fn rebuild(&mut self, extra_bits: &[u8], at: usize) -> Result<(), CodecError> {
        self.left = self.rebuilt_after;
        let frequencies = &mut self.frequencies[..self.symbols];
        let mut lengths = [0; LEN];
        huffman_lengths(frequencies, &mut lengths);
        for frequency in frequencies {
            *frequency = (*frequency >> 1) + 1;
        }
        let entry = |symbol: usize| {
            let extra = extra_bits.get(symbol).copied().unwrap_or(0);
            (symbol as u32) << SYMBOL_SHIFT | u32::from(extra)
        };
        let incomplete = CodecError::IncompleteCode { code: self.name, at };
        self.table.build(&lengths[..self.symbols.max(2).min(LEN)], entry).map_err(|_| incomplete)
    }
}

/// Finds the code lengths for these frequencies, none of which is zero.
///
/// Encoder and decoder must find the same ones: the rarest symbols have the longest codewords, of equally frequent
/// symbols the first; and of equally heavy trees leaves are merged first.
fn huffman_lengths<const LEN: usize>(frequencies: &[u16], lengths: &mut [u8; LEN]) {
    if frequencies.len() < 2 {
        // A code of one symbol needs another one, which is never used.
        return lengths[..2 * frequencies.len()].fill(1);
    }
    // Behind the last leaf comes something heavier than all.
    let mut sorted = [u32::MAX; ROOM];
    sort(frequencies, &mut sorted);
    let leaves = leaves_at_each_depth(&sorted, frequencies.len());
    let mut rest = &sorted[..frequencies.len()];
    for (depth, count) in (0..=LONGEST as u8).zip(leaves).rev() {
        let deep;
        (deep, rest) = rest.split_at(count.min(rest.len()));
        for leaf in deep {
            lengths[(leaf & 0xFFFF) as usize % LEN] = depth;
        }
    }
}

/// Sorts the symbols by frequency, then by number, into values with the frequency above the symbol.
fn sort(frequencies: &[u16], sorted: &mut [u32; ROOM]) {
    let class = |frequency: &u16| usize::from(*frequency).min(CLASSES - 1);
    let value = |symbol: usize, frequency: &u16| u32::from(*frequency) << 16 | symbol as u32;
    let counts: [u16; CLASSES] = sort_by_counting(frequencies, class, |place, symbol, frequency| {
        sorted[place % ROOM] = value(symbol, frequency);
    });
    let frequent = frequencies.len() - usize::from(counts[CLASSES - 1]);
    sorted[frequent..frequencies.len()].sort_unstable();
}

/// How many leaves the Huffman tree of `count` sorted leaves has at each depth.
fn leaves_at_each_depth(sorted: &[u32; ROOM], count: usize) -> [usize; LONGEST as usize + 1] {
    let root = count - 2;
    let parents = merge(sorted, root);
    // Lighter trees are no less deep, so those of each depth lie together.
    let (mut depth, mut first, mut trees) = (1, root, 1);
    let mut leaves = [0; LONGEST as usize + 1];
    while trees > 0 {
        let behind = first;
        while first > 0 && usize::from(parents[(first - 1) % ROOM]) >= behind {
            first -= 1;
        }
        leaves[depth.min(LONGEST as usize)] += 2 * trees - (behind - first);
        (depth, trees) = (depth + 1, behind - first);
    }
    leaves
}

/// Merges the two lightest of leaves and trees again and again; returns which tree each tree became a part of.
fn merge(sorted: &[u32; ROOM], root: usize) -> [u16; ROOM] {
    // Behind the last tree comes something heavier than all.
    let mut weights = [u32::MAX; ROOM];
    let mut parents = [0; ROOM];
    let (mut leaf, mut tree) = (0, 0);
    for new in 0..=root {
        let (leaf0, leaf1) = (sorted[leaf % ROOM] >> 16, sorted[(leaf + 1) % ROOM] >> 16);
        let (tree0, tree1) = (weights[tree % ROOM], weights[(tree + 1) % ROOM]);
        // Of equally heavy ones leaves come first. The branches are worth it: one way is taken many times in a row.
        let weight = if leaf1 <= tree0 {
            leaf += 2;
            leaf0 + leaf1
        } else if tree1 < leaf0 {
            parents[tree % ROOM] = new as u16;
            parents[(tree + 1) % ROOM] = new as u16;
            tree += 2;
            tree0 + tree1
        } else {
            parents[tree % ROOM] = new as u16;
            tree += 1;
            leaf += 1;
            leaf0 + tree0
        };
        weights[new % ROOM] = weight;
    }
    parents
}
