//! Huffman trees: from frequencies to code lengths.

use super::super::huffman::sort_by_counting;
use super::adaptive::LONGEST;

/// Number of frequencies that are sorted by counting; that and more count as one.
const CLASSES: usize = 64;

/// Scratch memory for a tree of at most `LEN - 2` leaves; `LEN` is a power of two. It is kept,
/// since clearing it for each tree would be a good part of the work.
pub(super) struct Tree<const LEN: usize> {
    /// The leaves, lightest first, with their frequency above their symbol. Two of all ones follow.
    leaves: [u32; LEN],
    /// The weights of inner nodes, in ascending order. Two of all ones follow.
    weights: [u32; LEN],
    /// Which inner node each of them became a part of.
    parents: [u16; LEN],
    /// The code length of each symbol.
    lengths: [u8; LEN],
}

impl<const LEN: usize> Default for Tree<LEN> {
    fn default() -> Self {
        Self { leaves: [0; LEN], weights: [0; LEN], parents: [0; LEN], lengths: [0; LEN] }
    }
}

impl<const LEN: usize> Tree<LEN> {
    /// Finds the code lengths for these frequencies, none of which is zero.
    ///
    /// Encoder and decoder must find the same ones: the rarest symbols have the longest codewords,
    /// of equally frequent symbols the first; and of equally heavy trees leaves are merged first.
    pub(super) fn code_lengths(&mut self, frequencies: &[u16]) -> &[u8] {
        let count = frequencies.len();
        if count < 2 {
            // A code of one symbol needs another one, which is never used.
            self.lengths[..2 * count].fill(1);
            return &self.lengths[..2 * count];
        }
        self.sort(frequencies);
        self.merge(count - 2);
        let mut rest = &self.leaves[..count];
        for (depth, leaves) in (0..=LONGEST as u8).zip(self.leaves_at_each_depth(count - 2)).rev() {
            let deep;
            (deep, rest) = rest.split_at(leaves.min(rest.len()));
            for leaf in deep {
                self.lengths[(leaf & 0xFFFF) as usize % LEN] = depth;
            }
        }
        &self.lengths[..count]
    }

    /// Sorts the symbols by frequency, then by number.
    fn sort(&mut self, frequencies: &[u16]) {
        let class = |frequency: &u16| usize::from(*frequency).min(CLASSES - 1);
        let counts: [u16; CLASSES] = sort_by_counting(frequencies, class, |place, symbol, frequency| {
            self.leaves[place % LEN] = u32::from(*frequency) << 16 | symbol as u32;
        });
        let count = frequencies.len();
        let frequent = count - usize::from(counts[CLASSES - 1]);
        self.leaves[frequent..count].sort_unstable();
        self.leaves[count..count + 2].fill(u32::MAX);
    }

    /// Merges the two lightest of leaves and inner nodes again and again; the last one is `root`.
    fn merge(&mut self, root: usize) {
        self.weights[..2].fill(u32::MAX);
        let (mut leaf, mut node) = (0, 0);
        for new in 0..=root {
            let (leaf0, leaf1) = (self.leaves[leaf % LEN] >> 16, self.leaves[(leaf + 1) % LEN] >> 16);
            let (node0, node1) = (self.weights[node % LEN], self.weights[(node + 1) % LEN]);
            // Of equally heavy ones leaves come first. The branches are worth it: one way is taken
            // many times in a row.
            let weight = if leaf1 <= node0 {
                leaf += 2;
                leaf0 + leaf1
            } else if node1 < leaf0 {
                self.parents[node % LEN] = new as u16;
                self.parents[(node + 1) % LEN] = new as u16;
                node += 2;
                node0 + node1
            } else {
                self.parents[node % LEN] = new as u16;
                node += 1;
                leaf += 1;
                leaf0 + node0
            };
            self.weights[new % LEN] = weight;
            self.weights[(new + 2) % LEN] = u32::MAX;
        }
    }

    /// How many leaves there are at each depth.
    fn leaves_at_each_depth(&self, root: usize) -> [usize; LONGEST as usize + 1] {
        // Lighter nodes are no less deep, so those of each depth lie together.
        let (mut depth, mut first, mut nodes) = (1, root, 1);
        let mut leaves = [0; LONGEST as usize + 1];
        while nodes > 0 {
            let behind = first;
            while first > 0 && usize::from(self.parents[(first - 1) % LEN]) >= behind {
                first -= 1;
            }
            leaves[depth.min(LONGEST as usize)] += 2 * nodes - (behind - first);
            (depth, nodes) = (depth + 1, behind - first);
        }
        leaves
    }
}
