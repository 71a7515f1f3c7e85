//! Huffman codes that are built anew from what they have coded.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::streams::BitWriter;

/// A code of the symbols seen so far, rebuilt after every so many.
pub(super) struct AdaptiveCode {
    frequencies: Vec<u32>,
    rebuilt_after: u32,
    left: u32,
    /// Codeword and length of each symbol.
    words: Vec<(u32, u32)>,
}

impl AdaptiveCode {
    pub(super) fn new(symbols: usize, rebuilt_after: u32) -> Self {
        let frequencies = vec![1; symbols];
        let words = codewords(&lengths(&frequencies));
        Self { frequencies, rebuilt_after, left: rebuilt_after, words }
    }

    pub(super) fn symbol(&mut self, bits: &mut BitWriter, symbol: usize) {
        let (word, length) = self.words[symbol];
        bits.put(word, length);
        self.frequencies[symbol] += 1;
        self.left -= 1;
        if self.left == 0 {
            self.words = codewords(&lengths(&self.frequencies));
            self.frequencies.iter_mut().for_each(|frequency| *frequency = (*frequency >> 1) + 1);
            self.left = self.rebuilt_after;
        }
    }
}

/// The length of each symbol's codeword: the two lightest trees are merged until one is left, of
/// equally heavy ones leaves first, and of leaves the first symbols. The rarest symbol gets the
/// longest codeword.
fn lengths(frequencies: &[u32]) -> Vec<u32> {
    let count = frequencies.len();
    if count < 2 {
        return vec![1; count];
    }
    // Leaves are numbered as their symbols are, inner nodes behind them as they are made.
    let mut heap: BinaryHeap<_> =
        frequencies.iter().enumerate().map(|(leaf, weight)| Reverse((*weight, leaf))).collect();
    let mut parents = vec![0; 2 * count - 1];
    for node in count..parents.len() {
        let mut lightest = || heap.pop().expect("two trees or more are left").0;
        let ((weight0, tree0), (weight1, tree1)) = (lightest(), lightest());
        parents[tree0] = node;
        parents[tree1] = node;
        heap.push(Reverse((weight0 + weight1, node)));
    }
    let mut depths = vec![0; parents.len()];
    for node in (0..parents.len() - 1).rev() {
        depths[node] = depths[parents[node]] + 1;
    }
    let mut sorted = depths[..count].to_vec();
    sorted.sort_unstable_by_key(|depth| Reverse(*depth));
    let mut symbols: Vec<usize> = (0..count).collect();
    symbols.sort_by_key(|symbol| frequencies[*symbol]);
    let mut lengths = vec![0; count];
    symbols.into_iter().zip(sorted).for_each(|(symbol, length)| lengths[symbol] = length);
    assert!(lengths.iter().all(|length| *length <= 15), "the format knows no longer codewords");
    lengths
}

/// Codewords by length, then by symbol.
fn codewords(lengths: &[u32]) -> Vec<(u32, u32)> {
    let mut words = vec![(0, 0); lengths.len()];
    let mut next = 0;
    for length in 1..=15 {
        for (symbol, _) in lengths.iter().enumerate().filter(|(_, other)| **other == length) {
            words[symbol] = (next, length);
            next += 1;
        }
        next <<= 1;
    }
    words
}
