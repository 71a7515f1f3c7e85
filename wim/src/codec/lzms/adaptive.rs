//! Huffman codes that are rebuilt from the symbols they have coded.

use super::super::CodecError;
use super::super::bits::{BitReader, FromBack};
use super::super::huffman::{Codeword, Table};
use super::tree::Tree;

/// The longest codeword: no frequencies that can come up lead to a longer one.
pub(super) const LONGEST: u32 = 15;
// An entry holds, from the low bits, how many bits codeword and extra bits have together, and:
/// How many bits the codeword has.
const LENGTH_SHIFT: u32 = 8;
/// The symbol.
const SYMBOL_SHIFT: u32 = 16;

/// A code that is rebuilt after so many symbols; `LEN` is a power of two and exceeds the number of
/// symbols by two or more.
pub(super) struct AdaptiveCode<const LEN: usize, const ROOT: u32, const SIZE: usize> {
    name: &'static str,
    rebuilt_after: u32,
    /// Symbols until the code is rebuilt.
    left: u32,
    symbols: usize,
    frequencies: [u16; LEN],
    tree: Tree<LEN>,
    table: Table<ROOT, SIZE, 0>,
}

impl<const LEN: usize, const ROOT: u32, const SIZE: usize> AdaptiveCode<LEN, ROOT, SIZE> {
    pub(super) fn new(name: &'static str, rebuilt_after: u32) -> Self {
        Self {
            name,
            rebuilt_after,
            left: 0,
            symbols: 0,
            frequencies: [0; LEN],
            tree: Tree::default(),
            table: Table::default(),
        }
    }

    /// Begins a chunk with this many symbols, all equally frequent; `extra_bits` has the number of
    /// bits that follow each.
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
        let entry = self.table.lookup(bits.peek()).map_err(|_| CodecError::EmptyCode { code: self.name, at })?;
        let symbol = (entry >> SYMBOL_SHIFT) as usize;
        let extra = (entry & 63) - (entry >> LENGTH_SHIFT & 63);
        // Shifted in two steps, since there may be none.
        let value = (bits.peek().wrapping_shl(entry >> LENGTH_SHIFT) >> 1).wrapping_shr(63 - extra) as u32;
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
        let lengths = self.tree.code_lengths(frequencies);
        for frequency in frequencies {
            *frequency = (*frequency >> 1) + 1;
        }
        let entry = |Codeword { symbol, length, .. }| {
            let extra = extra_bits.get(symbol).copied().unwrap_or(0);
            (symbol as u32) << SYMBOL_SHIFT | length << LENGTH_SHIFT | (u32::from(extra) + length)
        };
        let incomplete = CodecError::IncompleteCode { code: self.name, at };
        self.table.build(lengths, entry).map_err(|_| incomplete)
    }
}
