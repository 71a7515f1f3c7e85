//! Choosing the items that take the fewest bits, for given costs of the symbols.
//!
//! No item depends on those before it, so the cheapest way from each byte to the end is exact.

use super::super::super::bits::zeroed;
use super::super::super::matches::{Match, MatchList, Search, steps};
use super::super::super::price;
use super::{ChunkTrees, ChunkWindow, Item, Items, LONG_MATCH, LONGER_MATCH, MAX_CHUNK, MIN_MATCH, SYMBOLS};

const BYTE: u32 = 8 * price::BIT;
/// Matches that are longer than the one before by more are tried with their full length only.
const MANY_LENGTHS: usize = 64;

/// Costs, and the cheapest way from each byte.
pub(super) struct Path {
    /// Cost of each symbol, and of the offset bits and the first byte of the length after it.
    prices: [u32; SYMBOLS],
    costs: Box<[u32; MAX_CHUNK + 1]>,
    /// The first item of the way.
    best: Box<[Item; MAX_CHUNK]>,
}

impl Default for Path {
    fn default() -> Self {
        Self { prices: [0; SYMBOLS], costs: zeroed(), best: zeroed() }
    }
}

/// Lists the matches of a chunk of `len` bytes.
#[inline(never)]
pub(super) fn find(window: &ChunkWindow, len: usize, trees: &mut ChunkTrees, search: Search, matches: &mut MatchList) {
    trees.reset();
    matches.clear();
    let mut at = 0;
    while at < len {
        let push = |found: Match| matches.push(Item::new_match(found.length, found.offset).0);
        let longest = trees.find(window, at, len - at, search, push);
        matches.next_position();
        at += 1;
        if longest >= search.nice {
            for at in at..at + longest - 1 {
                trees.insert(window, at, len - at, search);
                matches.next_position();
            }
            at += longest - 1;
        }
    }
}

impl Path {
    /// Sets the costs for symbols that are used so often; before the first pass nothing is known
    /// but the bytes of the chunk.
    pub(super) fn price(&mut self, window: &ChunkWindow, len: usize, known: Option<&[u32; SYMBOLS]>) {
        match known {
            Some(frequencies) => price::of_symbols(frequencies, &mut self.prices),
            None => self.guess(window, len),
        }
        for (index, price) in self.prices[256..].iter_mut().enumerate() {
            *price += (index as u32 / 16) * price::BIT;
            if index % 16 == LONG_MATCH - MIN_MATCH {
                *price += BYTE;
            }
        }
    }

    /// Costs of literals by their share of the chunk, and of matches by experience.
    fn guess(&mut self, window: &ChunkWindow, len: usize) {
        let mut frequencies = [0; 256];
        for at in 0..len {
            frequencies[usize::from(window.byte(at))] += 1;
        }
        price::of_symbols(&frequencies, &mut self.prices[..256]);
        for (index, price) in self.prices[256..].iter_mut().enumerate() {
            let near = if index / 16 < 4 { 2 } else { 0 };
            *price = (6 + near + index as u32 % 16 / 3) * price::BIT;
        }
    }

    /// Sets `items` to the cheapest ones.
    pub(super) fn parse(&mut self, window: &ChunkWindow, len: usize, matches: &MatchList, items: &mut Items) {
        self.costs[len] = 0;
        for at in (0..len).rev() {
            self.choose(window, at, matches);
        }
        items.len = 0;
        let mut at = 0;
        while at < len {
            let item = self.best[at];
            items.push(item);
            at += item.match_length().max(1);
        }
    }

    /// Sets the cheapest way from `at`.
    #[inline(always)]
    fn choose(&mut self, window: &ChunkWindow, at: usize, matches: &MatchList) {
        let byte = window.byte(at);
        let (mut cost, mut best) = (self.costs[at + 1] + self.prices[usize::from(byte)], Item::literal(byte));
        let mut next_length = MIN_MATCH;
        for &found in matches.at(at) {
            let found = Item(found);
            let (longest, offset) = (found.match_length(), found.offset());
            let prices = &self.prices[256..].as_chunks::<16>().0[offset.ilog2() as usize % 16];
            let first = if longest > next_length + MANY_LENGTHS { longest } else { next_length };
            for length in first..=longest {
                steps::count();
                let more = if length >= LONGER_MATCH { 2 * BYTE } else { 0 };
                let price = prices[length.min(LONG_MATCH) - MIN_MATCH] + more + self.costs[at + length];
                if price < cost {
                    (cost, best) = (price, Item::new_match(length, offset as usize));
                }
            }
            next_length = longest + 1;
        }
        (self.costs[at], self.best[at]) = (cost, best);
    }
}
