//! Binary trees of positions, one for each hash, in the order of what follows each position.

use super::{Find, Match, common, load};

const HASH3_BITS: u32 = 15;
const MULTIPLIER: u32 = 0x9E37_79B1;
/// The shortest match that a tree finds.
const MIN_TREE: usize = 4;
/// Bytes before the end of the data of which no tree knows.
const TAIL: usize = 8;

/// Finds matches in a window of the bytes before.
///
/// Positions are kept plus one; zero is none.
pub(in super::super) struct TreeFinder {
    /// The newest position of each hash of four bytes: the root of its tree.
    roots: Vec<u32>,
    /// The newest position of each hash of three bytes.
    newest3: Vec<u32>,
    /// The lesser and the greater subtree of each position in the window.
    children: Vec<[u32; 2]>,
    hash_bits: u32,
    /// Nodes that are visited at most.
    depth: u32,
    /// A match of this length ends the search.
    nice: usize,
    len: usize,
}

impl TreeFinder {
    /// A finder for chunks of at most `chunk_size` bytes with matches in the last `window` of them,
    /// a power of two.
    pub(in super::super) fn new(chunk_size: usize, window: usize, depth: u32, nice: usize) -> Self {
        let window = window.min(chunk_size.next_power_of_two());
        let hash_bits = window.ilog2().clamp(10, 20);
        Self {
            roots: vec![0; 1 << hash_bits],
            newest3: vec![0; 1 << HASH3_BITS],
            children: vec![[0; 2]; window],
            hash_bits,
            depth,
            nice,
            len: 0,
        }
    }

    /// Inserts `at` into its tree and appends the matches met on the way.
    #[inline(always)]
    fn insert<const FIND: bool>(&mut self, data: &[u8], at: usize, matches: &mut Vec<Match>) {
        if self.len - at < TAIL {
            return;
        }
        let most = (self.len - at).min(self.nice);
        let here = at as u32 + 1;
        let bytes = load(data, at) as u32;
        let newest = &mut self.newest3[((bytes << 8).wrapping_mul(MULTIPLIER) >> (32 - HASH3_BITS)) as usize];
        let near = std::mem::replace(newest, here) as usize;
        if FIND && near != 0 && (load(data, near - 1) as u32 ^ bytes) << 8 == 0 {
            matches.push(Match { length: 3, offset: (at + 1 - near) as u32 });
        }
        let root = &mut self.roots[(bytes.wrapping_mul(MULTIPLIER) >> (32 - self.hash_bits)) as usize];
        let mut next = std::mem::replace(root, here) as usize;
        let children = &mut self.children[..];
        let mask = children.len() - 1;
        // Where the subtrees of what is less and of what is greater are to be hung.
        let (mut less, mut greater) = ((at & mask, 0), (at & mask, 1));
        let (mut common_less, mut common_greater) = (0, 0);
        let mut longest = MIN_TREE - 1;
        let mut left = self.depth;
        while next != 0 && left > 0 && at - (next - 1) <= mask {
            left -= 1;
            let other = next - 1;
            let known = common_less.min(common_greater);
            let length = common(data, other, at, known, most);
            if length >= most || length > longest {
                longest = length;
                if FIND {
                    matches.push(Match { length: length as u32, offset: (at - other) as u32 });
                }
                if length >= most {
                    let [other_less, other_greater] = children[other & mask];
                    children[less.0][less.1] = other_less;
                    children[greater.0][greater.1] = other_greater;
                    return;
                }
            }
            let is_less = data[other + length] < data[at + length];
            if is_less {
                children[less.0][less.1] = next as u32;
                less = (other & mask, 1);
                next = children[less.0][1] as usize;
                common_less = length;
            } else {
                children[greater.0][greater.1] = next as u32;
                greater = (other & mask, 0);
                next = children[greater.0][0] as usize;
                common_greater = length;
            }
        }
        children[less.0][less.1] = 0;
        children[greater.0][greater.1] = 0;
    }
}

impl Find for TreeFinder {
    fn start(&mut self, data: &[u8]) {
        self.roots.fill(0);
        self.newest3.fill(0);
        self.len = data.len();
    }

    #[inline(always)]
    fn find(&mut self, data: &[u8], at: usize, matches: &mut Vec<Match>) {
        self.insert::<true>(data, at, matches);
    }

    fn skip(&mut self, data: &[u8], at: usize, count: usize) {
        for at in at..at + count {
            self.insert::<false>(data, at, &mut Vec::new());
        }
    }
}
