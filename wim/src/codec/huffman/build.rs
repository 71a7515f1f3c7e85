//! Code lengths for given frequencies.

/// The most symbols that a code may have.
const MAX_SYMBOLS: usize = 1 << SYMBOL_BITS;
const SYMBOL_BITS: u32 = 10;
/// The longest codeword of any codec, in bits.
const MAX_LENGTH: usize = 16;
/// More than any tree has: one of depth 40 takes Fibonacci's 42nd number of items, over 2^27.
const MAX_DEPTH: usize = 40;

/// Builds prefix codes; holds the tree while it does.
pub(in super::super) struct CodeBuilder {
    /// The symbols in use, frequency above symbol, the rarest first.
    leaves: [u32; MAX_SYMBOLS],
    /// Leaves, and after them inner nodes in the order in which they were made: the frequency,
    /// later the index of the parent, at last the depth.
    nodes: [u32; 2 * MAX_SYMBOLS],
}

impl Default for CodeBuilder {
    fn default() -> Self {
        Self { leaves: [0; MAX_SYMBOLS], nodes: [0; 2 * MAX_SYMBOLS] }
    }
}

impl CodeBuilder {
    /// Sets `lengths[i]` to the bits of a codeword for symbol `i`, at most `limit`, or 0 where
    /// `frequencies[i]` is.
    ///
    /// The code is complete: if a single symbol is in use, another one gets a codeword too; if none
    /// is, all lengths are 0. Where no codeword meets the limit the code is optimal. Frequencies
    /// are less than 2^22 in all.
    pub(in super::super) fn build(&mut self, frequencies: &[u32], limit: usize, lengths: &mut [u8]) {
        lengths.fill(0);
        let count = self.sort(frequencies);
        match count {
            0 => {}
            1 => {
                let symbol = symbol(self.leaves[0]);
                lengths[symbol] = 1;
                lengths[usize::from(symbol == 0)] = 1;
            }
            _ => {
                self.join(count);
                let counts = limited(self.depths(count), limit);
                let mut leaves = self.leaves[..count].iter();
                for length in (1..=limit).rev() {
                    for &leaf in leaves.by_ref().take(counts[length] as usize) {
                        lengths[symbol(leaf)] = length as u8;
                    }
                }
            }
        }
    }

    /// Sorts the symbols in use into `leaves` and returns their number.
    fn sort(&mut self, frequencies: &[u32]) -> usize {
        let mut count = 0;
        for (symbol, &frequency) in frequencies.iter().enumerate() {
            self.leaves[count] = frequency << SYMBOL_BITS | symbol as u32;
            count += usize::from(frequency > 0);
        }
        self.leaves[..count].sort_unstable();
        count
    }

    /// Joins the two rarest nodes until one is left. Nodes then hold their parents.
    fn join(&mut self, count: usize) {
        let nodes = &mut self.nodes;
        for (node, leaf) in nodes.iter_mut().zip(&self.leaves[..count]) {
            *node = leaf >> SYMBOL_BITS;
        }
        // Both sequences ascend: the leaves, and the inner nodes without a parent.
        let (mut leaf, mut inner) = (0, count);
        for made in count..2 * count - 1 {
            let mut sum = 0;
            for _ in 0..2 {
                let is_leaf = leaf < count && (inner == made || nodes[leaf] <= nodes[inner]);
                let rarest = if is_leaf { &mut leaf } else { &mut inner };
                sum += nodes[*rarest];
                nodes[*rarest] = made as u32;
                *rarest += 1;
            }
            nodes[made] = sum;
        }
    }

    /// Replaces parents by depths and counts the leaves of each depth.
    fn depths(&mut self, count: usize) -> [u32; MAX_DEPTH + 1] {
        let mut counts = [0; MAX_DEPTH + 1];
        let root = 2 * count - 2;
        self.nodes[root] = 0;
        for node in (0..root).rev() {
            let depth = self.nodes[self.nodes[node] as usize] + 1;
            self.nodes[node] = depth;
            if node < count {
                counts[depth as usize] += 1;
            }
        }
        counts
    }
}

/// The symbol of a leaf.
fn symbol(leaf: u32) -> usize {
    leaf as usize % MAX_SYMBOLS
}

/// Makes codewords that are too long as long as allowed, and pushes the longest of the others down
/// until the code space is enough for all.
fn limited(mut counts: [u32; MAX_DEPTH + 1], limit: usize) -> [u32; MAX_DEPTH + 1] {
    let beyond: u32 = counts[limit + 1..].iter().sum();
    counts[limit + 1..].fill(0);
    counts[limit] += beyond;
    let mut used: u64 = (1..=limit).map(|length| u64::from(counts[length]) << (limit - length)).sum();
    while used > 1 << limit {
        // A leaf becomes a node with itself and one of the longest below it.
        let length = (1..limit).rfind(|&length| counts[length] > 0).expect("a code of so few bits has its symbols");
        counts[length] -= 1;
        counts[length + 1] += 2;
        counts[limit] -= 1;
        used -= 1;
    }
    counts
}

/// Sets the codeword of each symbol that has one.
pub(in super::super) fn codewords(lengths: &[u8], words: &mut [u16]) {
    let mut next = [0_u32; MAX_LENGTH + 2];
    for &length in lengths {
        next[usize::from(length) + 1] += 1;
    }
    next[1] = 0; // unused symbols
    for length in 1..=MAX_LENGTH {
        next[length] = 2 * (next[length - 1] + next[length]);
    }
    for (word, &length) in words.iter_mut().zip(lengths) {
        let next = &mut next[usize::from(length)];
        *word = *next as u16;
        *next += u32::from(length > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{self, Random};
    use super::*;

    fn build(frequencies: &[u32], limit: usize) -> Vec<u8> {
        let mut lengths = vec![0xAA; frequencies.len()];
        CodeBuilder::default().build(frequencies, limit, &mut lengths);
        lengths
    }

    /// Bits that all items take, by joining the two rarest nodes of a list.
    fn optimal_bits(frequencies: &[u32]) -> u32 {
        let mut nodes: Vec<u32> = frequencies.iter().copied().filter(|&frequency| frequency > 0).collect();
        let mut bits = 0;
        while nodes.len() > 1 {
            nodes.sort_unstable_by(|a, b| b.cmp(a));
            let joined = nodes.pop().unwrap() + nodes.pop().unwrap();
            bits += joined;
            nodes.push(joined);
        }
        bits
    }

    #[test]
    fn codes_are_complete_and_optimal_where_no_limit_is_met() {
        let mut random = Random(3);
        for _ in 0..500 {
            let symbols = 2 + random.below(600);
            let most = [2, 10, 1000][random.below(3)];
            let frequencies: Vec<u32> = (0..symbols).map(|_| random.below(most) as u32).collect();
            let used = frequencies.iter().filter(|&&frequency| frequency > 0).count();
            for limit in [10, 16] {
                let lengths = build(&frequencies, limit);
                let space: u32 = lengths.iter().filter(|&&length| length > 0).map(|&length| 1 << (16 - length)).sum();
                assert_eq!(space, if used == 0 { 0 } else { 1 << 16 });
                assert!(lengths.iter().all(|&length| usize::from(length) <= limit));
                if used > 1 {
                    assert!(frequencies.iter().zip(&lengths).all(|(&f, &length)| (f > 0) == (length > 0)));
                }
                if used > 1 && limit == 16 && most <= 10 {
                    let bits: u32 = frequencies.iter().zip(&lengths).map(|(f, &length)| f * u32::from(length)).sum();
                    assert_eq!(bits, optimal_bits(&frequencies));
                }
            }
        }
    }

    #[test]
    fn deep_trees_are_limited() {
        let mut fibonacci = vec![1_u32, 1];
        while fibonacci.len() < 30 {
            fibonacci.push(fibonacci[fibonacci.len() - 2..].iter().sum());
        }
        for limit in [5, 7, 15, 16, 29] {
            let lengths = build(&fibonacci, limit);
            let space: u64 = lengths.iter().map(|&length| 1_u64 << (32 - length)).sum();
            assert_eq!((space, *lengths.iter().max().unwrap()), (1 << 32, limit as u8));
        }
    }

    #[test]
    fn a_single_symbol_gets_a_companion() {
        assert_eq!(build(&[5, 0, 0], 15), [1, 1, 0]);
        assert_eq!(build(&[0, 0, 5], 15), [1, 0, 1]);
        assert_eq!(build(&[0, 0, 0], 15), [0, 0, 0]);
    }

    #[test]
    fn codewords_are_canonical() {
        let mut random = Random(5);
        for _ in 0..200 {
            let used: Vec<_> = (0..2 + random.below(300)).map(|_| random.below(400)).collect();
            let lengths = random.code(&used, 400, 16);
            let mut words = [0; 400];
            codewords(&lengths, &mut words);
            for ((word, want), length) in words.iter().zip(testing::codewords(&lengths)).zip(&lengths) {
                assert!(*length == 0 || u32::from(*word) == want);
            }
        }
    }
}
