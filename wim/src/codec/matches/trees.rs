//! Binary trees: all matches of a position that are longer than every nearer one.

use super::super::bits::zeroed;
use super::{Match, Position, TAIL, Window, hash, steps};

/// Entries of the tables by the next three and four bytes.
const HASHES: usize = 1 << 15;

/// How far a search goes.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Search {
    /// The most nodes to visit.
    pub(in super::super) depth: u32,
    /// Length of a match at which a search ends.
    pub(in super::super) nice: usize,
    /// The largest offset of matches of two bytes; 0 to find none.
    pub(in super::super) nearest_two: usize,
}

/// A tree for each hash of four bytes, ordered by what follows, the last inserted position on top.
///
/// One walk from the top finds the matches and makes the new position the top. `POSITIONS` is the
/// largest chunk, and `SIZE` the size of its [`Window`].
pub(in super::super) struct Trees<P, const POSITIONS: usize, const SIZE: usize> {
    /// The last position with the same two bytes.
    by_two: Box<[P; 1 << 16]>,
    by_three: Box<[P; HASHES]>,
    roots: Box<[P; HASHES]>,
    /// What is below each position: what sorts before it, and what sorts after it.
    children: Box<[[P; 2]; POSITIONS]>,
}

impl<P: Position, const POSITIONS: usize, const SIZE: usize> Default for Trees<P, POSITIONS, SIZE> {
    fn default() -> Self {
        Self { by_two: zeroed(), by_three: zeroed(), roots: zeroed(), children: zeroed() }
    }
}

impl<P: Position, const POSITIONS: usize, const SIZE: usize> Trees<P, POSITIONS, SIZE> {
    /// Begins a chunk.
    pub(in super::super) fn reset(&mut self) {
        self.by_two.fill(P::default());
        self.by_three.fill(P::default());
        self.roots.fill(P::default());
    }

    /// Inserts the position `at` and calls `found` with its matches of at most `max` bytes, shorter
    /// ones first. Returns the length of the longest one of four or more bytes, or 0.
    ///
    /// Positions are inserted in ascending order.
    #[inline(always)]
    pub(in super::super) fn find(
        &mut self,
        window: &Window<SIZE>,
        at: usize,
        max: usize,
        search: Search,
        mut found: impl FnMut(Match),
    ) -> usize {
        if max < TAIL {
            return 0;
        }
        let next = window.quad(at);
        if search.nearest_two > 0 {
            let before = std::mem::replace(&mut self.by_two[next as usize % (1 << 16)], P::new(at + 1)).get();
            let offset = at + 1 - before;
            if before != 0 && offset <= search.nearest_two {
                found(Match { length: 2, offset });
            }
        }
        let before = std::mem::replace(&mut self.by_three[hash::<HASHES>(next << 8)], P::new(at + 1)).get();
        if before != 0 && (window.quad(before - 1) ^ next) << 8 == 0 {
            found(Match { length: 3, offset: at + 1 - before });
        }
        self.walk(window, at, max, search, found)
    }

    /// Inserts the position `at` as [`find`](Self::find) does.
    #[inline(always)]
    pub(in super::super) fn insert(&mut self, window: &Window<SIZE>, at: usize, max: usize, search: Search) {
        if max < TAIL {
            return;
        }
        let next = window.quad(at);
        if search.nearest_two > 0 {
            self.by_two[next as usize % (1 << 16)] = P::new(at + 1);
        }
        self.by_three[hash::<HASHES>(next << 8)] = P::new(at + 1);
        // More than a nice length makes no difference to the tree, and takes long in long runs.
        self.walk(window, at, max.min(search.nice), search, |_| {});
    }

    /// Makes `at` the top of its tree.
    #[inline(always)]
    fn walk(
        &mut self,
        window: &Window<SIZE>,
        at: usize,
        max: usize,
        search: Search,
        mut found: impl FnMut(Match),
    ) -> usize {
        let nice = search.nice.min(max);
        let root = &mut self.roots[hash::<HASHES>(window.quad(at))];
        let mut node = std::mem::replace(root, P::new(at + 1)).get();
        let children = self.children.as_flattened_mut();
        // Where the next position that sorts before or after `at` goes, and how many bytes all
        // positions below that place have in common with `at`.
        let (mut less, mut greater) = (2 * at, 2 * at + 1);
        let (mut less_common, mut greater_common) = (0, 0);
        let (mut best, mut longest) = (3, 0);
        let mut left = search.depth;
        while node != 0 && left > 0 {
            left -= 1;
            steps::count();
            let other = node - 1;
            let mut length = less_common.min(greater_common);
            let difference = window.eight(other + length) ^ window.eight(at + length);
            if difference as u8 == 0 {
                length = match difference {
                    0 => window.common(other, at, length + 8, max),
                    _ => length + (difference.trailing_zeros() / 8) as usize,
                };
                length = length.min(max);
                if length > best {
                    (best, longest) = (length, length);
                    found(Match { length, offset: at - other });
                }
                if length >= nice {
                    children[less % (2 * POSITIONS)] = children[2 * other % (2 * POSITIONS)];
                    children[greater % (2 * POSITIONS)] = children[(2 * other + 1) % (2 * POSITIONS)];
                    return longest;
                }
            }
            if window.byte(other + length) < window.byte(at + length) {
                children[less % (2 * POSITIONS)] = P::new(node);
                less = 2 * other + 1;
                less_common = length;
                node = children[less % (2 * POSITIONS)].get();
            } else {
                children[greater % (2 * POSITIONS)] = P::new(node);
                greater = 2 * other;
                greater_common = length;
                node = children[greater % (2 * POSITIONS)].get();
            }
        }
        children[less % (2 * POSITIONS)] = P::default();
        children[greater % (2 * POSITIONS)] = P::default();
        longest
    }
}
