//! Huffman codes that are rebuilt from the symbols they have coded: the encoder's side.

use super::super::tree::Tree;
use super::streams::Streams;

/// Longest codeword, plus one, rounded up.
const LENGTHS: usize = 16;

/// A code that is rebuilt after so many symbols; `LEN` is a power of two and exceeds the number of
/// symbols by two or more.
pub(super) struct AdaptiveCode<const LEN: usize> {
    rebuilt_after: u32,
    /// Symbols until the code is rebuilt.
    left: u32,
    symbols: usize,
    frequencies: [u16; LEN],
    tree: Tree<LEN>,
    words: [u16; LEN],
    lengths: [u8; LEN],
    /// Whether the code was rebuilt since [`take_rebuilt`](Self::take_rebuilt).
    is_rebuilt: bool,
}

impl<const LEN: usize> AdaptiveCode<LEN> {
    pub(super) fn new(rebuilt_after: u32) -> Self {
        Self {
            rebuilt_after,
            left: 0,
            symbols: 0,
            frequencies: [0; LEN],
            tree: Tree::default(),
            words: [0; LEN],
            lengths: [0; LEN],
            is_rebuilt: false,
        }
    }

    /// Begins a chunk with this many symbols, all equally frequent.
    pub(super) fn reset(&mut self, symbols: usize) {
        self.symbols = symbols;
        self.frequencies[..symbols].fill(1);
        self.rebuild();
    }

    /// The bits of each symbol's codeword.
    pub(super) fn lengths(&self) -> &[u8] {
        &self.lengths[..self.symbols]
    }

    /// Whether the code is another one than at the last call.
    pub(super) fn take_rebuilt(&mut self) -> bool {
        std::mem::take(&mut self.is_rebuilt)
    }

    /// Writes a symbol and the `extra` bits of `value` that follow it.
    #[inline(always)]
    pub(super) fn put(&mut self, streams: &mut Streams<'_>, symbol: usize, value: u32, extra: u32) {
        let symbol = symbol % LEN;
        let word = u64::from(self.words[symbol]) << extra | u64::from(value);
        streams.put(word, u32::from(self.lengths[symbol]) + extra);
        self.frequencies[symbol] += 1;
        self.left -= 1;
        if self.left == 0 {
            self.rebuild();
        }
    }

    /// Builds the code from the frequencies, then halves them.
    #[cold]
    #[inline(never)]
    fn rebuild(&mut self) {
        self.left = self.rebuilt_after;
        self.is_rebuilt = true;
        let frequencies = &mut self.frequencies[..self.symbols];
        let lengths = self.tree.code_lengths(frequencies);
        for frequency in frequencies {
            *frequency = (*frequency >> 1) + 1;
        }
        self.lengths[..lengths.len()].copy_from_slice(lengths);
        // Codewords are ordered by length and symbol.
        let mut counts = [0_u16; LENGTHS];
        for &length in lengths {
            counts[usize::from(length) % LENGTHS] += 1;
        }
        let mut next = [0_u16; LENGTHS];
        for length in 1..LENGTHS {
            next[length] = (next[length - 1] + if length > 1 { counts[length - 1] } else { 0 }) << 1;
        }
        for (word, &length) in self.words.iter_mut().zip(lengths) {
            let next = &mut next[usize::from(length) % LENGTHS];
            *word = *next;
            *next = next.wrapping_add(1);
        }
    }
}
