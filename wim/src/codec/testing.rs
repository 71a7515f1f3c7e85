//! Shared by the codecs' tests: codes, writers of their bit streams, and oracles too simple to be
//! wrong.

pub(super) mod lzx;
pub(super) mod xpress;

use std::ops::RangeInclusive;

/// An item of a compressed stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    Literal(u8),
    Match {
        offset: usize,
        length: usize,
    },
    /// A match with a repeat offset.
    Repeat {
        index: usize,
        length: usize,
    },
}

impl Item {
    /// The bytes it makes.
    pub(super) fn len(self) -> usize {
        match self {
            Self::Literal(_) => 1,
            Self::Match { length, .. } | Self::Repeat { length, .. } => length,
        }
    }
}

/// A literal for each byte.
pub(super) fn literals(bytes: &[u8]) -> Vec<Item> {
    bytes.iter().map(|&byte| Item::Literal(byte)).collect()
}

/// Appends a match, byte by byte.
pub(super) fn append_match(out: &mut Vec<u8>, offset: usize, length: usize) {
    for _ in 0..length {
        out.push(out[out.len() - offset]);
    }
}

/// A generator of numbers (xorshift64*), for what tests leave to chance.
pub(super) struct Random(pub(super) u64);

impl Random {
    /// A number from 0 to `end - 1`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.max(1);
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % end
    }

    /// Items of all kinds that make exactly `len` bytes, with matches of these lengths. Repeats
    /// name `repeats` offsets.
    pub(super) fn items(&mut self, len: usize, repeats: usize, lengths: RangeInclusive<usize>) -> Vec<Item> {
        let (mut items, mut at) = (Vec::new(), 0);
        while at < len {
            let spread = [2, 8, 30, *lengths.end()][self.below(4)];
            let length = (lengths.start() + self.below(spread)).min(*lengths.end()).min(len - at);
            let nearest = [at, at, at.min(10), at.min(40)][self.below(4)];
            let item = match self.below(4) {
                _ if at == 0 || length < *lengths.start() => Item::Literal(self.below(256) as u8),
                0 if repeats > 0 => Item::Repeat { index: self.below(repeats), length },
                0 | 1 => Item::Match { offset: 1 + self.below(nearest), length },
                _ => Item::Literal([0xE8, 0, self.below(256) as u8][self.below(3)]),
            };
            at += item.len();
            items.push(item);
        }
        items
    }

    /// The lengths of a complete code in which all of `used` symbols have one, at most `longest`
    /// bits.
    ///
    /// A single symbol gets a companion, since it alone would be incomplete; no symbols are an
    /// empty code.
    pub(super) fn code(&mut self, used: &[usize], symbols: usize, longest: u8) -> Vec<u8> {
        let mut lengths = vec![0; symbols];
        let mut used = used.to_vec();
        used.sort_unstable();
        used.dedup();
        if used.len() == 1 {
            used.push(usize::from(used[0] == 0));
        }
        let mut leaves = if used.is_empty() { vec![] } else { vec![1_u8, 1] };
        while leaves.len() < used.len() {
            let leaf = self.below(leaves.len());
            if leaves[leaf] < longest {
                leaves[leaf] += 1;
                leaves.push(leaves[leaf]);
            }
        }
        for (symbol, leaf) in used.into_iter().zip(leaves) {
            lengths[symbol] = leaf;
        }
        lengths
    }
}

/// The codeword of each symbol, for code lengths as they come.
pub(super) fn codewords(lengths: &[u8]) -> Vec<u32> {
    let mut words = vec![0; lengths.len()];
    let mut next = 0;
    for length in 1..=16 {
        next <<= 1;
        for (symbol, _) in lengths.iter().enumerate().filter(|(_, other)| **other == length) {
            words[symbol] = next;
            next += 1;
        }
    }
    words
}

/// Bytes from hexadecimal digits.
pub(super) fn hex(digits: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// Every way to flip one bit of `bytes`.
pub(super) fn flips(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..8 * bytes.len()).map(|bit| {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    })
}
